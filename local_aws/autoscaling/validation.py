"""What Application Auto Scaling refuses in policies and scheduled actions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, NoReturn

from moto.applicationautoscaling.exceptions import AWSValidationException

from local_aws.autoscaling.metrics import offered
from local_aws.autoscaling.policies import ScalingPolicy
from local_aws.events.expressions import ExpressionError, parse

ADJUSTMENTS = ("ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity")
SPECIFICATIONS = ("PredefinedMetricSpecification", "CustomizedMetricSpecification")


def check_policy(
    dimension: str, policy_type: str | None, body: Mapping[str, Any], others: Iterable[Any]
) -> None:
    """Refuse a policy that cannot work.

    Args:
        dimension: the scalable dimension.
        policy_type: TargetTrackingScaling or StepScaling.
        body: the configuration that belongs to the type.
        others: the other policies of the same target.

    Raises:
        AWSValidationException: as the service words it, where that is documented.
    """
    if policy_type == "StepScaling":
        _check_steps(body)
    elif policy_type == "TargetTrackingScaling":
        _check_tracking(dimension, body)
        for other in others:
            if isinstance(other, ScalingPolicy) and any(
                body.get(name) and body.get(name) == other.tracking.get(name)
                for name in SPECIFICATIONS
            ):
                _refuse(
                    "Only one TargetTrackingScaling policy for a given metric specification is "
                    "allowed."
                )


def check_schedule(given: Mapping[str, Any]) -> None:
    """Refuse a scheduled action with an expression that is none, or without a change.

    Args:
        given: parameters of PutScheduledAction; the ones that a change leaves out are missing.

    Raises:
        AWSValidationException: naming what is wrong.
    """
    if expression := given.get("Schedule"):
        try:
            parse(expression, given.get("Timezone") or "UTC")
        except ExpressionError as error:
            _refuse(f"Invalid schedule expression: {expression} ({error})")
    action = given.get("ScalableTargetAction")
    if action is not None:
        minimum, maximum = action.get("MinCapacity"), action.get("MaxCapacity")
        if minimum is None and maximum is None:
            _refuse("ScalableTargetAction must set MinCapacity, MaxCapacity or both")
        if minimum is not None and maximum is not None and minimum > maximum:
            _refuse(f"Maximum capacity cannot be less than minimum capacity: {maximum} < {minimum}")
    start, end = given.get("StartTime"), given.get("EndTime")
    if start is not None and end is not None and end <= start:
        _refuse("EndTime must be later than StartTime")


def _check_tracking(dimension: str, body: Mapping[str, Any]) -> None:
    if float(body.get("TargetValue", math.nan)) <= 0:
        _refuse("TargetValue must be greater than 0")
    specified = [name for name in SPECIFICATIONS if body.get(name)]
    if len(specified) != 1:
        _refuse(f"Exactly one of {' or '.join(SPECIFICATIONS)} must be specified")
    predefined = (body.get(SPECIFICATIONS[0]) or {}).get("PredefinedMetricType")
    supported = offered(dimension)
    if predefined is not None and predefined not in supported:
        _refuse(
            f"Scalable dimension {dimension} only supports the following predefined metric types: "
            f"{', '.join(supported)}"
        )
    customized = body.get(SPECIFICATIONS[1])
    if customized and bool(customized.get("Metrics")) == bool(customized.get("MetricName")):
        _refuse("CustomizedMetricSpecification must have either MetricName or Metrics")
    if (
        customized
        and customized.get("MetricName")
        and not (customized.get("Namespace") and customized.get("Statistic"))
    ):
        _refuse("CustomizedMetricSpecification with MetricName needs Namespace and Statistic")


def _check_steps(body: Mapping[str, Any]) -> None:
    kind, steps = body.get("AdjustmentType"), body.get("StepAdjustments") or []
    if kind not in ADJUSTMENTS:
        _refuse(f"AdjustmentType must be one of {', '.join(ADJUSTMENTS)}, got {kind}")
    if not steps:
        _refuse("At least one StepAdjustment must be specified for StepScaling")
    if body.get("MinAdjustmentMagnitude") and kind != "PercentChangeInCapacity":
        _refuse("MinAdjustmentMagnitude is only for the adjustment type PercentChangeInCapacity")
    bounds = sorted(
        (
            float(step.get("MetricIntervalLowerBound", -math.inf)),
            float(step.get("MetricIntervalUpperBound", math.inf)),
        )
        for step in steps
    )
    if any(low >= high for low, high in bounds):
        _refuse("The upper bound of a step adjustment must be greater than its lower bound")
    for (_, end), (start, _) in pairwise(bounds):
        if start < end:
            _refuse("Step adjustment intervals can't overlap")
        if start > end:
            _refuse("There can't be a gap between step adjustment intervals")


def _refuse(message: str) -> NoReturn:
    raise AWSValidationException(message)
