"""A model in S3, of a job or of the registry, as `inference resolve` pinned it."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from aws_cdk import Stack, Token
from constructs import Construct

from inference_constructs.arns import object_arn, place_of
from inference_constructs.artifact import BoundArtifact, ModelArtifact, default_image
from inference_constructs.artifact_asset import copy_asset, pack_asset
from inference_constructs.container import (
    CODE_IN_CONTAINER,
    handler_environment,
    image_uri,
    network_need,
    xgboost_version,
)
from model_artifacts.errors import ArtifactError
from model_artifacts.handlers import check_handlers
from model_artifacts.images import Image, image_version
from model_artifacts.model_file import check_model_format
from model_artifacts.packing import DEFAULT_CODE, DEFAULT_ENTRY_POINT, pack_code
from model_artifacts.pins import Pin, PinnedObject, read_pin, resolve_command, verify_packed
from model_artifacts.sources import Source


class Restoring(NamedTuple):
    """How a packed archive, which is not committed, is made anew in another checkout.

    Attributes:
        command: the command, for a shell.
        object_arns: what it reads.
    """

    command: str
    object_arns: list[str]


class PinnedArtifact(ModelArtifact):
    """See `ModelArtifact.from_source`, which makes it.

    Args:
        source: what was looked up.
        code: the code directory, if the handler is ours.
        entry_point: the file with the handlers.
        image: the image, or None for the package's or the newest XGBoost image.
        repack: whether model and code are packed together.
        allow_unapproved: whether a model package may be in another state than Approved.
        allow_pickle: whether the model may be a pickle.
        root: the directory of `cdk.context.json`.
    """

    def __init__(
        self,
        *,
        source: str,
        code: Path | None,
        entry_point: str,
        image: Image | None,
        repack: bool,
        allow_unapproved: bool,
        allow_pickle: bool,
        root: Path,
    ) -> None:
        self._source = Source.parse(source)
        self._code = code
        self._entry_point = entry_point
        self._image = image
        self._repack = repack
        self._allow_unapproved = allow_unapproved
        self._allow_pickle = allow_pickle
        self._root = root

    def bind(self, scope: Construct) -> BoundArtifact:
        """Reads the pin and makes of it what the choice of code and packing asks for."""
        region = place_of(Stack.of(scope)).region
        options = self._resolve_options(region)
        pin = read_pin(self._source, scope.node.try_get_context, options=options)
        pin.require_approval(allow_unapproved=self._allow_unapproved, options=options)
        if not Token.is_unresolved(region) and pin.region != region:
            raise ArtifactError(
                f"the model {pin.source} was pinned in {pin.region}, and the stack is in {region}: "
                "a Model reads its data in its own region; copy the model or deploy there"
            )
        if self._code is not None:
            return self._with_handler(scope, pin, self._code)
        if pin.package_arn is not None:
            return self._as_approved(scope, pin, pin.package_arn)
        return self._with_handler_of_the_image(scope, pin)

    def restoring(self, scope: Construct) -> Restoring | None:
        """Tells what has to run before a synth elsewhere; None where nothing was packed.

        Args:
            scope: a construct of a stack in the pin's region.

        Raises:
            ArtifactError: the model is not pinned.
        """
        options = self._resolve_options(place_of(Stack.of(scope)).region)
        pin = read_pin(self._source, scope.node.try_get_context, options=options)
        if pin.packed is None or self._code is None or not self._repack:
            return None
        return Restoring(
            command=resolve_command(self._source, *options, "--frozen"),
            object_arns=_object_arns(scope, pin.artifact),
        )

    def _resolve_options(self, region: str) -> list[str]:
        """What `inference resolve` has to be told for a pin that this artifact can go by."""
        options = []
        if self._code is None or not self._repack:
            options.append("--no-repack")
        else:
            code = self._code
            if code.is_relative_to(self._root):
                code = code.relative_to(self._root)
            if code != Path(DEFAULT_CODE):
                options += ["--code", str(code)]
            if self._entry_point != DEFAULT_ENTRY_POINT:
                options += ["--entry-point", self._entry_point]
        if self._image is not None:
            options += ["--image-version", xgboost_version(self._image, self._code)]
        if self._allow_unapproved:
            options.append("--allow-unapproved")
        if self._allow_pickle:
            options.append("--allow-pickle")
        if self._source.region is None and not Token.is_unresolved(region):
            options += ["--region", region]
        return options

    def _as_approved(self, scope: Construct, pin: Pin, package_arn: str) -> BoundArtifact:
        if self._image is not None:
            raise ArtifactError(
                f"the model package {package_arn} goes out as approved, with its own image: leave "
                "`image` out, or give `code` to serve its model with a handler of yours"
            )
        if pin.image is None:
            raise ArtifactError(
                f"the pin of {package_arn} names no image, which the Model's role has to pull: "
                f"run `{resolve_command(pin.source, '--no-repack')}`"
            )
        if (library := image_version(pin.image)) is not None:
            self._check_model(pin, library)
        return BoundArtifact(
            version=package_arn.partition("model-package/")[2].replace("/", "-"),
            image=pin.image,
            model_package_arn=package_arn,
            source_arn=package_arn,
            network_need=None
            if pin.code is None
            else f"the code of {package_arn} is fetched from {pin.code.uri} when the container "
            "starts",
            object_arns=[*_object_arns(scope, pin.artifact), *_object_arns(scope, pin.code)],
        )

    def _with_handler_of_the_image(self, scope: Construct, pin: Pin) -> BoundArtifact:
        data = _model_data(pin)
        image = default_image() if self._image is None else self._image
        self._check_model(pin, xgboost_version(image, None))
        return BoundArtifact(
            version=_version_of(data),
            image=image_uri(scope, image),
            model_data_url=data.uri,
            source_arn=pin.lineage_arn,
            object_arns=_object_arns(scope, data),
        )

    def _with_handler(self, scope: Construct, pin: Pin, code: Path) -> BoundArtifact:
        check_handlers(code, self._entry_point)
        uri, library = self._image_for_handler(scope, pin, code)
        self._check_model(pin, library)
        if self._repack:
            options = self._resolve_options(Stack.of(scope).region)
            packed = verify_packed(pin, self._root, code=code, options=options)
            model = copy_asset(scope, "model.tar.gz", packed)
            return BoundArtifact(
                version=model.sha256[:12],
                image=uri,
                model_data_url=model.url,
                environment=handler_environment(scope, self._entry_point, CODE_IN_CONTAINER),
                sha256=model.sha256,
                source_arn=pin.lineage_arn,
                network_need=network_need(code),
                object_arns=[model.arn],
                earlier_object_arns=model.earlier_arns,
            )
        data = _model_data(pin)
        archive = pack_asset(scope, "sourcedir.tar.gz", lambda path: pack_code(path, code=code))
        version = hashlib.sha256(f"{_version_of(data)}{archive.sha256}".encode()).hexdigest()
        return BoundArtifact(
            version=version[:12],
            image=uri,
            model_data_url=data.uri,
            environment=handler_environment(scope, self._entry_point, archive.url),
            source_arn=pin.lineage_arn,
            network_need="the code is fetched from S3 when the container starts (repack=False)",
            object_arns=[*_object_arns(scope, data), archive.arn],
        )

    def _image_for_handler(self, scope: Construct, pin: Pin, code: Path) -> tuple[str, str]:
        """The image's URI, and the version of XGBoost that will load the model."""
        if self._image is not None or pin.package_arn is None or pin.image is None:
            image = default_image() if self._image is None else self._image
            return image_uri(scope, image), xgboost_version(image, code)
        if (library := image_version(pin.image)) is not None:
            return pin.image, library
        repository, _, tag = pin.image.rpartition("/")[2].partition(":")
        if repository != "pytorch-inference":
            raise ArtifactError(
                f"the image {pin.image} of {pin.package_arn} would not run a handler of ours: give "
                "`image`, or leave `code` out to serve the package as approved"
            )
        bundled = Image(
            framework="pytorch",
            version=tag,
            repository=repository,
            tag=tag,
            registries={},
            domains={},
        )
        return pin.image, xgboost_version(bundled, code)

    def _check_model(self, pin: Pin, image_version: str) -> None:
        if pin.model is not None:
            check_model_format(
                pin.model,
                name=f"the model of {pin.source}",
                image_version=image_version,
                allow_pickle=self._allow_pickle,
            )


def _model_data(pin: Pin) -> PinnedObject:
    if pin.artifact is None:
        raise ArtifactError(
            f"{pin.source} names no model data of its own: run `{resolve_command(pin.source)}` for "
            "a source that does, or serve it as approved"
        )
    return pin.artifact


def _version_of(data: PinnedObject) -> str:
    return data.etag if data.version_id is None else data.version_id


def _object_arns(scope: Construct, data: PinnedObject | None) -> list[str]:
    if data is None:
        return []
    bucket, _, key = data.uri.removeprefix("s3://").partition("/")
    return [object_arn(Stack.of(scope), bucket, key)]
