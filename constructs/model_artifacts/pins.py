"""What `inference resolve` found, kept in `cdk.context.json`.

A synth never calls AWS. As CDK's own lookups do, the command writes its answer into the context
under a key of its own per source, and a synth reads it back:

    pin = read_pin(Source.parse("training-job/churn-2026"), scope.node.try_get_context)
    artifact = verify_packed(pin, project_root, code=project_root / "model_code/serving")

`read_pin` and `verify_packed` raise `ArtifactError` with the command to run. The stored form:

    "inference:model:training-job/churn-2026": {
      "source": "training-job/churn-2026",
      "region": "us-east-1",
      "jobArn": "arn:aws:sagemaker:us-east-1:123456789012:training-job/churn-2026",
      "artifact": {"uri": "s3://bucket/key/model.tar.gz", "etag": "9b2c…", "versionId": "3sL4…"},
      "image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
      "model": {"format": "ubj", "version": "3.2.0"},
      "packed": {"path": "artifacts/<sha256>.tar.gz", "sha256": "…", "size": 1, "codeSha256": "…"}
    }

`tuningJobArn` stands beside `jobArn` for a tuning job; `packageArn` and `packageStatus` stand in
its place for a model package. `versionId` is there where the bucket is versioned, `image` where the
source names one. `packed` is missing after `--no-repack`, and `model` where a package's image is no
XGBoost image either, so that nothing says what would load it. `code`, in the form of `artifact`, is
the script in S3 that a package's own container fetches. Paths are relative to the directory of the
context file.
"""

import hashlib
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from model_artifacts.errors import ArtifactError
from model_artifacts.files import atomic_write
from model_artifacts.json_members import set_member
from model_artifacts.model_format import ModelFile, ModelFormat, Version
from model_artifacts.packing import PackedArtifact, code_digest
from model_artifacts.sources import Source

CONTEXT_FILE = "cdk.context.json"
APPROVED = "Approved"


@dataclass(frozen=True, kw_only=True)
class PinnedObject:
    """An object in S3, of which one state is meant.

    Attributes:
        uri: `s3://bucket/key`.
        etag: Its ETag, without quotes.
        version_id: Its version, in a versioned bucket.
    """

    uri: str
    etag: str
    version_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class PackedPin:
    """The artifact that was packed from the pinned one and our code.

    Attributes:
        path: Where it lies, relative to the directory of the context file.
        sha256: Its digest.
        size: Its bytes.
        code_sha256: `packing.code_digest` of the code that is in it.
    """

    path: str
    sha256: str
    size: int
    code_sha256: str


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A model that was looked up: which artifact goes out, and where it comes from.

    Attributes:
        source: What was asked for.
        region: Where it was looked up; model data has to lie in the endpoint's region.
        artifact: The model data; None for a package that holds none of its own.
        code: The code that a package as approved fetches when a container starts.
        image: The image that the job or package names.
        job_arn: The training job.
        tuning_job_arn: The tuning job whose best job that is.
        package_arn: The model package.
        package_status: Its approval status when it was looked up.
        model: Format and XGBoost version of the model within the artifact.
        packed: What was packed from it.
    """

    source: Source
    region: str
    artifact: PinnedObject | None
    code: PinnedObject | None = None
    image: str | None = None
    job_arn: str | None = None
    tuning_job_arn: str | None = None
    package_arn: str | None = None
    package_status: str | None = None
    model: ModelFile | None = None
    packed: PackedPin | None = None

    @property
    def lineage_arn(self) -> str | None:
        """The ARN for tags and outputs: the package's, else the training job's."""
        return self.package_arn if self.package_arn is not None else self.job_arn

    def require_approval(
        self, *, allow_unapproved: bool = False, options: Sequence[str] = ()
    ) -> None:
        """Refuse a model package that is not approved.

        Args:
            allow_unapproved: Whether it may be in another state.
            options: Of the command that pins it, for the message.

        Raises:
            ArtifactError: The pinned status is another than `Approved`.
        """
        if self.package_arn is None or self.package_status == APPROVED or allow_unapproved:
            return
        raise ArtifactError(
            f"the model package {self.package_arn} is {self.package_status}, not {APPROVED}: "
            f"approve it and run `{resolve_command(self.source, *options)}`, or allow unapproved "
            "packages"
        )

    def to_context(self) -> dict[str, Any]:
        """Return the stored form."""
        stored: dict[str, Any] = {"source": str(self.source), "region": self.region}
        arns = {
            "jobArn": self.job_arn,
            "tuningJobArn": self.tuning_job_arn,
            "packageArn": self.package_arn,
            "packageStatus": self.package_status,
        }
        stored |= {key: value for key, value in arns.items() if value is not None}
        for key, found in {"artifact": self.artifact, "code": self.code}.items():
            if found is not None:
                stored[key] = {"uri": found.uri, "etag": found.etag}
                if found.version_id is not None:
                    stored[key]["versionId"] = found.version_id
        if self.image is not None:
            stored["image"] = self.image
        if self.model is not None:
            stored["model"] = {"format": self.model.format}
            if self.model.version is not None:
                stored["model"]["version"] = ".".join(map(str, self.model.version))
        if self.packed is not None:
            stored["packed"] = {
                "path": self.packed.path,
                "sha256": self.packed.sha256,
                "size": self.packed.size,
                "codeSha256": self.packed.code_sha256,
            }
        return stored

    @classmethod
    def from_context(cls, source: Source, value: object, options: Sequence[str] = ()) -> "Pin":
        """Read the stored form.

        Args:
            source: What the pin was looked up for.
            value: What stands in the context under `pin_key(source)`.
            options: Of the command that pins it, for the message.

        Returns:
            The pin.

        Raises:
            ArtifactError: There is none, or somebody damaged it.
        """
        if value is None:
            raise ArtifactError(
                f"the model {source} is not pinned in {CONTEXT_FILE}: run "
                f"`{resolve_command(source, *options)}`"
            )
        try:
            return _read(source, cast(Mapping[str, Any], value))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArtifactError(
                f"the pin {pin_key(source)!r} in {CONTEXT_FILE} is damaged ({error!r}): run "
                f"`{resolve_command(source, *options)}`"
            ) from None


def _read(source: Source, stored: Mapping[str, Any]) -> Pin:
    return Pin(
        source=source,
        region=stored["region"],
        artifact=_read_object(stored["artifact"]) if "artifact" in stored else None,
        code=_read_object(stored["code"]) if "code" in stored else None,
        image=stored.get("image"),
        job_arn=stored.get("jobArn"),
        tuning_job_arn=stored.get("tuningJobArn"),
        package_arn=stored.get("packageArn"),
        package_status=stored.get("packageStatus"),
        model=_read_model(stored["model"]) if "model" in stored else None,
        packed=_read_packed(stored["packed"]) if "packed" in stored else None,
    )


def _read_object(stored: Mapping[str, Any]) -> PinnedObject:
    return PinnedObject(uri=stored["uri"], etag=stored["etag"], version_id=stored.get("versionId"))


def _read_model(stored: Mapping[str, Any]) -> ModelFile:
    return ModelFile(
        format=cast(ModelFormat, stored["format"]), version=_version(stored.get("version"))
    )


def _read_packed(stored: Mapping[str, Any]) -> PackedPin:
    return PackedPin(
        path=stored["path"],
        sha256=stored["sha256"],
        size=int(stored["size"]),
        code_sha256=stored["codeSha256"],
    )


def _version(text: str | None) -> Version | None:
    if text is None:
        return None
    major, minor, patch = map(int, text.split("."))
    return major, minor, patch


def pin_key(source: Source) -> str:
    """Return the context key under which the pin of a source stands."""
    return f"inference:model:{source}"


def resolve_command(source: Source, *options: str) -> str:
    """Return the command that writes, or with options changes, the pin of a source."""
    return shlex.join(["inference", "resolve", str(source), *options])


def read_pin(
    source: Source, context: Callable[[str], object], *, options: Sequence[str] = ()
) -> Pin:
    """Read the pin of a source.

    Args:
        source: The source.
        context: Gives the context's value for a key, or None: `scope.node.try_get_context`.
        options: Of the command that pins it, for the message.

    Returns:
        The pin.

    Raises:
        ArtifactError: It is missing or damaged; the message holds the command to run.
    """
    return Pin.from_context(source, context(pin_key(source)), options)


def write_pin(context_file: Path, pin: Pin) -> None:
    """Set a pin in a context file; every other byte of the file stays.

    Args:
        context_file: The file, made if it is missing.
        pin: The pin.

    Raises:
        ArtifactError: The file is not a JSON object.
    """
    # As bytes: text mode would turn the line ends of Windows into others.
    text = context_file.read_bytes().decode() if context_file.exists() else ""
    try:
        changed = set_member(text, pin_key(pin.source), pin.to_context())
    except ValueError as error:
        raise ArtifactError(
            f"{context_file} is not a JSON object ({error}): repair it first"
        ) from None
    if changed != text:
        with atomic_write(context_file) as file:
            file.write(changed.encode())


def verify_packed(
    pin: Pin, root: Path, *, code: Path, options: Sequence[str] = ()
) -> PackedArtifact:
    """Find the packed artifact of a pin, and make sure that it is the pinned one.

    Args:
        pin: The pin.
        root: The directory of the context file.
        code: The code that has to be in the artifact.
        options: Of the command that pins and packs it, for the message.

    Returns:
        The artifact.

    Raises:
        ArtifactError: It was never packed, is not on this machine, differs from the pin, or holds
            other code than `code` does now. The message holds the command to run.
    """
    packed = pin.packed
    if packed is None:
        raise ArtifactError(
            f"the model {pin.source} was pinned without our code: run "
            f"`{resolve_command(pin.source, *options)}`"
        )
    path = root / packed.path
    if code_digest(code) != packed.code_sha256:
        raise ArtifactError(
            f"the code in {code} has changed since {pin.source} was packed with it: run "
            f"`{resolve_command(pin.source, *options)}`"
        )
    again = resolve_command(pin.source, *options, "--frozen")
    if not path.is_file():
        raise ArtifactError(f"the packed artifact {path} is not on this machine: run `{again}`")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != packed.sha256:
        raise ArtifactError(f"the packed artifact {path} differs from its pin: run `{again}`")
    return PackedArtifact(path=path, sha256=digest, size=path.stat().st_size)
