"""Whether the model data that a template names are in S3, and are those that were pinned."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from inference_ops.cost.capacity import mapping, mappings
from inference_ops.cost.model import Resource
from inference_ops.errors import CommandError, Exit
from inference_ops.preflight.account import Account, asking
from inference_ops.preflight.finding import Finding, finding_of
from inference_ops.preflight.images import containers_of
from inference_ops.preflight.subject import MODEL, Subject
from model_artifacts.pins import CONTEXT_FILE, PinnedObject

_PINS = "inference:model:"
_VERSION = "inference:model-version"
# Of an object in one piece, and of one in several.
_ETAG = re.compile(r"[0-9a-f]{32}(?:-\d+)?")
_MISSING = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An object as S3 has it.

    Attributes:
        etag: without quotes.
        version_id: in a versioned bucket.
        size: its bytes.
    """

    etag: str
    version_id: str | None
    size: int


def read_pins(context: Path | None) -> dict[str, PinnedObject]:
    """What `inference resolve` has pinned, by URI.

    Args:
        context: the file that keeps the pins; None is the usual one, where there is one.

    Raises:
        CommandError: the file is no JSON object, or one that was named is not there.
    """
    if context is None:
        context = Path(CONTEXT_FILE)
        if not context.is_file():
            return {}
    try:
        values = json.loads(context.read_text())
        stored = [mapping(values[key]) for key in values if key.startswith(_PINS)]
        objects = [mapping(pin.get(name)) for pin in stored for name in ("artifact", "code")]
        return {
            each["uri"]: PinnedObject(
                uri=each["uri"], etag=each["etag"], version_id=each.get("versionId")
            )
            for each in objects
            if each
        }
    except OSError as error:
        raise CommandError(f"--context {context}: {error.strerror}", Exit.USAGE) from None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise CommandError(
            f"--context {context} must be a file that `inference resolve` wrote: {error!r}",
            Exit.USAGE,
        ) from None


def check_artifacts(subject: Subject, pins: Mapping[str, PinnedObject]) -> Iterator[Finding]:
    """Looks each artifact up in S3, and compares it with what was pinned or packed.

    Args:
        subject: what is deployed.
        pins: what was pinned, by URI.
    """
    uploads = _uploads(subject)
    for model in subject.model.of_type(MODEL):
        for container in containers_of(model):
            source = mapping(mapping(container.get("ModelDataSource")).get("S3DataSource"))
            given = container.get("ModelDataUrl") or source.get("S3Uri")
            if given is None:
                continue
            uri = subject.text(given)
            name = f"model data of {model.logical_id}"
            yield finding_of(
                name,
                partial(
                    _artifact,
                    subject.account,
                    name,
                    uri,
                    pinned=pins.get(uri) or _tagged(model, uri),
                    upload=uploads.get(uri),
                    prefix=source.get("S3DataType") == "S3Prefix",
                ),
            )


def _artifact(
    account: Account,
    name: str,
    uri: str,
    *,
    pinned: PinnedObject | None,
    upload: Path | None,
    prefix: bool,
) -> Finding:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or "${" in uri:
        return Finding(subject=name, passed=None, found=f"only a deployment tells where: {uri}")
    if prefix:
        return _prefix(account, name, bucket, key)
    stored = _stored(account, bucket, key)
    return (
        _compared(name, uri, stored, pinned)
        if upload is None
        else _uploaded(name, uri, stored, upload)
    )


def _compared(name: str, uri: str, stored: Stored | None, pinned: PinnedObject | None) -> Finding:
    if stored is None:
        return Finding(
            subject=name,
            passed=False,
            found=f"{uri} does not exist",
            advice="put it there, or name another: inference resolve",
        )
    if pinned is None:
        found = f"{uri}, {stored.size:,} bytes, ETag {stored.etag}, pinned nowhere"
        return Finding(subject=name, passed=True, found=found)
    if pinned.etag not in {stored.etag, stored.version_id}:
        return Finding(
            subject=name,
            passed=False,
            found=f"{uri} has ETag {stored.etag}, pinned is {pinned.etag}: other bytes lie there",
            advice="look who wrote them; pin them with `inference resolve` if they are right",
        )
    found = f"{uri}, {stored.size:,} bytes, as pinned: {pinned.etag}"
    return Finding(subject=name, passed=True, found=found)


def _prefix(account: Account, name: str, bucket: str, prefix: str) -> Finding:
    with asking("s3:ListBucket", f"s3://{bucket}/{prefix}"):
        listed = account.session.client("s3").list_objects_v2(
            Bucket=bucket, Prefix=prefix, MaxKeys=1
        )
    there = listed["KeyCount"] > 0
    found = f"s3://{bucket}/{prefix} {'has objects' if there else 'is empty'}"
    return Finding(subject=name, passed=there, found=found)


def _uploaded(name: str, uri: str, stored: Stored | None, upload: Path) -> Finding:
    """An asset of the assembly: the CDK CLI uploads it, and never over one that is there."""
    size = upload.stat().st_size
    if stored is None:
        found = f"`cdk deploy` uploads it, {size:,} bytes"
        return Finding(subject=name, passed=True, found=found)
    if stored.size != size:
        return Finding(
            subject=name,
            passed=False,
            found=f"{uri} has {stored.size:,} bytes, the assembly's {size:,}: `cdk deploy` does "
            "not upload over what is there",
            advice=f"look who wrote it, and delete it: aws s3 rm {uri}",
        )
    return Finding(subject=name, passed=True, found=f"uploaded already, {size:,} bytes")


def _stored(account: Account, bucket: str, key: str) -> Stored | None:
    from botocore.exceptions import ClientError

    # Who may not list a bucket gets 403 for a missing object as well.
    with asking("s3:GetObject (and s3:ListBucket, to tell a missing object)", f"s3://{bucket}"):
        try:
            head = account.session.client("s3").head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _MISSING:
                raise
            return None
    version = head.get("VersionId")
    return Stored(
        etag=head["ETag"].strip('"'),
        version_id=None if version == "null" else version,
        size=head["ContentLength"],
    )


def _tagged(model: Resource, uri: str) -> PinnedObject | None:
    """What a model's tags say of data that are used as they are."""
    for tag in mappings(model.properties.get("Tags")):
        version = str(tag.get("Value"))
        if tag.get("Key") == _VERSION and _ETAG.fullmatch(version):
            return PinnedObject(uri=uri, etag=version)
    return None


def _uploads(subject: Subject) -> dict[str, Path]:
    """The files that the CDK CLI uploads for the stack, by the URI that they will have."""
    path = subject.template.path
    manifest = path.with_name(path.name.replace(".template.", ".assets."))
    if subject.template.stack_name is None or not manifest.is_file():
        return {}
    files: Mapping[str, Any] = json.loads(manifest.read_text()).get("files", {})
    return {
        subject.text(f"s3://{place['bucketName']}/{place['objectKey']}"): path.with_name(
            file["source"]["path"]
        )
        for file in files.values()
        if file["source"].get("packaging") == "file"
        for place in file["destinations"].values()
    }
