"""How much capacity a policy asks for; arithmetic only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any


def tracked(current: int, value: float, target: float) -> int:
    """Capacity that brings a metric per unit of capacity to its target, rounded up."""
    return math.ceil(round(current * value / target, 9))


def scaled_out(current: int, value: float, target: float, *, before: int | None) -> int:
    """Capacity after a metric was above its target.

    Args:
        current: capacity now.
        value: the metric.
        target: what it should be.
        before: capacity before a scale-out whose cooldown runs; what it added counts as part of
            what is needed now.
    """
    return max(current, tracked(current if before is None else before, value, target))


def scaled_in(current: int, values: Sequence[float], target: float) -> int:
    """Capacity after a metric was below its target: enough for the highest of its datapoints."""
    return min(current, tracked(current, max(values), target))


def stepped(current: int, breach: float, configuration: Mapping[str, Any]) -> int:
    """Capacity after a step scaling policy.

    Args:
        current: capacity now.
        breach: the metric's value minus the alarm's threshold.
        configuration: StepScalingPolicyConfiguration.
    """
    for step in configuration.get("StepAdjustments") or ():
        if _applies(step, breach):
            return _adjusted(current, float(step["ScalingAdjustment"]), configuration)
    return current


def _applies(step: Mapping[str, Any], breach: float) -> bool:
    """Whether a breach lies in a step; of its two bounds the one at the threshold is in."""
    lower = step.get("MetricIntervalLowerBound")
    upper = step.get("MetricIntervalUpperBound")
    low = -math.inf if lower is None else float(lower)
    high = math.inf if upper is None else float(upper)
    return low <= breach < high if breach >= 0 else low < breach <= high


def _adjusted(current: int, adjustment: float, configuration: Mapping[str, Any]) -> int:
    match configuration.get("AdjustmentType", "ChangeInCapacity"):
        case "ExactCapacity":
            return int(adjustment)
        case "PercentChangeInCapacity":
            change = current * adjustment / 100
            # Away from zero below one, towards it above, as AWS rounds.
            whole = math.copysign(1, change) if 0 < abs(change) < 1 else math.trunc(change)
            least = float(configuration.get("MinAdjustmentMagnitude") or 0)
            if change and abs(whole) < least:
                whole = math.copysign(least, change)
            return current + int(whole)
        case _:
            return current + int(adjustment)


def bounded(capacity: int, minimum: int, maximum: int) -> int:
    """Capacity within the bounds of its target."""
    return max(minimum, min(maximum, capacity))
