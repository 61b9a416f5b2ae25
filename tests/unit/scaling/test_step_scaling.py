"""What step scaling may be, in pairs: what passes, what is refused."""

import math
from typing import Any

import pytest
from aws_cdk import Duration
from aws_cdk.aws_applicationautoscaling import AdjustmentType, MetricAggregationType
from aws_cdk.aws_cloudwatch import ComparisonOperator, Metric

from inference_constructs import ScalingStep, StepScaling

WAITING = Metric(namespace="Shop", metric_name="Waiting", statistic="Maximum")


def step(adjustment: int, lower: float | None = None, upper: float | None = None) -> ScalingStep:
    """A step."""
    return ScalingStep(adjustment=adjustment, lower=lower, upper=upper)


def policy(*steps: ScalingStep, **given: Any) -> StepScaling:
    """A policy with these steps."""
    return StepScaling(**{"metric": WAITING, "threshold": 10, "steps": steps, **given})


@pytest.mark.parametrize(
    "steps",
    [
        [step(1, 0)],
        [step(1, 0, 20), step(3, 20)],
        # In any order.
        [step(3, 20), step(1, 0, 20)],
        [step(-1, None, 0)],
        [step(-2, None, -10), step(-1, -10, 0), step(0, 0, 5), step(1, 5)],
    ],
)
def test_ranges_that_meet_are_taken(steps: list[ScalingStep]) -> None:
    """They may reach to both sides of the threshold."""
    written = policy(*steps).definition({})["StepScalingPolicyConfiguration"]["StepAdjustments"]
    lows = [found.get("MetricIntervalLowerBound", -math.inf) for found in written]
    assert lows == sorted(lows)
    assert len(written) == len(steps)


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        ([], "between 1 and 20 steps are needed, not 0"),
        ([step(1, n, n + 1) for n in range(20)] + [step(1, 20)], "1 and 20 steps are needed"),
        ([step(1)], "must have a lower bound, an upper bound or both"),
        ([step(1, 20, 20), step(2, 20)], "lower bound must be below its upper bound"),
        ([step(1, 0, 20), step(3, 10)], "must not overlap"),
        ([step(1, 0), step(3, 20)], "must not overlap"),
        ([step(1, 0, 20), step(3, 30)], "nothing is said of 20 to 30"),
        ([step(1, 0, 20)], "the highest step ends at 20: leave its upper bound out"),
        ([step(-1, -20, 0)], "the lowest step begins at -20: leave its lower bound out"),
    ],
)
def test_ranges_that_leave_gaps_or_overlap_are_refused(
    steps: list[ScalingStep], fault: str
) -> None:
    """The rules of https://docs.aws.amazon.com/autoscaling/application/APIReference/."""
    with pytest.raises(ValueError, match=fault):
        policy(*steps)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"threshold": math.nan}, "the threshold must be a number, not nan"),
        ({"evaluation_periods": 0}, "evaluation_periods must be at least 1, not 0"),
        ({"min_adjustment_magnitude": 2}, "for changes in percent only"),
        ({"metric": Metric(namespace="S", metric_name="L", statistic="p99")}, "not p99"),
    ],
)
def test_an_alarm_that_cannot_be_is_refused(given: dict[str, Any], fault: str) -> None:
    """All of it before anything is deployed."""
    with pytest.raises(ValueError, match=fault):
        policy(step(1, 0), **given)


def test_an_exact_capacity_is_not_negative() -> None:
    """There are never fewer instances than none."""
    exact = AdjustmentType.EXACT_CAPACITY
    policy(step(0, 0), adjustment_type=exact)
    with pytest.raises(ValueError, match="an exact capacity must not be negative"):
        policy(step(-1, 0), adjustment_type=exact)


def test_policy_and_alarm_are_written_as_cloudformation_has_them() -> None:
    """Enums in AWS's words, durations in seconds, dimensions of the metric."""
    found = policy(
        step(25, 0),
        metric=Metric(
            namespace="Shop",
            metric_name="Waiting",
            dimensions_map={"Queue": "q"},
            statistic="Sum",
            period=Duration.seconds(10),
        ),
        adjustment_type=AdjustmentType.PERCENT_CHANGE_IN_CAPACITY,
        min_adjustment_magnitude=2,
        cooldown=Duration.minutes(2),
        comparison=ComparisonOperator.GREATER_THAN_THRESHOLD,
        aggregation=MetricAggregationType.MAXIMUM,
        evaluation_periods=3,
        name="rush",
    )
    assert found.definition({}) == {
        "PolicyName": "rush",
        "PolicyType": "StepScaling",
        "StepScalingPolicyConfiguration": {
            "AdjustmentType": "PercentChangeInCapacity",
            "Cooldown": 120,
            "MetricAggregationType": "Maximum",
            "MinAdjustmentMagnitude": 2,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 25}],
        },
    }
    assert found.alarm({}) == {
        "Namespace": "Shop",
        "MetricName": "Waiting",
        "Dimensions": [{"Name": "Queue", "Value": "q"}],
        "Statistic": "Sum",
        "Period": 10,
        "Threshold": 10,
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 3,
        "TreatMissingData": "notBreaching",
    }


@pytest.mark.parametrize(
    ("waking", "metric", "statistic"),
    [
        (StepScaling.waking_on_backlog(), "HasBacklogWithoutCapacity", "Average"),
        (StepScaling.waking_on_failures(), "NoCapacityInvocationFailures", "Sum"),
    ],
)
def test_what_wakes_watches_the_metrics_that_aws_names(
    waking: StepScaling, metric: str, statistic: str
) -> None:
    """The alarm has the dimension of the resource that it wakes, and goes off at one request."""
    alarm = waking.alarm({"EndpointName": "shop"})
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SageMaker", metric)
    assert alarm["Dimensions"] == [{"Name": "EndpointName", "Value": "shop"}]
    assert (alarm["Statistic"], alarm["Threshold"], alarm["Period"]) == (statistic, 1, 60)
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert waking.definition({})["StepScalingPolicyConfiguration"]["StepAdjustments"] == [
        {"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}
    ]
