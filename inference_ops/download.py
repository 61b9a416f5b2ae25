"""Fetches one state of an object in S3."""

import shutil
from pathlib import Path
from typing import Any

from inference_ops.aws import aws_errors
from inference_ops.errors import CommandError
from model_artifacts.limits import DEFAULT_VOLUME_BYTES, GIB
from model_artifacts.pins import PinnedObject


def pin_object(s3: Any, uri: str) -> PinnedObject:
    """Ask S3 for the present state of an object.

    Args:
        s3: A boto3 client of S3.
        uri: `s3://bucket/key`.

    Returns:
        Its ETag, and its version where the bucket is versioned.

    Raises:
        CommandError: It is missing, out of reach, or too large to be served.
    """
    bucket, key = _split(uri)
    with aws_errors(uri):
        head = s3.head_object(Bucket=bucket, Key=key)
    if head["ContentLength"] > DEFAULT_VOLUME_BYTES:
        raise CommandError(
            f"{uri} has {head['ContentLength'] / GIB:.1f} GiB: an instance takes "
            f"{DEFAULT_VOLUME_BYTES / GIB:.0f} GiB"
        )
    # A bucket whose versioning is suspended says "null", and overwrites that version.
    version = head.get("VersionId")
    return PinnedObject(
        uri=uri,
        etag=head["ETag"].strip('"'),
        version_id=None if version == "null" else version,
    )


def download(s3: Any, pinned: PinnedObject, destination: Path) -> None:
    """Fetch an object exactly as it was pinned.

    Args:
        s3: A boto3 client of S3.
        pinned: The state that is meant. It is had by its version, or not at all if the object was
            overwritten since.
        destination: The file to write.

    Raises:
        CommandError: The object is missing, out of reach, or another one than the pinned.
    """
    bucket, key = _split(pinned.uri)
    request = {"Bucket": bucket, "Key": key, "IfMatch": f'"{pinned.etag}"'}
    if pinned.version_id is not None:
        request["VersionId"] = pinned.version_id
    with aws_errors(pinned.uri), destination.open("wb") as file:
        body = s3.get_object(**request)["Body"]
        shutil.copyfileobj(body, file, 1 << 20)


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket or not key:
        raise CommandError(f"the artifact's URI {uri!r} is not of the form s3://BUCKET/KEY")
    return bucket, key
