"""Looks a trained model up, packs it with our code, and pins what was found."""

import dataclasses
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference_ops.aws import aws_errors, make_session
from inference_ops.console import Console
from inference_ops.convert import convert_model
from inference_ops.download import download, pin_object
from inference_ops.errors import CommandError
from inference_ops.extraction import Extracted, extract
from inference_ops.lookup import Found, look_up
from model_artifacts.handlers import check_handlers
from model_artifacts.images import DEFAULT_XGBOOST_VERSION, image_version
from model_artifacts.model_file import check_model_format, inspect_model
from model_artifacts.packing import PackedArtifact, code_digest, pack
from model_artifacts.pins import (
    PackedPin,
    Pin,
    PinnedObject,
    read_pin,
    resolve_command,
    write_pin,
)
from model_artifacts.sources import Source


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a model is resolved.

    Attributes:
        context: The file that keeps the pins.
        artifacts: The directory for packed artifacts, within that of the context file.
        code: The code directory.
        entry_point: The file with the handlers in it.
        repack: Whether model and code are packed together.
        image_version: The image that will serve the model, if it is not the one to be expected.
        model_file: The model's name within the artifact, if it is not `xgboost-model`.
        allow_unapproved: Whether a package may be in another state than `Approved`.
        allow_pickle: Whether the model may be a pickle.
        convert: Whether a model in the legacy binary format is saved anew as UBJ.
    """

    context: Path
    artifacts: Path
    code: Path
    entry_point: str = "inference.py"
    repack: bool = True
    image_version: str | None = None
    model_file: str | None = None
    allow_unapproved: bool = False
    allow_pickle: bool = False
    convert: bool = False


class Resolver:
    """Resolves models with one set of options.

    Args:
        options: How.
        console: Where progress is told.
        region: The region, or None for the environment's.
        profile: A profile of the AWS configuration.
    """

    def __init__(
        self, options: Options, console: Console, *, region: str | None, profile: str | None
    ) -> None:
        self._options = options
        self._console = console
        self._region = region
        self._profile = profile

    def resolve(self, source: Source) -> Pin:
        """Look a source up and write its pin; the artifact first, so that no pin lacks its own.

        Args:
            source: What to look up.

        Returns:
            The pin.

        Raises:
            CommandError: AWS does not have it, or does not give it.
            ArtifactError: The model or the code cannot be deployed.
        """
        if self._options.repack:
            check_handlers(self._options.code, self._options.entry_point)
        region, sagemaker, s3 = self._clients(source)
        self._console.progress(f"looking up {source} in {region}")
        found = look_up(source, sagemaker, allow_unapproved=self._options.allow_unapproved)
        artifact = None if found.artifact_uri is None else pin_object(s3, found.artifact_uri)
        if artifact is None and self._options.repack:
            raise CommandError(
                f"{source} names no model data to pack with our code: give --no-repack to pin it "
                "as it was approved"
            )
        if artifact is not None and found.etag is not None and found.etag != artifact.etag:
            raise CommandError(
                f"{artifact.uri} has changed since {found.package_arn} was registered (its ETag "
                f"was {found.etag}, and is {artifact.etag}): register the model anew"
            )
        pin = Pin(
            source=source,
            region=region,
            artifact=artifact,
            code=None if found.code_uri is None else pin_object(s3, found.code_uri),
            image=found.image,
            job_arn=found.job_arn,
            tuning_job_arn=found.tuning_job_arn,
            package_arn=found.package_arn,
            package_status=found.package_status,
        )
        image = self._image_version(found)
        if image is None and self._options.repack:
            raise CommandError(
                f"the image {found.image} of {source} is no XGBoost image: give --image-version, "
                "the XGBoost that will load the model in it"
            )
        if artifact is not None and image is not None:
            pin = self._inspect_and_pack(pin, s3, artifact, image)
        write_pin(self._options.context, pin)
        return pin

    def restore(self, source: Source) -> Pin:
        """Make the packed artifact of an existing pin again, and change nothing else.

        Args:
            source: What is pinned.

        Returns:
            The pin.

        Raises:
            CommandError: What is packed today differs from the pin.
            ArtifactError: There is no such pin.
        """
        pin = read_pin(source, _read_context(self._options.context).get)
        if pin.packed is None or pin.artifact is None:
            raise CommandError(f"the pin of {source} has no packed artifact to restore")
        if code_digest(self._options.code) != pin.packed.code_sha256:
            raise CommandError(
                f"the code in {self._options.code} has changed since {source} was pinned: run "
                f"`{resolve_command(source)}`"
            )
        _, _, s3 = self._clients(source, pin.region)
        again = self._inspect_and_pack(pin, s3, pin.artifact, None, expected=pin.packed)
        assert again.packed is not None
        return pin

    def _clients(self, source: Source, pinned_region: str | None = None) -> tuple[str, Any, Any]:
        region = pinned_region or source.region or self._region
        session = make_session(region, self._profile)
        with aws_errors("AWS"):
            return session.region_name, session.client("sagemaker"), session.client("s3")

    def _image_version(self, found: Found) -> str | None:
        """The image that will load the model; None where it cannot be told."""
        if self._options.image_version is not None:
            return self._options.image_version
        # A package is served by its own image, a job's model by ours.
        return DEFAULT_XGBOOST_VERSION if found.package_arn is None else image_version(found.image)

    def _inspect_and_pack(
        self,
        pin: Pin,
        s3: Any,
        artifact: PinnedObject,
        image: str | None,
        *,
        expected: PackedPin | None = None,
    ) -> Pin:
        self._options.artifacts.mkdir(parents=True, exist_ok=True)
        # Beside its destination: a rename within one file system is whole or not at all.
        with tempfile.TemporaryDirectory(prefix=".", dir=self._options.artifacts) as name:
            work = Path(name)
            self._console.progress(f"downloading {artifact.uri}")
            download(s3, artifact, work / "source.tar.gz")
            (work / "content").mkdir()
            content = extract(
                work / "source.tar.gz", work / "content", model_name=self._options.model_file
            )
            content = self._convert(pin.source, content, work, restoring=expected is not None)
            model = inspect_model(content.model_file)
            if image is not None:
                check_model_format(
                    model,
                    name=f"the model of {pin.source}",
                    image_version=image,
                    allow_pickle=self._options.allow_pickle,
                )
            pin = dataclasses.replace(pin, model=model)
            if not self._options.repack:
                return pin
            packed = self._pack(work, content)
            if expected is not None and packed.sha256 != expected.sha256:
                raise CommandError(
                    f"{pin.source} packs to {packed.sha256}, and {expected.sha256} is pinned: run "
                    f"`{resolve_command(pin.source)}` with the options of then"
                )
            return dataclasses.replace(pin, packed=self._keep(packed))

    def _convert(
        self, source: Source, content: Extracted, work: Path, *, restoring: bool
    ) -> Extracted:
        if inspect_model(content.model_file).format != "legacy-binary":
            return content
        # What is pinned was converted because somebody asked for it.
        if not (self._options.convert or restoring):
            raise CommandError(
                f"the model of {source} is in XGBoost's legacy binary format, which XGBoost 3.1 "
                f"and later cannot read: run `{resolve_command(source, '--convert')}` to save it "
                "anew as UBJ and prove equal predictions"
            )
        if not self._options.repack:
            raise CommandError("a converted model cannot stay where it is: leave out --no-repack")
        converted = work / "converted.ubj"
        convert_model(content.model_file, converted, console=self._console)
        return dataclasses.replace(content, model_file=converted)

    def _pack(self, work: Path, content: Extracted) -> PackedArtifact:
        if content.had_code:
            self._console.progress("leaving out the artifact's own code/ in favour of ours")
        self._console.progress(f"packing the model with {self._options.code}")
        return pack(
            work / "model.tar.gz",
            model_file=content.model_file,
            code=self._options.code,
            extra_files=content.extra_files,
        )

    def _keep(self, packed: PackedArtifact) -> PackedPin:
        kept = self._options.artifacts / f"{packed.sha256}.tar.gz"
        shutil.move(packed.path, kept)
        root = self._options.context.parent.resolve()
        return PackedPin(
            path=kept.resolve().relative_to(root).as_posix(),
            sha256=packed.sha256,
            size=packed.size,
            code_sha256=code_digest(self._options.code),
        )


def _read_context(path: Path) -> dict[str, Any]:
    try:
        context = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise CommandError(f"{path} is not valid JSON: {error}") from None
    return context if isinstance(context, dict) else {}
