"""Policies on other metrics than invocations, and policies that cannot work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

OWN = {"MetricName": "load", "Namespace": "Policies", "Statistic": "Maximum"}
CONCURRENT = {"PredefinedMetricType": "SageMakerVariantConcurrentRequestsPerModelHighResolution"}
STEP = {"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}


@pytest.fixture(scope="module")
def scaling(local_aws: Any) -> Any:
    """A client."""
    return local_aws.client("application-autoscaling")


@pytest.fixture(scope="module")
def variant(make_variant: Callable[..., Any]) -> Any:
    """A variant that gets no traffic."""
    return make_variant("policies")


@pytest.fixture
def target(scaling: Any, variant: Any) -> Iterator[Any]:
    """The same, registered with one to three instances."""
    scaling.register_scalable_target(**variant.resource, MinCapacity=1, MaxCapacity=3)
    yield variant
    scaling.register_scalable_target(**variant.resource, MinCapacity=1, MaxCapacity=1)
    variant.wait_for(1)
    scaling.deregister_scalable_target(**variant.resource)


def track(scaling: Any, target: Any, name: str, value: float, **specification: Any) -> Any:
    """Put a target tracking policy that never cools down."""
    return scaling.put_scaling_policy(
        **target.resource,
        PolicyName=name,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": value,
            "ScaleInCooldown": 0,
            "ScaleOutCooldown": 0,
            **specification,
        },
    )


def step(scaling: Any, target: Any, *steps: dict[str, float], **given: Any) -> Any:
    """Put a step scaling policy that never cools down."""
    return scaling.put_scaling_policy(
        **target.resource,
        PolicyName="step",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": list(steps),
            "Cooldown": 0,
            **given,
        },
    )


def publish(local_aws: Any, namespace: str, until: Callable[[], bool], **values: float) -> None:
    """Publish metrics every tenth of a second until something holds."""
    cloudwatch = local_aws.client("cloudwatch")
    deadline = time.monotonic() + 60
    data = [{"MetricName": name, "Value": value} for name, value in values.items()]
    while not until():
        assert time.monotonic() < deadline
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)
        time.sleep(0.1)


def alarmed(local_aws: Any, name: str) -> bool:
    """Whether an alarm is in that state."""
    (found,) = local_aws.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return bool(found["StateValue"] == "ALARM")


def test_a_metric_of_high_resolution_scales_out_after_half_a_minute(
    local_aws: Any, scaling: Any, target: Any
) -> None:
    """Three periods of ten seconds; scaling in takes fifteen minutes as on any other metric."""
    made = track(scaling, target, "concurrent", 2, PredefinedMetricSpecification=CONCURRENT)
    cloudwatch = local_aws.client("cloudwatch")
    alarms = cloudwatch.describe_alarms(AlarmNames=[found["AlarmName"] for found in made["Alarms"]])
    shown = {
        (alarm["ComparisonOperator"], alarm["Period"], alarm["EvaluationPeriods"])
        for alarm in alarms["MetricAlarms"]
    }
    assert shown == {("GreaterThanThreshold", 10, 3), ("LessThanThreshold", 10, 90)}
    dimensions = [
        {"Name": "EndpointName", "Value": target.endpoint},
        {"Name": "VariantName", "Value": "all"},
    ]
    while not target.activities():
        cloudwatch.put_metric_data(
            Namespace="AWS/SageMaker",
            MetricData=[
                {
                    "MetricName": "ConcurrentRequestsPerModel",
                    "Dimensions": dimensions,
                    "Value": 6,
                    "StorageResolution": 1,
                }
            ],
        )
        time.sleep(0.05)
    assert target.activities()[0]["Description"] == "Setting desired instance count to 3."
    target.wait_for(3)


def test_a_metric_of_ones_own_scales_alone_and_in_an_expression(
    local_aws: Any, scaling: Any, target: Any
) -> None:
    """Metric math is evaluated as an alarm evaluates it."""
    metrics = [
        {
            "Id": name,
            "MetricStat": {
                "Metric": {"MetricName": name, "Namespace": "Policies"},
                "Stat": "Maximum",
            },
            "ReturnData": False,
        }
        for name in ("queued", "workers")
    ]
    share = {"Id": "share", "Expression": "queued / workers", "ReturnData": True}
    track(scaling, target, "own", 10, CustomizedMetricSpecification=OWN)
    math = {"Metrics": [*metrics, share]}
    alarms = track(scaling, target, "math", 10, CustomizedMetricSpecification=math)["Alarms"]
    scaling.register_scalable_target(**target.resource, MaxCapacity=2)
    publish(local_aws, "Policies", lambda: target.counts() == (2, 2), load=5, queued=40, workers=2)
    assert target.activities()[0]["Cause"].endswith("triggered policy math")
    (high,) = [found["AlarmName"] for found in alarms if "AlarmHigh" in found["AlarmName"]]
    publish(local_aws, "Policies", lambda: not alarmed(local_aws, high), queued=1, workers=1)
    scaling.register_scalable_target(**target.resource, MaxCapacity=3)
    publish(local_aws, "Policies", lambda: target.counts() == (3, 3), load=15, queued=1, workers=1)
    assert target.activities()[0]["Cause"].endswith("triggered policy own")


def test_a_step_takes_nothing_away_that_target_tracking_needs(
    local_aws: Any, scaling: Any, target: Any
) -> None:
    """Scaling in waits until every tracking policy agrees; without them the step alone decides."""
    scaling.register_scalable_target(**target.resource, MinCapacity=2)
    target.wait_for(2)
    scaling.register_scalable_target(**target.resource, MinCapacity=1)
    track(scaling, target, "own", 10, CustomizedMetricSpecification=OWN)
    policy = step(scaling, target, {"MetricIntervalUpperBound": 0, "ScalingAdjustment": -1})
    cloudwatch = local_aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="step-in",
        Namespace="Policies",
        MetricName="idle",
        Statistic="Maximum",
        Period=10,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="LessThanThreshold",
        AlarmActions=[policy["PolicyARN"]],
    )
    publish(local_aws, "Policies", lambda: alarmed(local_aws, "step-in"), idle=0, load=10)
    before = len(target.activities())
    until = time.monotonic() + 1.5
    publish(local_aws, "Policies", lambda: time.monotonic() > until, idle=0, load=10)
    assert len(target.activities()) == before
    scaling.delete_scaling_policy(**target.resource, PolicyName="own")
    publish(local_aws, "Policies", lambda: target.counts() == (1, 1), idle=0)
    assert target.activities()[0]["Cause"].endswith("triggered policy step")
    cloudwatch.delete_alarms(AlarmNames=["step-in"])


def test_provisioned_concurrency_is_registered_bounded_and_tracked(
    local_aws: Any, scaling: Any, make_variant: Callable[..., Any]
) -> None:
    """By its own dimension; the instance count of a serverless variant does not exist."""
    variant = make_variant(
        "provisioned",
        serverless={"MemorySizeInMB": 2048, "MaxConcurrency": 4, "ProvisionedConcurrency": 1},
        dimension="sagemaker:variant:DesiredProvisionedConcurrency",
    )
    scaling.register_scalable_target(**variant.resource, MinCapacity=2, MaxCapacity=4)
    sagemaker = local_aws.client("sagemaker")

    def provisioned() -> Any:
        found = sagemaker.describe_endpoint(EndpointName="provisioned")
        (one,) = found["ProductionVariants"]
        return found["EndpointStatus"], one["CurrentServerlessConfig"].get("ProvisionedConcurrency")

    deadline = time.monotonic() + 90
    while provisioned() != ("InService", 2) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert provisioned() == ("InService", 2)
    assert variant.activities()[0]["Description"] == "Setting desired provisioned concurrency to 2."
    utilization = {"PredefinedMetricType": "SageMakerVariantProvisionedConcurrencyUtilization"}
    made = track(scaling, variant, "used", 0.7, PredefinedMetricSpecification=utilization)
    assert len(made["Alarms"]) == 2
    with pytest.raises(ClientError, match="only supports the following predefined metric types"):
        track(scaling, variant, "wrong", 2, PredefinedMetricSpecification=CONCURRENT)
    instances = {**variant.resource, "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
    with pytest.raises(ClientError, match="not supported for the serverless variant"):
        scaling.register_scalable_target(**instances, MinCapacity=1, MaxCapacity=2)
    scaling.deregister_scalable_target(**variant.resource)


def test_instances_have_no_provisioned_concurrency(scaling: Any, variant: Any) -> None:
    """The dimension needs a serverless variant that has some."""
    dimension = {"ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency"}
    with pytest.raises(ClientError, match="needs a serverless variant") as raised:
        scaling.register_scalable_target(
            **(variant.resource | dimension), MinCapacity=1, MaxCapacity=2
        )
    assert raised.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize(
    ("value", "specification", "words"),
    [
        (0, {"CustomizedMetricSpecification": OWN}, "TargetValue must be greater than 0"),
        (5, {}, "Exactly one of PredefinedMetricSpecification or CustomizedMetric"),
        (
            5,
            {
                "PredefinedMetricSpecification": CONCURRENT,
                "CustomizedMetricSpecification": OWN,
            },
            "Exactly one of PredefinedMetricSpecification or CustomizedMetric",
        ),
        (
            5,
            {"CustomizedMetricSpecification": {"MetricName": "load", "Namespace": "Policies"}},
            "needs Namespace and Statistic",
        ),
        (
            5,
            {"CustomizedMetricSpecification": {"Metrics": [{"Id": "a", "Expression": "b + 1"}]}},
            "refers to unknown ids",
        ),
    ],
)
def test_target_tracking_that_could_never_work_is_refused(
    scaling: Any, target: Any, value: float, specification: dict[str, Any], words: str
) -> None:
    """ValidationException, and no policy is kept."""
    with pytest.raises(ClientError, match=words) as raised:
        track(scaling, target, "bad", value, **specification)
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    assert scaling.describe_scaling_policies(**target.resource)["ScalingPolicies"] == []


def test_a_metric_is_tracked_by_one_policy_only(scaling: Any, target: Any) -> None:
    """The policy itself may be put again."""
    first = track(scaling, target, "one", 5, CustomizedMetricSpecification=OWN)["PolicyARN"]
    again = track(scaling, target, "one", 6, CustomizedMetricSpecification=OWN)["PolicyARN"]
    assert again == first
    with pytest.raises(ClientError, match="Only one TargetTrackingScaling policy for a given"):
        track(scaling, target, "two", 5, CustomizedMetricSpecification=OWN)
    (found,) = scaling.describe_scaling_policies(**target.resource, PolicyNames=["one"])[
        "ScalingPolicies"
    ]
    assert found["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 6


@pytest.mark.parametrize(
    ("steps", "given", "words"),
    [
        ([], {}, "At least one StepAdjustment"),
        ([STEP], {"AdjustmentType": "Twice"}, "AdjustmentType must be one of"),
        ([STEP], {"MinAdjustmentMagnitude": 2}, "only for the adjustment type Percent"),
        ([{**STEP, "MetricIntervalUpperBound": 5}, STEP], {}, "can't overlap"),
        (
            [{**STEP, "MetricIntervalUpperBound": 5}, {**STEP, "MetricIntervalLowerBound": 6}],
            {},
            "can't be a gap",
        ),
    ],
)
def test_steps_that_do_not_fit_together_are_refused(
    scaling: Any, target: Any, steps: list[dict[str, float]], given: dict[str, Any], words: str
) -> None:
    """See the rules for step adjustments in the Application Auto Scaling User Guide."""
    with pytest.raises(ClientError, match=words) as raised:
        step(scaling, target, *steps, **given)
    assert raised.value.response["Error"]["Code"] == "ValidationException"
