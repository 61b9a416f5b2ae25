"""Typed settings of a stage, read from `config/<stage>.yaml` at the edge of the app.

`python -m stacks.settings` writes `config/schema.json`, with which editors complete and check the
files.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from aws_cdk import Duration, Size
from pydantic import (
    AfterValidator,
    Field,
    PositiveInt,
    PrivateAttr,
    model_validator,
)

from inference_constructs import BadRecords, HeaderPolicy, RunOptions, TransformOptions
from inference_constructs.instance_types import transform_fault
from stacks.endpoint_settings import EndpointSettings
from stacks.model_settings import ModelSettings
from stacks.section import ROOT, VARIANT_PATTERN, KeyArn, PolicyArn, Section

CONFIG = ROOT / "config"
SCHEMA = CONFIG / "schema.json"

# What CloudWatch Logs takes, up to a year:
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LogRetentionDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365]


def _transform_type(name: str) -> str:
    if (fault := transform_fault(name)) is not None:
        raise ValueError(fault)
    return name


class BatchScheduleSettings(Section):
    """A batch run by the clock."""

    expression: Annotated[str, Field(pattern=r"^(cron|rate)\(.+\)$")]
    """Such as cron(0 6 * * ? *) or rate(1 day), as EventBridge Scheduler takes it."""
    time_zone: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+/-]+$")] = "Etc/UTC"
    """Whose clock counts."""
    folder: Annotated[str, Field(pattern=r"^[^/].*/$")] = "daily/"
    """What is run, below input/."""


class BatchSettings(Section):
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
    header: HeaderPolicy = HeaderPolicy.REFUSE
    """A CSV header: refuse the run, strip it from copies, or none (none is looked for)."""
    bad_records: BadRecords = BadRecords.FAIL
    """A record that the handler cannot answer: fail its file, or mark it in the output."""
    tolerated_failure_percent: Annotated[float, Field(ge=0, le=100)] = 0
    """The share of the inputs that may fail in a run that succeeds."""
    shard_mb: PositiveInt = 10240
    """How much input one job gets."""
    shard_objects: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """How many objects one job gets."""
    concurrent_jobs: Annotated[int, Field(ge=1, le=1000)] = 4
    """How many jobs run at once; times instance_count within the account's quota."""
    max_cost_usd: Annotated[float, Field(ge=0)] | None = None
    """Stops runs whose estimate is higher, or not known. null: no limit."""
    hourly_price_usd: Annotated[float, Field(gt=0)] | None = None
    """What an instance costs you. null: AWS's price, where it is known."""
    other_instance_types: list[Annotated[str, AfterValidator(_transform_type)]] = []
    """What an execution may choose besides instance_type."""
    schedule: BatchScheduleSettings | None = None
    """null: no schedule."""
    arrivals_quiet_minutes: Annotated[int, Field(ge=1, le=1440)] | None = None
    """Runs a folder below input/ once no object has come for so long. null: not by themselves."""
    longest_minutes: PositiveInt | None = None
    """A run that took longer raises an alarm. null: no such alarm."""
    expected_daily: bool = False
    """Whether a day without a run that ended well raises an alarm."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        self.options()
        self.run()
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

    def run(self) -> RunOptions:
        """The value that the constructs take."""
        return RunOptions(
            header=self.header,
            bad_records=self.bad_records,
            tolerated_failure_percent=self.tolerated_failure_percent,
            shard_size=Size.mebibytes(self.shard_mb),
            shard_objects=self.shard_objects,
            concurrent_jobs=self.concurrent_jobs,
            max_cost_usd=self.max_cost_usd,
            hourly_price_usd=self.hourly_price_usd,
            other_instance_types=self.other_instance_types,
        )


class NetworkSettings(Section):
    """The VPC that the containers are attached to."""

    subnets: dict[Annotated[str, Field(pattern=r"^subnet-[0-9a-f]+$")], str] = Field(min_length=2)
    """Availability zones by the ids of the subnets, at least two."""
    security_groups: list[Annotated[str, Field(pattern=r"^sg-[0-9a-f]+$")]] = Field(
        min_length=1, max_length=5
    )
    """Ids of the security groups."""


class Settings(Section):
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
    """The main model: batch runs it, and so does every variant that names no other."""
    models: dict[Annotated[str, Field(pattern=VARIANT_PATTERN)], ModelSettings] = {}
    """Further models, such as a challenger, by the names with which variants choose them."""
    endpoint: EndpointSettings
    batch: BatchSettings = BatchSettings()

    _stage: str = PrivateAttr("")

    @model_validator(mode="after")
    def _models_are_known(self) -> Self:
        chosen = {
            f"endpoint.variants.{name}.model": variant.model
            for name, variant in self.endpoint.variants.items()
        }
        if self.endpoint.shadow is not None:
            chosen["endpoint.shadow.model"] = self.endpoint.shadow.model
        for key, model in chosen.items():
            if model is not None and model not in self.models:
                known = ", ".join(sorted(self.models)) or "none so far"
                raise ValueError(
                    f"{key} must be one of the models below `models` ({known}), not {model!r}: "
                    "add it there, or leave it out for the main model"
                )
        return self

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


def render_schema() -> str:
    """Builds the text of `config/schema.json`."""
    schema = Settings.model_json_schema()
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(render_schema())
    print(f"wrote {SCHEMA}")
