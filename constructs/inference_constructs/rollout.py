"""`Rollout`: how an update moves the traffic from the old fleet to the new one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

from aws_cdk import Duration
from aws_cdk import aws_sagemaker as sagemaker

from inference_constructs.durations import (
    is_late,
    known_seconds,
    minutes,
    range_fault,
    whole_seconds,
)
from inference_constructs.faults import refuse
from inference_constructs.fleet_share import Fleet, FleetShare
from inference_constructs.rollback_alarms import RollbackAlarms

_GUIDE = "https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails"
_TIMES = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_BlueGreenUpdatePolicy.html"
EXCLUSIONS = f"{_GUIDE}-exclusions.html"

_LONGEST_WAIT = 3600
_SHORTEST_TIME, _LONGEST_TIME = 600, 28_800
# What starting, filling and ending the instances may take beside the waits.
_ALLOWANCE = 3600


class _Kind(NamedTuple):
    step: str
    least_percent: int
    page: str


_KINDS = {
    "ALL_AT_ONCE": _Kind("step", 100, f"{_GUIDE}-blue-green-all-at-once.html"),
    "CANARY": _Kind("canary", 1, f"{_GUIDE}-blue-green-canary.html"),
    "LINEAR": _Kind("linear step", 10, f"{_GUIDE}-blue-green-linear.html"),
    "ROLLING": _Kind("rolling batch", 5, f"{_GUIDE}-rolling.html"),
}
_DEFAULT_BAKE = minutes(10)
_DEFAULT_WAIT = minutes(0)
_DEFAULT_ALARMS = RollbackAlarms()


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """How an update goes about: what moves when, and what takes it back.

    Made by `all_at_once`, `canary`, `linear` or `rolling`. SageMaker refuses a rollout from a
    config to one whose variants have other names, which no synth can see: take the rollout out for
    the deployment that adds, removes or renames a variant.
    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html

    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html

    Attributes:
        kind: the way the traffic moves.
        bake: how long the alarms are watched after each step.
        step: what the first step, or each, moves.
        rollback_step: what each step back moves.
        termination_wait: how long the old fleet stays when the new one has all the traffic.
        maximum_time: when SageMaker gives up. By default the most that bakes and waits can take,
            and an hour for starting and ending instances.
        rollback: the alarms that take the update back; None if nothing does.
    """

    kind: Literal["ALL_AT_ONCE", "CANARY", "LINEAR", "ROLLING"]
    bake: Duration
    step: FleetShare | None = None
    rollback_step: FleetShare | None = None
    termination_wait: Duration = _DEFAULT_WAIT
    maximum_time: Duration | None = None
    rollback: RollbackAlarms | None = _DEFAULT_ALARMS

    def __post_init__(self) -> None:
        """Refuses times that SageMaker refuses.

        Raises:
            ValueError: names all that is wrong.
        """
        faults = [
            *range_fault("bake", self.bake, 0, _LONGEST_WAIT),
            *range_fault("termination_wait", self.termination_wait, 0, _LONGEST_WAIT),
            *range_fault("maximum_time", self.maximum_time, _SHORTEST_TIME, _LONGEST_TIME),
        ]
        if (self.step is None) != (self.kind == "ALL_AT_ONCE"):
            faults.append("a step belongs to every kind but ALL_AT_ONCE")
        refuse(f"rollout {self.kind} ({_TIMES})", faults)

    @classmethod
    def all_at_once(
        cls,
        *,
        bake: Duration = _DEFAULT_BAKE,
        termination_wait: Duration = _DEFAULT_WAIT,
        maximum_time: Duration | None = None,
        rollback: RollbackAlarms | None = _DEFAULT_ALARMS,
    ) -> Self:
        """Moves all the traffic in one step, and bakes.

        Args:
            bake: how long the alarms are watched after it.
            termination_wait: how long the old fleet stays after the bake.
            maximum_time: when SageMaker gives up.
            rollback: the alarms that take the update back; None if nothing does.
        """
        return cls(
            kind="ALL_AT_ONCE",
            bake=bake,
            termination_wait=termination_wait,
            maximum_time=maximum_time,
            rollback=rollback,
        )

    @classmethod
    def canary(
        cls,
        *,
        size: FleetShare,
        bake: Duration = _DEFAULT_BAKE,
        termination_wait: Duration = _DEFAULT_WAIT,
        maximum_time: Duration | None = None,
        rollback: RollbackAlarms | None = _DEFAULT_ALARMS,
    ) -> Self:
        """Moves a part of the traffic, bakes, moves the rest, and bakes again.

        Args:
            size: the first part, at most half of the smallest fleet.
            bake: how long the alarms are watched after each of the two steps.
            termination_wait: how long the old fleet stays after the second bake.
            maximum_time: when SageMaker gives up.
            rollback: the alarms that take the update back; None if nothing does.
        """
        return cls(
            kind="CANARY",
            step=size,
            bake=bake,
            termination_wait=termination_wait,
            maximum_time=maximum_time,
            rollback=rollback,
        )

    @classmethod
    def linear(
        cls,
        *,
        step: FleetShare,
        bake: Duration = _DEFAULT_BAKE,
        termination_wait: Duration = _DEFAULT_WAIT,
        maximum_time: Duration | None = None,
        rollback: RollbackAlarms | None = _DEFAULT_ALARMS,
    ) -> Self:
        """Moves the traffic in equal steps, and bakes after each.

        Args:
            step: 10 to 50 % of the fleet.
            bake: how long the alarms are watched after each step.
            termination_wait: how long the old fleet stays after the last bake.
            maximum_time: when SageMaker gives up.
            rollback: the alarms that take the update back; None if nothing does.
        """
        return cls(
            kind="LINEAR",
            step=step,
            bake=bake,
            termination_wait=termination_wait,
            maximum_time=maximum_time,
            rollback=rollback,
        )

    @classmethod
    def rolling(
        cls,
        *,
        batch: FleetShare,
        bake: Duration = _DEFAULT_BAKE,
        rollback_batch: FleetShare | None = None,
        maximum_time: Duration | None = None,
        rollback: RollbackAlarms | None = _DEFAULT_ALARMS,
    ) -> Self:
        """Replaces the instances batch by batch, and bakes after each: no second fleet is needed.

        Args:
            batch: 5 to 50 % of the fleet.
            bake: how long the alarms are watched after each batch.
            rollback_batch: how much of the old fleet comes back at once; by default all of it.
            maximum_time: when SageMaker gives up.
            rollback: the alarms that take the update back; None if nothing does.
        """
        return cls(
            kind="ROLLING",
            step=batch,
            bake=bake,
            rollback_step=rollback_batch,
            maximum_time=maximum_time,
            rollback=rollback,
        )

    def faults(self, fleets: Sequence[Fleet]) -> list[str]:
        """Says where SageMaker would refuse or ignore the rollout for these fleets.

        Args:
            fleets: the variants' fleets.
        """
        kind = _KINDS[self.kind]
        faults = [
            f"SageMaker would ignore the rollout, as variant {fleet.variant_name!r} "
            f"{fleet.unguarded}: leave the rollout out, or change that ({EXCLUSIONS})"
            for fleet in fleets
            if fleet.unguarded is not None
        ]
        if self.step is not None:
            for fleet in fleets:
                faults += self.step.faults(
                    fleet, step=kind.step, least_percent=kind.least_percent, page=kind.page
                )
        if self.kind == "ROLLING" and len(fleets) > 1:
            faults.append(
                f"a rolling update takes one variant, not {len(fleets)}: use canary, linear or "
                f"all_at_once ({EXCLUSIONS})"
            )
        faults += self._time_faults(fleets)
        if self.rollback is not None:
            faults += self.rollback.faults(bake=self.bake, variants=len(fleets))
        return faults

    def deployment_config(
        self, fleets: Sequence[Fleet], alarm_names: Sequence[str]
    ) -> sagemaker.CfnEndpoint.DeploymentConfigProperty:
        """The rollout as CloudFormation has it.

        Args:
            fleets: the variants' fleets.
            alarm_names: the alarms that take the update back.
        """
        endpoint = sagemaker.CfnEndpoint
        alarms = [endpoint.AlarmProperty(alarm_name=name) for name in alarm_names]
        return endpoint.DeploymentConfigProperty(
            rolling_update_policy=self._rolling(fleets),
            blue_green_update_policy=self._blue_green(fleets),
            auto_rollback_configuration=endpoint.AutoRollbackConfigProperty(alarms=alarms)
            if alarms
            else None,
        )

    def _rolling(
        self, fleets: Sequence[Fleet]
    ) -> sagemaker.CfnEndpoint.RollingUpdatePolicyProperty | None:
        if self.kind != "ROLLING" or self.step is None:
            return None
        back = self.rollback_step
        return sagemaker.CfnEndpoint.RollingUpdatePolicyProperty(
            maximum_batch_size=self.step.definition(),
            rollback_maximum_batch_size=None if back is None else back.definition(),
            wait_interval_in_seconds=whole_seconds(self.bake),
            maximum_execution_timeout_in_seconds=self._maximum_seconds(fleets),
        )

    def _blue_green(
        self, fleets: Sequence[Fleet]
    ) -> sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty | None:
        if self.kind == "ROLLING":
            return None
        step = None if self.step is None else self.step.definition()
        return sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty(
            traffic_routing_configuration=sagemaker.CfnEndpoint.TrafficRoutingConfigProperty(
                type=self.kind,
                canary_size=step if self.kind == "CANARY" else None,
                linear_step_size=step if self.kind == "LINEAR" else None,
                wait_interval_in_seconds=whole_seconds(self.bake),
            ),
            termination_wait_in_seconds=whole_seconds(self.termination_wait),
            maximum_execution_timeout_in_seconds=self._maximum_seconds(fleets),
        )

    def _time_faults(self, fleets: Sequence[Fleet]) -> list[str]:
        waits = self._waits(fleets)
        most = _LONGEST_TIME if self.maximum_time is None else known_seconds(self.maximum_time)
        if waits is None or most is None or waits < most:
            return []
        return [
            f"the bakes and waits take up to {waits:g} s, which must be less than the {most:g} s "
            f"that the update may take: raise maximum_time, which may be {_LONGEST_TIME} s, or use "
            f"larger steps or shorter bakes ({_TIMES})"
        ]

    def _maximum_seconds(self, fleets: Sequence[Fleet]) -> float:
        if self.maximum_time is not None:
            return whole_seconds(self.maximum_time)
        waits = self._waits(fleets)
        return _LONGEST_TIME if waits is None else min(waits + _ALLOWANCE, _LONGEST_TIME)

    def _waits(self, fleets: Sequence[Fleet]) -> float | None:
        """Seconds of all bakes and waits for the fleets that take longest, if known at synth."""
        bake, wait = known_seconds(self.bake), known_seconds(self.termination_wait)
        sizes = [size for fleet in fleets for size in (fleet.smallest, fleet.largest)]
        if bake is None or wait is None or any(map(is_late, sizes)):
            return None
        if self.step is None:
            bakes = 1
        elif self.kind == "CANARY":
            bakes = 2
        else:
            bakes = max(self.step.steps(fleet) for fleet in fleets)
        return bakes * bake + wait
