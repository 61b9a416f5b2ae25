"""Scalable targets and policies on a running local AWS: a minute passes in a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

INVOCATIONS = {
    "PredefinedMetricSpecification": {
        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
    },
}


@pytest.fixture(scope="module")
def scaling(local_aws: Any) -> Any:
    """A client."""
    return local_aws.client("application-autoscaling")


@pytest.fixture(scope="module")
def idle(make_variant: Callable[..., Any]) -> Any:
    """A variant that gets no traffic, for what needs none."""
    return make_variant("idle")


def track(scaling: Any, variant: Any, target: float, **options: Any) -> Any:
    """Put a target tracking policy."""
    return scaling.put_scaling_policy(
        **variant.resource,
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            **INVOCATIONS,
            "TargetValue": target,
            "ScaleInCooldown": 60,
            "ScaleOutCooldown": 60,
            **options,
        },
    )


def alarms_of(local_aws: Any, variant: Any) -> list[dict[str, Any]]:
    """The alarms of a variant's target tracking."""
    found: list[dict[str, Any]] = local_aws.client("cloudwatch").describe_alarms(
        AlarmNamePrefix=f"TargetTracking-{variant.resource['ResourceId']}-"
    )["MetricAlarms"]
    return found


def names_of(local_aws: Any, variant: Any) -> set[str]:
    """The names of these alarms."""
    return {alarm["AlarmName"] for alarm in alarms_of(local_aws, variant)}


@contextmanager
def traffic(variant: Any, *, per_second: float) -> Iterator[None]:
    """Requests at an even pace for as long as the block runs."""
    stop = threading.Event()

    def send() -> None:
        following = time.monotonic()
        while not stop.wait(max(0.0, following - time.monotonic())):
            variant.invoke()
            following += 1 / per_second

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        stop.set()
        sender.join()


def latest_ended(variant: Any) -> dict[str, Any]:
    """The latest activity, once it has ended: a moment after the count is reached."""
    deadline = time.monotonic() + 90
    while True:
        latest: dict[str, Any] = variant.activities()[0]
        if latest["StatusCode"] != "InProgress" or time.monotonic() > deadline:
            return latest
        time.sleep(0.2)


def test_traffic_makes_a_variant_grow_as_far_as_needed_and_shrink_again(
    local_aws: Any, scaling: Any, make_variant: Callable[..., Any]
) -> None:
    """600 requests a minute and a target of 400 for each instance make two, no more."""
    variant = make_variant("grows")
    scaling.register_scalable_target(**variant.resource, MinCapacity=1, MaxCapacity=4)
    track(scaling, variant, 400)
    with traffic(variant, per_second=10):
        variant.wait_for(2)
        time.sleep(4)
        assert variant.counts() == (2, 2)
    (activity, *_) = variant.activities()
    (high,) = [name for name in names_of(local_aws, variant) if "AlarmHigh" in name]
    assert activity["Description"] == "Setting desired instance count to 2."
    assert activity["Cause"] == (f"monitor alarm {high} in state ALARM triggered policy track")
    variant.wait_for(1, seconds=90)
    activity = latest_ended(variant)
    assert activity["StatusCode"] == "Successful"
    assert activity["StatusMessage"] == (
        "Successfully set desired instance count to 1. Change successfully fulfilled by sagemaker."
    )
    assert "AlarmLow" in activity["Cause"]


def test_a_suspended_target_does_not_scale_and_a_resumed_one_not_beyond_its_maximum(
    scaling: Any, make_variant: Callable[..., Any]
) -> None:
    """The alarm fires, nothing follows until scaling out is resumed."""
    variant = make_variant("suspended")
    scaling.register_scalable_target(
        **variant.resource,
        MinCapacity=1,
        MaxCapacity=2,
        SuspendedState={"DynamicScalingOutSuspended": True},
    )
    (target,) = scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[variant.resource["ResourceId"]]
    )["ScalableTargets"]
    assert target["SuspendedState"] == {
        "DynamicScalingInSuspended": False,
        "DynamicScalingOutSuspended": True,
        "ScheduledScalingSuspended": False,
    }
    track(scaling, variant, 1)
    with traffic(variant, per_second=10):
        time.sleep(6)
        assert variant.activities() == []
        scaling.register_scalable_target(
            **variant.resource, SuspendedState={"DynamicScalingOutSuspended": False}
        )
        variant.wait_for(2)
    assert variant.activities()[0]["Description"] == "Setting desired instance count to 2."


def test_registering_brings_the_count_within_the_bounds(
    scaling: Any, make_variant: Callable[..., Any]
) -> None:
    """Up to the minimum, later down to the maximum; each is an activity with its cause."""
    variant = make_variant("bounded")
    scaling.register_scalable_target(**variant.resource, MinCapacity=2, MaxCapacity=4)
    variant.wait_for(2)
    scaling.register_scalable_target(**variant.resource, MinCapacity=1, MaxCapacity=1)
    variant.wait_for(1)
    assert [activity["Cause"] for activity in variant.activities()] == [
        "maximum capacity was set to 1",
        "minimum capacity was set to 2",
    ]


def test_target_tracking_keeps_two_alarms_of_its_own(
    local_aws: Any, scaling: Any, idle: Any
) -> None:
    """Three minutes above the target, fifteen below nine tenths of it; they go with the policy."""
    scaling.register_scalable_target(**idle.resource, MinCapacity=1, MaxCapacity=2)
    first = track(scaling, idle, 70)
    low, high = sorted(
        alarms_of(local_aws, idle), key=lambda alarm: alarm["EvaluationPeriods"], reverse=True
    )
    assert {alarm["AlarmName"] for alarm in first["Alarms"]} == names_of(local_aws, idle)
    shown = [
        (found["ComparisonOperator"], found["Threshold"], found["EvaluationPeriods"])
        for found in (high, low)
    ]
    assert shown == [("GreaterThanThreshold", 70.0, 3), ("LessThanThreshold", 63.0, 15)]
    for alarm in (high, low):
        assert alarm["MetricName"] == "InvocationsPerInstance"
        assert (alarm["Statistic"], alarm["Period"]) == ("Sum", 60)
        assert alarm["AlarmActions"] == [first["PolicyARN"]]
    again = track(scaling, idle, 100, DisableScaleIn=True)
    assert again["PolicyARN"] == first["PolicyARN"]
    (only,) = alarms_of(local_aws, idle)
    assert (only["AlarmName"], only["Threshold"]) == (high["AlarmName"], 100.0)
    scaling.delete_scaling_policy(**idle.resource, PolicyName="track")
    assert alarms_of(local_aws, idle) == []


def test_deregistering_takes_policies_and_alarms_along(
    local_aws: Any, scaling: Any, idle: Any
) -> None:
    """A policy that is put again has another ARN."""
    scaling.register_scalable_target(**idle.resource, MinCapacity=1, MaxCapacity=2)
    first = track(scaling, idle, 70)["PolicyARN"]
    scaling.deregister_scalable_target(**idle.resource)
    assert scaling.describe_scaling_policies(**idle.resource)["ScalingPolicies"] == []
    assert alarms_of(local_aws, idle) == []
    with pytest.raises(ClientError, match="No scalable target found") as raised:
        scaling.deregister_scalable_target(**idle.resource)
    assert raised.value.response["Error"]["Code"] == "ObjectNotFoundException"
    with pytest.raises(ClientError, match="No scalable target registered"):
        track(scaling, idle, 70)
    scaling.register_scalable_target(**idle.resource, MinCapacity=1, MaxCapacity=2)
    assert track(scaling, idle, 70)["PolicyARN"] != first


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"MinCapacity": 3, "MaxCapacity": 2}, "Maximum capacity cannot be less than minimum"),
        ({"MinCapacity": 0, "MaxCapacity": 2}, "Minimum capacity must be at least 1"),
        (
            {"MinCapacity": 1, "MaxCapacity": 2, "ResourceId": "endpoint/idle/variant/other"},
            "SageMaker variant doesn't exist: endpoint/idle/variant/other",
        ),
        (
            {"MinCapacity": 1, "MaxCapacity": 2, "ResourceId": "endpoint/none/variant/all"},
            "SageMaker variant doesn't exist: endpoint/none/variant/all",
        ),
        (
            {"MinCapacity": 1, "MaxCapacity": 2, "ScalableDimension": "ecs:service:DesiredCount"},
            "Unsupported service namespace, resource type or scalable dimension",
        ),
    ],
)
def test_a_target_that_cannot_be_scaled_is_refused(
    scaling: Any, idle: Any, given: dict[str, Any], words: str
) -> None:
    """ValidationException, and nothing is registered."""
    with pytest.raises(ClientError, match=words) as raised:
        scaling.register_scalable_target(**(idle.resource | given))
    assert raised.value.response["Error"]["Code"] == "ValidationException"


def test_burstable_instances_are_refused(scaling: Any, make_variant: Callable[..., Any]) -> None:
    """T2 cannot be scaled automatically."""
    variant = make_variant("burstable", kind="ml.t2.medium")
    with pytest.raises(ClientError, match=r"ml\.t2\.medium .* does not support automatic scaling"):
        scaling.register_scalable_target(**variant.resource, MinCapacity=1, MaxCapacity=2)


def test_a_metric_of_another_dimension_is_refused(scaling: Any, idle: Any) -> None:
    """Each dimension has its own predefined metrics."""
    scaling.register_scalable_target(**idle.resource, MinCapacity=1, MaxCapacity=2)
    wrong = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
    with pytest.raises(ClientError, match="only supports the following predefined metric types"):
        track(scaling, idle, 70, PredefinedMetricSpecification=wrong)


def test_a_step_policy_answers_an_alarm_of_one_s_own(
    local_aws: Any, scaling: Any, make_variant: Callable[..., Any]
) -> None:
    """The alarm names the policy as its action; the step's adjustment is added."""
    variant = make_variant("steps")
    scaling.register_scalable_target(**variant.resource, MinCapacity=1, MaxCapacity=3)
    policy = scaling.put_scaling_policy(
        **variant.resource,
        PolicyName="step",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
            "Cooldown": 3000,
        },
    )["PolicyARN"]
    cloudwatch = local_aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="steps",
        Namespace="Tests",
        MetricName="steps",
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[policy],
    )
    cloudwatch.put_metric_data(
        Namespace="Tests", MetricData=[{"MetricName": "steps", "Value": 2.0}]
    )
    variant.wait_for(2)
    assert variant.activities()[0]["Cause"] == (
        "monitor alarm steps in state ALARM triggered policy step"
    )
