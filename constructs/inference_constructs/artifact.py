"""`ModelArtifact`: a trained model and its code, from wherever it lies, ready for a container."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from constructs import Construct

from model_artifacts.images import DEFAULT_XGBOOST_VERSION, Image, find_image


@dataclass(frozen=True, kw_only=True)
class BoundArtifact:
    """A model artifact within one stack: what a Model needs of it.

    Attributes:
        version: what tells this model from another, for logs and answers.
        image: the image's URI.
        model_data_url: where the container's `model.tar.gz` lies.
        model_package_arn: the package that the container is made of, instead of image and data.
        environment: variables that the container cannot do without.
        sha256: digest of `model.tar.gz`, where its bytes are known.
        source_arn: the training job or model package that the model comes from.
        network_need: why the container cannot start without a network, if so.
        object_arns: objects in S3 that the Model's role reads.
        earlier_object_arns: with a wildcard, what earlier deployments of the stack had in their
            place; None where it cannot be told.
    """

    version: str
    image: str
    model_data_url: str | None = None
    model_package_arn: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    sha256: str | None = None
    source_arn: str | None = None
    network_need: str | None = None
    object_arns: Sequence[str] = ()
    earlier_object_arns: Sequence[str] | None = None


class ModelArtifact(ABC):
    """A trained model with the code that serves it.

    It belongs to no stack: each stack that makes a Model of it binds it for itself, so that no
    stack refers to another.
    """

    @abstractmethod
    def bind(self, scope: Construct) -> BoundArtifact:
        """Checks the artifact and brings it into the stack of a construct.

        Args:
            scope: the construct that makes a Model of it.

        Raises:
            ValueError: the model or its code would not be served, and what to do about it.
        """

    @staticmethod
    def from_directory(
        directory: Path | str,
        *,
        code: Path | str | None = None,
        entry_point: str = "inference.py",
        image: Image | None = None,
        allow_pickle: bool = False,
        libraries: Sequence[Path | str] = (),
    ) -> "ModelArtifact":
        """A model on this machine, packed with its code into an asset.

        Args:
            directory: holds the model file `xgboost-model`, as UBJ or JSON.
            code: holds the entry point and what it imports; without it the image's own handler
                serves the model.
            entry_point: the file with `model_fn`, `input_fn`, `predict_fn` and `output_fn`.
            image: by default the newest XGBoost framework image. For the PyTorch image the code
                has to bring a wheel of XGBoost.
            allow_pickle: whether the model may be a pickle, which executes code when it is loaded.
            libraries: shared libraries that are packed beside the entry point, such as the
                accelerator's for both architectures: the handler picks its machine's.
        """
        from inference_constructs.local_artifact import LocalArtifact

        return LocalArtifact(
            model_file=Path(directory) / "xgboost-model",
            code=None if code is None else Path(code),
            entry_point=entry_point,
            image=default_image() if image is None else image,
            allow_pickle=allow_pickle,
            libraries=[Path(library) for library in libraries],
        )

    @staticmethod
    def from_source(
        source: str,
        *,
        code: Path | str | None = None,
        entry_point: str = "inference.py",
        image: Image | None = None,
        repack: bool = True,
        allow_unapproved: bool = False,
        allow_pickle: bool = False,
        context_directory: Path | str | None = None,
    ) -> "ModelArtifact":
        """A model in S3, of a training or tuning job, or of the model registry.

        `inference resolve SOURCE` looks it up and pins what it finds in `cdk.context.json`; a synth
        reads the pin and never calls AWS.

        Args:
            source: `s3://BUCKET/KEY`, `training-job/NAME`, `tuning-job/NAME` (its best job),
                `model-package/GROUP/VERSION`, or the ARN of one.
            code: holds the entry point. Without it a model package goes out as approved, and any
                other model is served by the image's own handler.
            entry_point: the file with `model_fn`, `input_fn`, `predict_fn` and `output_fn`.
            image: by default the package's image, or else the newest XGBoost framework image.
            repack: whether model and code are packed into an asset named by its content. Without it
                the container loads the model from where it lies, and the code from an archive
                beside it, which needs a network.
            allow_unapproved: whether a model package may be in another state than Approved.
            allow_pickle: whether the model may be a pickle, which executes code when it is loaded.
            context_directory: where `cdk.context.json` is; by default the working directory.
        """
        from inference_constructs.pinned_artifact import PinnedArtifact

        return PinnedArtifact(
            source=source,
            code=None if code is None else Path(code),
            entry_point=entry_point,
            image=image,
            repack=repack,
            allow_unapproved=allow_unapproved,
            allow_pickle=allow_pickle,
            root=Path.cwd() if context_directory is None else Path(context_directory),
        )


def default_image() -> Image:
    """The newest XGBoost framework image that is known to serve."""
    return find_image("xgboost", DEFAULT_XGBOOST_VERSION)
