"""`StepScaling`: a policy that adds or removes capacity by how far an alarm is exceeded."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

from aws_cdk import Duration
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch

from inference_constructs.durations import minutes
from inference_constructs.faults import refuse
from inference_constructs.scaling_metrics import (
    OwnMetric,
    ScalingMetric,
    metric_members,
    metric_name,
    metric_period,
    statistic_faults,
)

# https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-limits.html
_MOST_STEPS = 20


@dataclass(frozen=True, kw_only=True)
class ScalingStep:
    """What is done while the metric is within a range.

    https://docs.aws.amazon.com/autoscaling/application/APIReference/API_StepAdjustment.html

    Attributes:
        adjustment: instances, copies or percent to add, or the capacity to set; negative removes.
        lower: where the range begins, as the distance from the threshold; none is without end.
        upper: where it ends, likewise.
    """

    adjustment: int
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, kw_only=True)
class StepScaling:
    """A policy with an alarm of its own, which belongs to it and goes with it.

    https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-step-scaling-policies.html

    Attributes:
        metric: what the alarm watches.
        threshold: where the alarm goes off, in the metric's unit.
        steps: what is done, by the distance from the threshold; ranges that meet, without gaps.
        comparison: on which side of the threshold the alarm goes off.
        adjustment_type: whether steps add to the capacity, add a percentage, or set it.
        min_adjustment_magnitude: the least that a percentage changes.
        cooldown: how long after a change the next may follow.
        evaluation_periods: how many of the metric's periods must be beyond the threshold.
        aggregation: how the datapoints of these periods become one.
        name: the policy's; by default the metric's.
    """

    metric: ScalingMetric
    threshold: float
    steps: Sequence[ScalingStep]
    comparison: cloudwatch.ComparisonOperator = (
        cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
    )
    adjustment_type: autoscaling.AdjustmentType = autoscaling.AdjustmentType.CHANGE_IN_CAPACITY
    min_adjustment_magnitude: int | None = None
    cooldown: Duration = field(default_factory=lambda: minutes(5))
    evaluation_periods: int = 1
    aggregation: autoscaling.MetricAggregationType = autoscaling.MetricAggregationType.AVERAGE
    name: str | None = None

    def __post_init__(self) -> None:
        """Refuses steps and alarms that AWS refuses.

        Raises:
            ValueError: names all that is wrong.
        """
        refuse(f"step scaling {self.policy_name!r}", self._faults())

    @classmethod
    def waking_on_backlog(cls, instances: int = 1) -> Self:
        """Wakes an asynchronous endpoint that has requests but no instance.

        Target tracking cannot: with no instance there is nothing to divide the backlog by, see
        https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html

        Args:
            instances: how many to start with.
        """
        return cls(
            metric=OwnMetric(name="HasBacklogWithoutCapacity", statistic="Average"),
            threshold=1,
            steps=[ScalingStep(adjustment=instances, lower=0)],
            evaluation_periods=2,
        )

    @classmethod
    def waking_on_failures(cls, copies: int = 1) -> Self:
        """Wakes an inference component that was asked while it had no copy.

        https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html

        Args:
            copies: how many to start with.
        """
        return cls(
            metric=OwnMetric(name="NoCapacityInvocationFailures", statistic="Sum"),
            threshold=1,
            steps=[ScalingStep(adjustment=copies, lower=0)],
            cooldown=minutes(1),
            aggregation=autoscaling.MetricAggregationType.MAXIMUM,
        )

    @property
    def policy_name(self) -> str:
        """The policy's name."""
        return metric_name(self.metric) if self.name is None else self.name

    def definition(self, dimensions: dict[str, str]) -> dict[str, Any]:
        """The policy, in the words of `AWS::ApplicationAutoScaling::ScalingPolicy`.

        Args:
            dimensions: of the metrics that the scaled resource has itself.
        """
        configuration: dict[str, Any] = {
            "AdjustmentType": _words(self.adjustment_type.name),
            "Cooldown": self.cooldown.to_seconds(),
            "MetricAggregationType": _words(self.aggregation.name),
            "StepAdjustments": [_step(step) for step in self._ordered()],
        }
        if self.min_adjustment_magnitude is not None:
            configuration["MinAdjustmentMagnitude"] = self.min_adjustment_magnitude
        return {
            "PolicyName": self.policy_name,
            "PolicyType": "StepScaling",
            "StepScalingPolicyConfiguration": configuration,
        }

    def alarm(self, dimensions: dict[str, str]) -> dict[str, Any]:
        """The alarm, in the words of `AWS::CloudWatch::Alarm`.

        Args:
            dimensions: of the metrics that the scaled resource has itself.
        """
        return {
            **metric_members(self.metric, dimensions),
            "Period": metric_period(self.metric).to_seconds(),
            "Threshold": self.threshold,
            "ComparisonOperator": _words(self.comparison.name),
            "EvaluationPeriods": self.evaluation_periods,
            "DatapointsToAlarm": self.evaluation_periods,
            # Nothing to tell is no reason to change the capacity.
            "TreatMissingData": "notBreaching",
        }

    def _ordered(self) -> list[ScalingStep]:
        return sorted(self.steps, key=lambda step: -math.inf if step.lower is None else step.lower)

    def _faults(self) -> list[str]:
        faults = [*statistic_faults(self.metric), *self._step_faults()]
        if not math.isfinite(self.threshold):
            faults.append(f"the threshold must be a number, not {self.threshold}")
        if self.evaluation_periods < 1:
            faults.append(f"evaluation_periods must be at least 1, not {self.evaluation_periods}")
        percent = autoscaling.AdjustmentType.PERCENT_CHANGE_IN_CAPACITY
        if self.min_adjustment_magnitude is not None and self.adjustment_type is not percent:
            faults.append("min_adjustment_magnitude is for changes in percent only: leave it out")
        exact = autoscaling.AdjustmentType.EXACT_CAPACITY
        if self.adjustment_type is exact and any(step.adjustment < 0 for step in self.steps):
            faults.append("an exact capacity must not be negative")
        return faults

    def _step_faults(self) -> list[str]:
        if not 1 <= len(self.steps) <= _MOST_STEPS:
            return [f"between 1 and {_MOST_STEPS} steps are needed, not {len(self.steps)}"]
        faults = [
            f"a step must have a lower bound, an upper bound or both: {step}"
            for step in self.steps
            if step.lower is None and step.upper is None
        ]
        faults += [
            f"a step's lower bound must be below its upper bound: {step}"
            for step in self.steps
            if step.lower is not None and step.upper is not None and step.lower >= step.upper
        ]
        ordered = self._ordered()
        for below, above in pairwise(ordered):
            if below.upper is None or above.lower is None or below.upper > above.lower:
                faults.append(f"steps must not overlap: {below} and {above}")
            elif below.upper < above.lower:
                faults.append(f"steps must meet: nothing is said of {below.upper} to {above.lower}")
        lowest, highest = ordered[0].lower, ordered[-1].upper
        if lowest is not None and lowest < 0:
            faults.append(f"the lowest step begins at {lowest}: leave its lower bound out")
        if highest is not None and highest > 0:
            faults.append(f"the highest step ends at {highest}: leave its upper bound out")
        return faults


def _step(step: ScalingStep) -> dict[str, float]:
    bounds = {"MetricIntervalLowerBound": step.lower, "MetricIntervalUpperBound": step.upper}
    given = {name: value for name, value in bounds.items() if value is not None}
    return {**given, "ScalingAdjustment": step.adjustment}


def _words(name: str) -> str:
    """A CDK enum's member as AWS writes it: `CHANGE_IN_CAPACITY` is `ChangeInCapacity`."""
    return name.replace("_", " ").title().replace(" ", "")
