"""Settings of a model: where it comes from, the code and the image that serve it."""

from pathlib import Path
from typing import Literal, Self

from pydantic import field_validator, model_validator

from model_artifacts.images import DEFAULT_XGBOOST_VERSION, find_image
from model_artifacts.sources import Source
from stacks.section import KeyArn, RoleArn, Section


class ImageSettings(Section):
    """The image that serves the model."""

    framework: Literal["xgboost", "pytorch"] = "xgboost"
    """For pytorch the code directory has to bring a wheel of XGBoost."""
    version: str = DEFAULT_XGBOOST_VERSION
    """The version as the SageMaker SDK names it."""

    @model_validator(mode="after")
    def _exists(self) -> Self:
        find_image(self.framework, self.version)
        return self


class ModelSettings(Section):
    """The trained model and the code that serves it."""

    directory: Path | None = None
    """Holds the model file `xgboost-model`. Give this or `source`."""
    source: str | None = None
    """A model in AWS, pinned by `inference resolve`: s3://BUCKET/KEY, training-job/NAME,
    tuning-job/NAME, model-package/GROUP/VERSION, or an ARN."""
    code: Path | None = Path("model_code/serving")
    """Holds the handler. null: a model package as approved, or the image's own handler."""
    entry_point: str = "inference.py"
    """The file with model_fn, input_fn, predict_fn and output_fn."""
    accelerated: bool = False
    """Whether the handler gets its compiled accelerator, which is built at synth. It needs
    `directory`, and a handler that loads it, as model_code/serving does."""
    image: ImageSettings | None = None
    """By default a package's own image, or else the newest XGBoost image."""
    repack: bool = True
    """Whether a model from AWS is packed with the code into an asset named by its content."""
    allow_unapproved: bool = False
    """Whether a model package may be in another state than Approved."""
    allow_pickle: bool = False
    """Whether the model may be a pickle, which executes code when it is loaded."""
    environment: dict[str, str] = {}
    """Further variables of the container, such as INFERENCE_OUTPUT."""
    network_isolation: bool | None = None
    """Whether containers are cut off from every network. null: they are. An artifact that needs a
    network to start, as with `repack: false`, asks for an explicit false."""
    role_arn: RoleArn | None = None
    """A role to use instead of a new one. It is never changed; what it lacks is printed."""
    artifact_key_arn: KeyArn | None = None
    """The key of the bucket that the artifact lies in, if it is customer-managed."""

    @field_validator("source")
    @classmethod
    def _known(cls, source: str | None) -> str | None:
        if source is not None:
            Source.parse(source)
        return source

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.directory is None) == (self.source is None):
            raise ValueError("give either directory or source: the model comes from one place")
        return self

    @model_validator(mode="after")
    def _accelerates_a_handler(self) -> Self:
        if self.accelerated and (self.directory is None or self.code is None):
            raise ValueError(
                "accelerated needs directory and code: the accelerator is packed with both"
            )
        return self
