"""`Scaling`: how far the capacity of a scaled resource may go, and what moves it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from inference_constructs.durations import is_late
from inference_constructs.faults import refuse
from inference_constructs.scalable import SERVICE_NAMESPACE, ScalableKind
from inference_constructs.scaling_metrics import OwnMetric
from inference_constructs.scheduled import ScheduledCapacity
from inference_constructs.step_scaling import StepScaling
from inference_constructs.target_tracking import TargetTracking

ScalingPolicy = TargetTracking | StepScaling


@dataclass(frozen=True, kw_only=True)
class Suspended:
    """What of a resource's scaling rests for now; what is configured stays.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-suspend-scaling-activities.html

    Attributes:
        scale_in: whether policies take no capacity away.
        scale_out: whether policies add none.
        schedules: whether schedules change no bounds.
    """

    scale_in: bool = False
    scale_out: bool = False
    schedules: bool = False

    def definition(self) -> dict[str, bool]:
        """The state, in the words of CloudFormation's `SuspendedState`."""
        return {
            "DynamicScalingInSuspended": self.scale_in,
            "DynamicScalingOutSuspended": self.scale_out,
            "ScheduledScalingSuspended": self.schedules,
        }


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """The bounds of a resource's capacity, and what moves it between them.

    Capacity is instances of a variant, copies of an inference component, or provisioned
    concurrency of a serverless variant.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html

    Attributes:
        min_capacity: the least.
        max_capacity: the most.
        policies: what moves it; with several, the one that asks for most wins.
        schedules: when other bounds come into force.
        suspended: what rests for now; by default nothing.
    """

    min_capacity: int
    max_capacity: int
    policies: Sequence[ScalingPolicy] = ()
    schedules: Sequence[ScheduledCapacity] = ()
    suspended: Suspended | None = None

    def __post_init__(self) -> None:
        """Refuses bounds, policies and schedules that AWS refuses, or never uses.

        Raises:
            ValueError: names all that is wrong.
        """
        refuse("scaling", self._faults())

    @property
    def smallest(self) -> int:
        """The least capacity that there may ever be: the minimum, or a schedule's."""
        return min(self._minima())

    @property
    def largest(self) -> int:
        """The most capacity that there may ever be: the maximum, or a schedule's."""
        return max(self._others_maxima())

    def faults_for(self, kind: ScalableKind) -> list[str]:
        """What AWS does not take of this kind of resource.

        Args:
            kind: what is scaled.
        """
        rules = kind.rules
        faults = [
            f"{name} must be at least {rules.least} for {rules.noun}, not {least} ({rules.page})"
            for name, least in self._named_minima()
            if least < rules.least and not is_late(least)
        ]
        for policy in self.policies:
            metric = policy.metric
            if isinstance(metric, str) and metric not in rules.predefined_metrics:
                faults.append(
                    f"{metric} is not a metric of {rules.noun}: use "
                    f"{' or '.join(rules.predefined_metrics)} ({rules.page})"
                )
        return [*faults, *self._waking_faults(kind)]

    def target_definition(self) -> dict[str, Any]:
        """Bounds and schedules, in the words of CloudFormation's `ScalableTarget`."""
        suspended = Suspended() if self.suspended is None else self.suspended
        definition: dict[str, Any] = {
            "ServiceNamespace": SERVICE_NAMESPACE,
            "MinCapacity": self.min_capacity,
            "MaxCapacity": self.max_capacity,
            "SuspendedState": suspended.definition(),
        }
        if self.schedules:
            definition["ScheduledActions"] = [schedule.definition() for schedule in self.schedules]
        return definition

    def _minima(self) -> list[int]:
        return [least for _, least in self._named_minima()]

    def _named_minima(self) -> list[tuple[str, int]]:
        scheduled = [
            (f"min_capacity of schedule {schedule.name!r}", schedule.min_capacity)
            for schedule in self.schedules
            if schedule.min_capacity is not None
        ]
        return [("min_capacity", self.min_capacity), *scheduled]

    def _waking_faults(self, kind: ScalableKind) -> list[str]:
        waking = kind.rules.waking_metric
        if waking is None or self.smallest > 0:
            return []
        wakes = any(
            isinstance(policy, StepScaling)
            and isinstance(policy.metric, OwnMetric)
            and policy.metric.name == waking
            for policy in self.policies
        )
        scheduled = any(schedule.min_capacity for schedule in self.schedules)
        if wakes or scheduled:
            return []
        method = (
            "waking_on_backlog" if kind is ScalableKind.ASYNC_INSTANCES else "waking_on_failures"
        )
        return [
            f"a minimum of 0 needs a step policy on {waking}, or nothing would ever wake it: add "
            f"StepScaling.{method}() ({kind.rules.page})"
        ]

    def _faults(self) -> list[str]:
        faults = []
        lowest, highest = self.min_capacity, self.max_capacity
        if lowest < 0 and not is_late(lowest):
            faults.append(f"min_capacity must be 0 or greater, not {lowest}")
        if not any(map(is_late, (lowest, highest))) and lowest > highest:
            faults.append(
                f"min_capacity ({lowest}) must not be greater than max_capacity ({highest}): "
                "lower the one or raise the other"
            )
        if not self.policies and not self.schedules:
            faults.append(
                "policies or schedules must hold at least one member, or nothing would ever scale"
            )
        return [*faults, *self._policy_faults(), *self._schedule_faults()]

    def _policy_faults(self) -> list[str]:
        tracked = [policy.key for policy in self.policies if isinstance(policy, TargetTracking)]
        faults = [
            f"metric {metric} is tracked by {count} policies: keep one"
            for metric, count in _repeated(tracked)
        ]
        named = [
            policy.name if isinstance(policy, TargetTracking) else policy.policy_name
            for policy in self.policies
            if not (isinstance(policy, TargetTracking) and tracked.count(policy.key) > 1)
        ]
        return faults + [
            f"{count} policies are called {name!r}: give each a name of its own"
            for name, count in _repeated(named)
        ]

    def _schedule_faults(self) -> list[str]:
        faults = [
            f"{count} schedules are called {name!r}: give each a name of its own"
            for name, count in _repeated(schedule.name for schedule in self.schedules)
        ]
        for schedule in self.schedules:
            # What it leaves alone is what the code or another schedule has set by then.
            faults += self._meeting(
                schedule, schedule.min_capacity, schedule.max_capacity, self._others_maxima()
            )
        return faults

    def _others_maxima(self) -> list[int]:
        scheduled = [schedule.max_capacity for schedule in self.schedules]
        return [self.max_capacity, *(most for most in scheduled if most is not None)]

    def _meeting(
        self,
        schedule: ScheduledCapacity,
        lowest: int | None,
        highest: int | None,
        maxima: list[int],
    ) -> list[str]:
        if lowest is not None and highest is None:
            tightest = _extreme(min, maxima)
            if tightest is not None and not is_late(lowest) and lowest > tightest:
                return [
                    f"schedule {schedule.name!r} sets a minimum of {lowest} where the maximum may "
                    f"be {tightest}: give it a max_capacity, too"
                ]
        if highest is not None and lowest is None:
            widest = _extreme(max, self._minima())
            if widest is not None and not is_late(highest) and highest < widest:
                return [
                    f"schedule {schedule.name!r} sets a maximum of {highest} where the minimum may "
                    f"be {widest}: give it a min_capacity, too"
                ]
        return []


def _extreme(choose: Callable[[Iterable[int]], int], values: list[int]) -> int | None:
    known = [value for value in values if not is_late(value)]
    return choose(known) if known else None


def _repeated(names: Iterable[str]) -> list[tuple[str, int]]:
    found = list(names)
    return [(name, found.count(name)) for name in sorted(set(found)) if found.count(name) > 1]
