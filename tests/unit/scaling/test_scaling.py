"""What a scaling may be, in pairs: what passes, what is refused."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from aws_cdk import Duration, TimeZone, Token
from aws_cdk.aws_applicationautoscaling import Schedule
from aws_cdk.aws_cloudwatch import Metric, Unit

from inference_constructs import (
    Cooldowns,
    Scaling,
    ScheduledCapacity,
    StepScaling,
    Suspended,
    TargetTracking,
)
from inference_constructs.scalable import ScalableKind

PER_MINUTE = TargetTracking.invocations_per_instance(60)
MORNING = Schedule.cron(minute="0", hour="8")


def scheduled(name: str = "morning", **given: Any) -> ScheduledCapacity:
    """A schedule."""
    return ScheduledCapacity(**{"name": name, "schedule": MORNING, **given})


def scaling(low: int = 1, high: int = 4, *schedules: ScheduledCapacity) -> Scaling:
    """A scaling with one policy."""
    return Scaling(min_capacity=low, max_capacity=high, policies=[PER_MINUTE], schedules=schedules)


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 6), (0, 3)])
def test_bounds_in_order_are_taken(low: int, high: int) -> None:
    """Equal bounds fix the size; whether 0 may be depends on what is scaled."""
    assert scaling(low, high).max_capacity == high


@pytest.mark.parametrize(
    ("low", "high", "fault"),
    [
        (5, 4, r"min_capacity \(5\) must not be greater than max_capacity \(4\)"),
        (-1, 4, "min_capacity must be 0 or greater, not -1"),
    ],
)
def test_bounds_that_cannot_be_are_refused(low: int, high: int, fault: str) -> None:
    """Nothing is clamped in silence."""
    with pytest.raises(ValueError, match=fault):
        scaling(low, high)


def test_bounds_that_are_known_at_the_deployment_only_are_taken() -> None:
    """A parameter of the template, for one."""
    low, high = (int(Token.as_number({"Ref": name})) for name in ("Low", "High"))
    assert scaling(low, high).min_capacity == low


def test_scaling_needs_something_that_moves_it() -> None:
    """Bounds alone never move anything."""
    with pytest.raises(ValueError, match="policies or schedules must hold at least one"):
        Scaling(min_capacity=1, max_capacity=2)
    Scaling(min_capacity=1, max_capacity=2, schedules=[scheduled(min_capacity=2)])


def test_two_policies_on_one_metric_are_refused() -> None:
    """They would pull against each other."""
    with pytest.raises(ValueError, match="is tracked by 2 policies: keep one"):
        Scaling(min_capacity=1, max_capacity=2, policies=[PER_MINUTE, PER_MINUTE])
    high_resolution = TargetTracking.concurrent_requests_per_model(5)
    Scaling(min_capacity=1, max_capacity=2, policies=[PER_MINUTE, high_resolution])


def test_two_policies_of_one_name_are_refused() -> None:
    """The second one would be put over the first."""
    queues = [
        Metric(namespace="Shop", metric_name="Waiting", dimensions_map={"Queue": name})
        for name in "ab"
    ]
    with pytest.raises(ValueError, match="2 policies are called 'Waiting'"):
        Scaling(
            min_capacity=1,
            max_capacity=2,
            policies=[TargetTracking.custom_metric(queue, 10) for queue in queues],
        )


@pytest.mark.parametrize("target", [0, -5, math.inf, math.nan])
def test_a_target_that_no_fleet_can_hold_is_refused(target: float) -> None:
    """A target is a positive number."""
    with pytest.raises(ValueError, match="the target must be greater than 0"):
        TargetTracking.invocations_per_instance(target)


def test_a_target_follows_from_a_measurement() -> None:
    """AWS's formula: peak requests per second x safety factor x 60; 20 x 0.5 x 60 is 600."""
    measured = TargetTracking.from_measured_capacity(peak_requests_per_second=20)
    expected = TargetTracking.invocations_per_instance(600)
    assert (measured.name, measured.target) == (expected.name, 600)
    bold = TargetTracking.from_measured_capacity(peak_requests_per_second=20, safety_factor=1)
    assert bold.target == 1200


@pytest.mark.parametrize(
    ("peak", "factor", "fault"),
    [
        (0, 0.5, "peak_requests_per_second must be greater than 0, not 0"),
        (math.nan, 0.5, "peak_requests_per_second must be greater than 0, not nan"),
        (20, 0, "safety_factor must be above 0 and at most 1, not 0"),
        (20, 1.1, r"safety_factor must be above 0 and at most 1, not 1\.1"),
        (20, math.nan, "safety_factor must be above 0 and at most 1, not nan"),
    ],
)
def test_a_measurement_that_cannot_be_is_refused(peak: float, factor: float, fault: str) -> None:
    """A factor above 1 would ask of an instance more than it can."""
    with pytest.raises(ValueError, match=fault):
        TargetTracking.from_measured_capacity(peak_requests_per_second=peak, safety_factor=factor)


def test_cooldowns_are_told_in_durations_and_written_in_seconds() -> None:
    """CloudFormation takes seconds."""
    policy = TargetTracking.invocations_per_instance(
        30,
        cooldowns=Cooldowns(scale_out=Duration.minutes(2), scale_in=Duration.hours(1)),
        scale_in=False,
    )
    assert policy.definition({}) == {
        "PolicyName": "SageMakerVariantInvocationsPerInstance",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
            },
            "TargetValue": 30,
            "ScaleOutCooldown": 120,
            "ScaleInCooldown": 3600,
            "DisableScaleIn": True,
        },
    }


def test_any_metric_is_tracked_in_cloudwatchs_words() -> None:
    """With its dimensions and unit; the period is Application Auto Scaling's own."""
    metric = Metric(
        namespace="Shop",
        metric_name="Load",
        dimensions_map={"Site": "b", "Area": "a"},
        statistic="Average",
        unit=Unit.COUNT_PER_SECOND,
    )
    definition = TargetTracking.custom_metric(metric, 5).definition({})
    assert definition["PolicyName"] == "Load"
    configuration = definition["TargetTrackingScalingPolicyConfiguration"]
    assert configuration["CustomizedMetricSpecification"] == {
        "Namespace": "Shop",
        "MetricName": "Load",
        "Statistic": "Average",
        "Dimensions": [{"Name": "Area", "Value": "a"}, {"Name": "Site", "Value": "b"}],
        "Unit": "Count/Second",
    }


def test_a_percentile_cannot_be_tracked() -> None:
    """Application Auto Scaling takes five statistics."""
    metric = Metric(namespace="Shop", metric_name="Load", statistic="p99")
    with pytest.raises(ValueError, match=r"statistic of Load must be one of Average, .*, not p99"):
        TargetTracking.custom_metric(metric, 5)


@pytest.mark.parametrize("share", [0, 70, math.nan])
def test_a_utilization_is_a_share(share: float) -> None:
    """70 would be 7,000 %."""
    TargetTracking.provisioned_concurrency_utilization(1)
    with pytest.raises(ValueError, match="share must be above 0 and at most 1"):
        TargetTracking.provisioned_concurrency_utilization(share)


@pytest.mark.parametrize(
    ("kind", "policy", "accepted"),
    [
        (ScalableKind.INSTANCES, PER_MINUTE, True),
        (ScalableKind.INSTANCES, TargetTracking.concurrent_requests_per_model(5), True),
        (ScalableKind.INSTANCES, TargetTracking.invocations_per_copy(60), False),
        (ScalableKind.ASYNC_INSTANCES, TargetTracking.backlog_per_instance(5), True),
        (ScalableKind.COPIES, TargetTracking.concurrent_requests_per_copy(5), True),
        (ScalableKind.COPIES, PER_MINUTE, False),
        (
            ScalableKind.PROVISIONED_CONCURRENCY,
            TargetTracking.provisioned_concurrency_utilization(0.7),
            True,
        ),
        (ScalableKind.PROVISIONED_CONCURRENCY, PER_MINUTE, False),
    ],
)
def test_each_kind_has_metrics_of_its_own(
    kind: ScalableKind, policy: TargetTracking, accepted: bool
) -> None:
    """AWS refuses a predefined metric that is not of the scalable dimension."""
    faults = Scaling(min_capacity=1, max_capacity=4, policies=[policy]).faults_for(kind)
    assert [fault for fault in faults if "is not a metric of" in fault and "https://" in fault] == (
        [] if accepted else faults
    )
    assert bool(faults) is not accepted


@pytest.mark.parametrize(
    ("kind", "low", "accepted"),
    [
        (ScalableKind.INSTANCES, 0, False),
        (ScalableKind.PROVISIONED_CONCURRENCY, 0, False),
        (ScalableKind.INSTANCES, 1, True),
        (ScalableKind.ASYNC_INSTANCES, 0, True),
        (ScalableKind.COPIES, 0, True),
    ],
)
def test_only_some_kinds_go_down_to_zero(kind: ScalableKind, low: int, accepted: bool) -> None:
    """Asynchronous endpoints and inference components, with a policy that wakes them."""
    waking = {
        ScalableKind.ASYNC_INSTANCES: [StepScaling.waking_on_backlog()],
        ScalableKind.COPIES: [StepScaling.waking_on_failures()],
    }.get(kind, [])
    policies: list[StepScaling | TargetTracking] = [*waking] or [
        TargetTracking.custom_metric(Metric(namespace="S", metric_name="L"), 5)
    ]
    faults = Scaling(min_capacity=low, max_capacity=4, policies=policies).faults_for(kind)
    assert bool(faults) is not accepted
    assert all("must be at least 1" in fault and "https://docs.aws" in fault for fault in faults)


@pytest.mark.parametrize(
    ("kind", "metric", "method"),
    [
        (ScalableKind.ASYNC_INSTANCES, "HasBacklogWithoutCapacity", "waking_on_backlog"),
        (ScalableKind.COPIES, "NoCapacityInvocationFailures", "waking_on_failures"),
    ],
)
def test_what_sleeps_needs_something_that_wakes_it(
    kind: ScalableKind, metric: str, method: str
) -> None:
    """Target tracking divides by the number of instances or copies, which is zero."""
    tracked = TargetTracking.custom_metric(Metric(namespace="S", metric_name="L"), 5)
    asleep = Scaling(min_capacity=0, max_capacity=4, policies=[tracked])
    (fault,) = asleep.faults_for(kind)
    assert metric in fault
    assert f"StepScaling.{method}()" in fault
    waking = getattr(StepScaling, method)()
    assert not Scaling(min_capacity=0, max_capacity=4, policies=[waking]).faults_for(kind)
    by_the_clock = Scaling(
        min_capacity=0,
        max_capacity=4,
        policies=[tracked],
        schedules=[scheduled(min_capacity=1), scheduled("evening", min_capacity=0)],
    )
    assert not by_the_clock.faults_for(kind)


def test_the_smallest_capacity_is_the_least_of_all_minima() -> None:
    """What a canary's size is checked against."""
    assert scaling(3, 6).smallest == 3
    evening = scheduled("evening", min_capacity=2)
    assert scaling(3, 6, scheduled(min_capacity=5), evening).smallest == 2


@pytest.mark.parametrize(
    "given",
    [
        {"min_capacity": 4},
        {"min_capacity": 5, "max_capacity": 8},
        {"max_capacity": 1},
        {"min_capacity": 2, "schedule": Schedule.rate(Duration.hours(1))},
        {"min_capacity": 2, "time_zone": TimeZone.ASIA_TOKYO},
    ],
)
def test_a_schedule_may_set_one_bound_or_both(given: dict[str, Any]) -> None:
    """As long as the minimum never exceeds the maximum, whichever schedule came before."""
    assert scaling(1, 4, scheduled(**given)).schedules


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"min_capacity": 5}, "minimum of 5 where the maximum may be 4: give it a max_capacity"),
        ({"max_capacity": 0}, "maximum of 0 where the minimum may be 1: give it a min_capacity"),
        ({"min_capacity": 5, "max_capacity": 4}, "must not be greater than max_capacity"),
        ({}, "min_capacity, max_capacity or both must be given"),
        ({"min_capacity": -1}, "min_capacity must be 0 or greater, not -1"),
        ({"min_capacity": 2, "name": "a/b"}, "without colon, slash or bar"),
        ({"min_capacity": 2, "schedule": Schedule.expression("8:00")}, "the schedule must be at"),
        ({"min_capacity": 2, "schedule": Schedule.expression("cron(0 8 * * *)")}, "of 6 fields"),
        ({"min_capacity": 2, "start": datetime(2026, 1, 1)}, "must have a time zone"),
        (
            {
                "min_capacity": 2,
                "schedule": Schedule.rate(Duration.hours(1)),
                "time_zone": TimeZone.ASIA_TOKYO,
            },
            "a rate has no time zone",
        ),
        (
            {
                "min_capacity": 2,
                "start": datetime(2026, 1, 2, tzinfo=UTC),
                "end": datetime(2026, 1, 1, tzinfo=UTC),
            },
            "must be before end",
        ),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(given: dict[str, Any], fault: str) -> None:
    """AWS would refuse it, or fail when its time has come."""
    with pytest.raises(ValueError, match=fault):
        scaling(1, 4, scheduled(**given))


def test_two_schedules_of_one_name_are_refused() -> None:
    """The second one would be put over the first."""
    with pytest.raises(ValueError, match="2 schedules are called 'morning'"):
        scaling(1, 4, scheduled(min_capacity=2), scheduled(min_capacity=3))


def test_a_schedule_is_written_as_cloudformation_has_it() -> None:
    """With its time zone, and only the bounds that it sets."""
    schedule = scheduled(
        min_capacity=0,
        time_zone=TimeZone.EUROPE_BERLIN,
        start=datetime(2026, 12, 1, 6, tzinfo=UTC),
    )
    assert schedule.definition() == {
        "ScheduledActionName": "morning",
        "Schedule": "cron(0 8 * * ? *)",
        "Timezone": "Europe/Berlin",
        "StartTime": "2026-12-01T06:00:00+00:00",
        "ScalableTargetAction": {"MinCapacity": 0},
    }


def test_what_rests_is_written_whole() -> None:
    """A state that is left out would stay as it is."""
    assert Suspended(scale_in=True).definition() == {
        "DynamicScalingInSuspended": True,
        "DynamicScalingOutSuspended": False,
        "ScheduledScalingSuspended": False,
    }
    assert not any(scaling().target_definition()["SuspendedState"].values())
