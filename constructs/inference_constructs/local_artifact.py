"""A model on this machine, packed with its code when the app is synthesized."""

from collections.abc import Sequence
from pathlib import Path

from constructs import Construct

from inference_constructs.artifact import BoundArtifact, ModelArtifact
from inference_constructs.artifact_asset import pack_asset
from inference_constructs.container import (
    CODE_IN_CONTAINER,
    handler_environment,
    image_uri,
    network_need,
    xgboost_version,
)
from model_artifacts.handlers import check_handlers
from model_artifacts.images import Image
from model_artifacts.model_file import check_model
from model_artifacts.packing import pack


class LocalArtifact(ModelArtifact):
    """See `ModelArtifact.from_directory`, which makes it.

    Args:
        model_file: the model.
        code: the code directory, or None for the image's own handler.
        entry_point: the file with the handlers.
        image: the image.
        allow_pickle: whether the model may be a pickle.
        libraries: shared libraries that are packed beside the entry point.
    """

    def __init__(
        self,
        *,
        model_file: Path,
        code: Path | None,
        entry_point: str,
        image: Image,
        allow_pickle: bool,
        libraries: Sequence[Path] = (),
    ) -> None:
        self._model_file = model_file
        self._code = code
        self._entry_point = entry_point
        self._image = image
        self._allow_pickle = allow_pickle
        self._libraries = libraries

    def bind(self, scope: Construct) -> BoundArtifact:
        """Checks model and code, and packs them into an asset of the stack."""
        check_model(
            self._model_file,
            image_version=xgboost_version(self._image, self._code),
            allow_pickle=self._allow_pickle,
        )
        environment: dict[str, str] = {}
        if self._code is not None:
            check_handlers(self._code, self._entry_point)
            environment = handler_environment(scope, self._entry_point, CODE_IN_CONTAINER)
        asset = pack_asset(
            scope,
            "model.tar.gz",
            lambda path: pack(
                path, model_file=self._model_file, code=self._code, libraries=self._libraries
            ),
        )
        return BoundArtifact(
            version=asset.sha256[:12],
            image=image_uri(scope, self._image),
            model_data_url=asset.url,
            environment=environment,
            sha256=asset.sha256,
            network_need=network_need(self._code),
            object_arns=[asset.arn],
            earlier_object_arns=asset.earlier_arns,
        )
