"""Settings of an endpoint's updates: how the traffic moves, and what takes it back."""

from typing import Annotated, Literal, Self

from aws_cdk import Duration
from pydantic import Field, PositiveInt, model_validator

from inference_constructs import FleetShare, RollbackAlarms, Rollout
from stacks.section import Percent, Section


class RollbackSettings(Section):
    """From where on the new fleet is wrong, so that the update is taken back."""

    server_error_percent: Percent | None = 1
    """Share of the new fleet's requests answered with 5XX."""
    model_latency_p99_ms: PositiveInt | None = 500
    """What its containers may take for 99 of 100 requests."""

    def alarms(self) -> RollbackAlarms:
        """The value that the constructs take."""
        latency = self.model_latency_p99_ms
        return RollbackAlarms(
            server_error_percent=self.server_error_percent,
            model_latency_p99=None if latency is None else Duration.millis(latency),
        )


class RolloutSettings(Section):
    """How an update moves the traffic from the old fleet to the new one."""

    strategy: Literal["all_at_once", "canary", "linear", "rolling"]
    """canary: a part, then the rest. linear: equal steps. rolling: batches in one fleet."""
    percent: Annotated[int, Field(ge=1, le=50)] | None = None
    """How much of the fleet the first part, each step, or each batch is; at least one instance."""
    bake_minutes: Annotated[float, Field(ge=0, le=60)] = 10
    """How long the alarms are watched after each step."""
    termination_wait_minutes: Annotated[float, Field(ge=0, le=60)] = 0
    """How long the old fleet stays when the new one has all the traffic."""
    maximum_minutes: Annotated[float, Field(ge=10, le=480)] | None = None
    """When SageMaker gives up. null: what the largest fleet needs, and an hour."""
    rollback: RollbackSettings | None = RollbackSettings()
    """The alarms that take the update back. null: nothing does."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if (self.percent is None) != (self.strategy == "all_at_once"):
            raise ValueError(
                "percent belongs to canary, linear and rolling: "
                + ("leave it out" if self.strategy == "all_at_once" else "add it, such as 50")
            )
        if self.strategy == "rolling" and self.termination_wait_minutes:
            raise ValueError("termination_wait_minutes does nothing when rolling: leave it out")
        self.rollout()
        return self

    def rollout(self) -> Rollout:
        """The value that the constructs take."""
        bake = _minutes(self.bake_minutes)
        wait = _minutes(self.termination_wait_minutes)
        maximum = None if self.maximum_minutes is None else _minutes(self.maximum_minutes)
        rollback = None if self.rollback is None else self.rollback.alarms()
        if self.percent is None:
            return Rollout.all_at_once(
                bake=bake, termination_wait=wait, maximum_time=maximum, rollback=rollback
            )
        share = FleetShare.percent(self.percent)
        if self.strategy == "rolling":
            return Rollout.rolling(batch=share, bake=bake, maximum_time=maximum, rollback=rollback)
        if self.strategy == "linear":
            return Rollout.linear(
                step=share,
                bake=bake,
                termination_wait=wait,
                maximum_time=maximum,
                rollback=rollback,
            )
        return Rollout.canary(
            size=share, bake=bake, termination_wait=wait, maximum_time=maximum, rollback=rollback
        )


def _minutes(value: float) -> Duration:
    return Duration.seconds(round(value * 60))
