"""Settings of the endpoint: its variants, what scales them, and what is watched."""

from typing import Annotated, Self

from aws_cdk import Duration
from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    PositiveInt,
    model_validator,
)

from inference_constructs import EndpointAlarms
from inference_constructs.instance_types import find_instance_type, hosting_fault
from stacks.hours_settings import OfficeHoursSettings
from stacks.rollout_settings import RolloutSettings
from stacks.scaling_settings import ScalingSettings
from stacks.section import VARIANT_PATTERN, Percent, Section


def _hosting_type(name: str) -> str:
    if (fault := hosting_fault(name)) is not None:
        raise ValueError(fault)
    return name


class VariantSettings(Section):
    """A fleet of instances behind the endpoint."""

    model: str | None = None
    """One of `models`. null: the main model."""
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


class ShadowSettings(Section):
    """A fleet that answers copies of the one variant's requests, for its metrics alone."""

    name: Annotated[str, Field(pattern=VARIANT_PATTERN)] = "Shadow"
    """The name of the variant."""
    model: str | None = None
    """One of `models`. null: the main model."""
    instance_type: Annotated[str, AfterValidator(_hosting_type)]
    """A hosting type, such as ml.m5.large."""
    initial_instance_count: PositiveInt = 1
    """Its instances; nothing scales them."""
    sampling_percent: Annotated[float, Field(gt=0, le=100)] = 100
    """The share of the requests that is copied."""


class AlarmSettings(Section):
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


class DataCaptureSettings(Section):
    """Requests and answers as they went over the wire, kept in S3."""

    sampling_percent: Annotated[int, Field(ge=1, le=100)] = 100
    """The share that is kept."""
    keep_days: PositiveInt = 30
    """When they are deleted."""


class EndpointSettings(Section):
    """The realtime endpoint."""

    name: Annotated[str, Field(pattern=VARIANT_PATTERN)] | None = None
    """null: derived from the stack's name."""
    variants: dict[Annotated[str, Field(pattern=VARIANT_PATTERN)], VariantSettings] = Field(
        min_length=1, max_length=10
    )
    """The fleets that share the traffic, by their names."""
    shadow: ShadowSettings | None = None
    """A fleet that gets copies of requests and whose answers nobody sees. null: none."""
    rollout: RolloutSettings | None = None
    """How an update moves the traffic. null: all at once, without a bake or a way back."""
    keep_previous: Annotated[int, Field(ge=0, le=20)] = 0
    """How many earlier deployments' configs and models are kept, for `inference rollback`."""
    office_hours: OfficeHoursSettings | None = None
    """When it is needed. null: around the clock."""
    data_capture: DataCaptureSettings | None = None
    """Requests and answers that are kept in a bucket of the stack's. null: none are."""
    alarms: AlarmSettings = AlarmSettings()


def _millis(value: int | None) -> Duration | None:
    return None if value is None else Duration.millis(value)
