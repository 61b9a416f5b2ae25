"""Typed settings of a stage, read from `config/<stage>.yaml` at the edge of the app.

`python -m stacks.settings` writes `config/schema.json`, with which editors complete and check the
files.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from aws_cdk import Duration, Size
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    PrivateAttr,
    field_validator,
    model_validator,
)

from inference_constructs import EndpointAlarms, Scaling, TargetTracking, TransformOptions
from inference_constructs.instance_types import find_instance_type, hosting_fault, transform_fault
from model_artifacts.images import DEFAULT_XGBOOST_VERSION, find_image
from model_artifacts.sources import Source

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "config"
SCHEMA = CONFIG / "schema.json"

# What CloudWatch Logs takes, up to a year:
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LogRetentionDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365]

_VARIANT = r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$"
Percent = Annotated[float, Field(ge=0, lt=100)]
KeyArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[a-zA-Z0-9-]+$")]
RoleArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/\S+$")]
PolicyArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::(\d{12}|aws):policy/\S+$")]


def _hosting_type(name: str) -> str:
    if (fault := hosting_fault(name)) is not None:
        raise ValueError(fault)
    return name


def _transform_type(name: str) -> str:
    if (fault := transform_fault(name)) is not None:
        raise ValueError(fault)
    return name


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


class ImageSettings(_Section):
    """The image that serves the model."""

    framework: Literal["xgboost", "pytorch"] = "xgboost"
    """For pytorch the code directory has to bring a wheel of XGBoost."""
    version: str = DEFAULT_XGBOOST_VERSION
    """The version as the SageMaker SDK names it."""

    @model_validator(mode="after")
    def _exists(self) -> Self:
        find_image(self.framework, self.version)
        return self


class ModelSettings(_Section):
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


class ScalingSettings(_Section):
    """How many instances a variant may have, and what moves the number."""

    min_capacity: PositiveInt
    """The fewest instances."""
    max_capacity: PositiveInt
    """The most instances."""
    invocations_per_instance_per_minute: PositiveFloat
    """What one instance should answer in a minute; for 20 a second, 1200."""
    scale_out_cooldown_seconds: PositiveInt = 60
    """How long after instances were added more may be added."""
    scale_in_cooldown_seconds: PositiveInt = 300
    """How long after a change instances may be taken away."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        self.scaling()
        return self

    def scaling(self) -> Scaling:
        """The value that the constructs take."""
        tracking = TargetTracking.invocations_per_instance(
            self.invocations_per_instance_per_minute,
            scale_out_cooldown=Duration.seconds(self.scale_out_cooldown_seconds),
            scale_in_cooldown=Duration.seconds(self.scale_in_cooldown_seconds),
        )
        return Scaling(
            min_capacity=self.min_capacity, max_capacity=self.max_capacity, policies=[tracking]
        )


class VariantSettings(_Section):
    """A fleet of instances behind the endpoint."""

    instance_type: Annotated[str, AfterValidator(_hosting_type)]
    """A hosting type, such as ml.m5.large."""
    initial_instance_count: PositiveInt | None = None
    """Instances of a new fleet. null: the scaling's minimum, or one."""
    weight: NonNegativeFloat = 1
    """The share of the traffic, in proportion to the other variants'. 0 gets none."""
    scaling: ScalingSettings | None = None
    """What changes the number of instances. null: nothing."""

    @model_validator(mode="after")
    def _scalable(self) -> Self:
        known = find_instance_type(self.instance_type)
        if self.scaling is not None and known is not None and not known.scalable:
            raise ValueError(
                f"instance type {self.instance_type} is burstable and cannot be autoscaled: use "
                "another, such as ml.m5.large, or leave scaling out"
            )
        count = self.initial_instance_count
        if self.scaling is not None and count is not None:
            lowest, highest = self.scaling.min_capacity, self.scaling.max_capacity
            if not lowest <= count <= highest:
                raise ValueError(
                    f"initial_instance_count ({count}) must be within the scaling's bounds, "
                    f"{lowest} to {highest}: change it or leave it out"
                )
        return self

    @property
    def least_instances(self) -> int:
        """How few instances the variant may ever have."""
        if self.scaling is not None:
            return self.scaling.min_capacity
        return 1 if self.initial_instance_count is None else self.initial_instance_count


class AlarmSettings(_Section):
    """From where on the endpoint is wrong. null switches an alarm off."""

    server_error_percent: Percent | None = 1
    """Share of requests answered with 5XX."""
    client_error_percent: Percent | None = 5
    """Share of requests answered with 4XX."""
    model_latency_p50_ms: PositiveInt | None = 100
    """What the container may take for every second request."""
    model_latency_p99_ms: PositiveInt | None = 500
    """What the container may take for 99 of 100 requests."""
    overhead_latency_p99_ms: PositiveInt | None = 250
    """What SageMaker may add."""
    cpu_percent: Percent | None = 85
    """Load of the vCPUs, 100 being all of them."""
    memory_percent: Percent | None = 85
    """Memory in use."""
    disk_percent: Percent | None = 85
    """Disk in use."""

    def alarms(self) -> EndpointAlarms:
        """The value that the constructs take."""
        return EndpointAlarms(
            server_error_percent=self.server_error_percent,
            client_error_percent=self.client_error_percent,
            model_latency_p50=_millis(self.model_latency_p50_ms),
            model_latency_p99=_millis(self.model_latency_p99_ms),
            overhead_latency_p99=_millis(self.overhead_latency_p99_ms),
            cpu_percent=self.cpu_percent,
            memory_percent=self.memory_percent,
            disk_percent=self.disk_percent,
        )


class EndpointSettings(_Section):
    """The realtime endpoint."""

    name: Annotated[str, Field(pattern=_VARIANT)] | None = None
    """null: derived from the stack's name."""
    variants: dict[Annotated[str, Field(pattern=_VARIANT)], VariantSettings] = Field(
        min_length=1, max_length=1
    )
    """The one fleet, by its name."""
    alarms: AlarmSettings = AlarmSettings()


class BatchSettings(_Section):
    """The batch transform jobs, where a request chooses nothing else."""

    instance_type: Annotated[str, AfterValidator(_transform_type)] = "ml.m5.xlarge"
    """A type that batch transform offers."""
    instance_count: Annotated[int, Field(ge=1, le=100)] = 1
    """How many instances share the files."""
    max_payload_mb: Annotated[int, Field(ge=1, le=100)] = 6
    """The largest request to the model."""
    max_concurrent_transforms: PositiveInt | None = None
    """Requests at once on an instance. null: one for each vCPU."""
    timeout_minutes: PositiveInt = 720
    """How long one attempt at a job may take."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        self.options()
        return self

    def options(self) -> TransformOptions:
        """The value that the constructs take."""
        return TransformOptions(
            instance_type=self.instance_type,
            instance_count=self.instance_count,
            max_payload=Size.mebibytes(self.max_payload_mb),
            max_concurrent_transforms=self.max_concurrent_transforms,
            timeout=Duration.minutes(self.timeout_minutes),
        )


class NetworkSettings(_Section):
    """The VPC that the containers are attached to."""

    subnets: dict[Annotated[str, Field(pattern=r"^subnet-[0-9a-f]+$")], str] = Field(min_length=2)
    """Availability zones by the ids of the subnets, at least two."""
    security_groups: list[Annotated[str, Field(pattern=r"^sg-[0-9a-f]+$")]] = Field(
        min_length=1, max_length=5
    )
    """Ids of the security groups."""


class Settings(_Section):
    """All that a platform team decides about a stage."""

    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
    """The region to deploy to."""
    account: Annotated[str, Field(pattern=r"^\d{12}$")] | None = None
    """The account to deploy to, in quotes. null: whichever the credentials belong to."""
    prefix: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")] = "inference"
    """How the names of the stacks begin."""
    production: bool = False
    """Guards the stacks against deletion, keeps data and keys, asks for two instances at least."""
    tags: dict[str, str] = {}
    """On every resource that takes tags."""
    notify_emails: list[Annotated[str, Field(pattern=r"^\S+@\S+$")]] = []
    """Who hears of alarms and batch runs; each address has to confirm."""
    log_retention_days: LogRetentionDays = 90
    """How long logs are kept."""
    encryption_key_arn: KeyArn | None = None
    """A key to use instead of one per stack. It is never changed; what it lacks is printed."""
    network: NetworkSettings | None = None
    """null: SageMaker's own network."""
    permissions_boundary_arn: PolicyArn | None = None
    """The boundary of every role."""
    bootstrap_qualifier: Annotated[str, Field(pattern=r"^[a-zA-Z0-9]{1,10}$")] | None = None
    """The qualifier that the account was bootstrapped with. null: the CDK's own."""
    model: ModelSettings
    endpoint: EndpointSettings
    batch: BatchSettings = BatchSettings()

    _stage: str = PrivateAttr("")

    @model_validator(mode="after")
    def _fit_for_production(self) -> Self:
        if self.production:
            for name, variant in self.endpoint.variants.items():
                if variant.least_instances < 2:
                    raise ValueError(
                        f"endpoint.variants.{name} must have at least 2 instances in production, "
                        f"not {variant.least_instances}: set scaling.min_capacity to 2"
                    )
        return self

    @property
    def stage(self) -> str:
        """The name of the stage, which is its file's."""
        return self._stage

    @property
    def file(self) -> str:
        """The file, as errors name it."""
        return f"config/{self._stage}.yaml"

    @classmethod
    def of_stage(cls, stage: str, values: Mapping[str, Any]) -> Self:
        """Makes the settings of a stage from what stands in its file.

        Args:
            stage: the stage's name.
            values: the file's content.

        Raises:
            pydantic.ValidationError: something in it is wrong.
        """
        settings = cls.model_validate(values)
        settings._stage = stage
        return settings


def _millis(value: int | None) -> Duration | None:
    return None if value is None else Duration.millis(value)


def render_schema() -> str:
    """Builds the text of `config/schema.json`."""
    schema = Settings.model_json_schema()
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(render_schema())
    print(f"wrote {SCHEMA}")
