"""Settings of a variant's scaling."""

from typing import Annotated, Self

from aws_cdk import Duration, TimeZone
from aws_cdk import aws_applicationautoscaling as autoscaling
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from inference_constructs import Cooldowns, Scaling, ScheduledCapacity, Suspended, TargetTracking
from stacks.section import Section

_POLICIES = (
    "invocations_per_instance_per_minute",
    "peak_requests_per_second",
    "concurrent_requests_per_model",
)
_Name = Annotated[str, Field(pattern=r"^[a-zA-Z][a-zA-Z0-9-]{0,62}$")]


class ScheduleSettings(Section):
    """Bounds that come into force at a time, and stay until another schedule changes them."""

    cron: Annotated[str, Field(pattern=r"^\S+( \S+){5}$")]
    """Minutes, hours, day of month, month, day of week, year: `0 8 ? * MON-FRI *`."""
    time_zone: str = "UTC"
    """Whose clock that is, such as Europe/Berlin."""
    min_capacity: NonNegativeInt | None = None
    """The new minimum. null: it stays."""
    max_capacity: PositiveInt | None = None
    """The new maximum. null: it stays."""

    def schedule(self, name: str) -> ScheduledCapacity:
        """The value that the constructs take."""
        return ScheduledCapacity(
            name=name,
            schedule=autoscaling.Schedule.expression(f"cron({self.cron})"),
            time_zone=TimeZone.of(self.time_zone),
            min_capacity=self.min_capacity,
            max_capacity=self.max_capacity,
        )


class ScalingSettings(Section):
    """How many instances a variant may have, and what moves the number."""

    min_capacity: PositiveInt
    """The fewest instances."""
    max_capacity: PositiveInt
    """The most instances."""
    invocations_per_instance_per_minute: PositiveFloat | None = None
    """What one instance should answer in a minute; for 20 a second, 1200."""
    peak_requests_per_second: PositiveFloat | None = None
    """What one instance answered at most in a load test; instead of the key above."""
    safety_factor: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The share of that peak to use."""
    concurrent_requests_per_model: PositiveFloat | None = None
    """Requests under way per model, measured every 10 seconds: reacts fastest."""
    scale_out_cooldown_seconds: PositiveInt = 60
    """How long after instances were added more may be added."""
    scale_in_cooldown_seconds: PositiveInt = 300
    """How long after a change instances may be taken away."""
    schedules: dict[
        Annotated[str, Field(pattern=r"^[a-zA-Z][a-zA-Z0-9-]{0,62}$")], ScheduleSettings
    ] = {}
    """Other bounds at other times, by a name for each."""
    suspended: bool = False
    """Whether all of it rests for now. What is configured stays."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if all(getattr(self, key) is None for key in _POLICIES) and not self.schedules:
            raise ValueError(f"nothing would ever scale: give one of {', '.join(_POLICIES)}")
        if None not in (self.invocations_per_instance_per_minute, self.peak_requests_per_second):
            raise ValueError(
                "give either invocations_per_instance_per_minute or peak_requests_per_second: the "
                "one follows from the other"
            )
        self.scaling()
        return self

    def scaling(self) -> Scaling:
        """The value that the constructs take."""
        return Scaling(
            min_capacity=self.min_capacity,
            max_capacity=self.max_capacity,
            policies=self._policies(),
            schedules=[schedule.schedule(name) for name, schedule in self.schedules.items()],
            suspended=Suspended(scale_in=True, scale_out=True, schedules=True)
            if self.suspended
            else None,
        )

    def _policies(self) -> list[TargetTracking]:
        cooldowns = Cooldowns(
            scale_out=Duration.seconds(self.scale_out_cooldown_seconds),
            scale_in=Duration.seconds(self.scale_in_cooldown_seconds),
        )
        policies = []
        if self.invocations_per_instance_per_minute is not None:
            policies.append(
                TargetTracking.invocations_per_instance(
                    self.invocations_per_instance_per_minute, cooldowns=cooldowns
                )
            )
        if self.peak_requests_per_second is not None:
            policies.append(
                TargetTracking.from_measured_capacity(
                    peak_requests_per_second=self.peak_requests_per_second,
                    safety_factor=self.safety_factor,
                    cooldowns=cooldowns,
                )
            )
        if self.concurrent_requests_per_model is not None:
            policies.append(
                TargetTracking.concurrent_requests_per_model(
                    self.concurrent_requests_per_model, cooldowns=cooldowns
                )
            )
        return policies
