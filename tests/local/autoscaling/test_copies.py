"""An inference component goes to zero copies and comes back when somebody asks for it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

NAME = "copies"
RESOURCE = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": f"inference-component/{NAME}",
    "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
}


@pytest.fixture(scope="module")
def component(
    local_aws: Any,
    make_role: Callable[..., str],
    make_echo_model: Callable[[str], None],
) -> Iterator[Any]:
    """A component with one copy on an endpoint that SageMaker scales; a client."""
    api = local_aws.client("sagemaker")
    make_echo_model(NAME)
    role = make_role("sagemaker.amazonaws.com", "logs:*", "s3:Get*", "s3:List*", "ecr:*")
    api.create_endpoint_config(
        EndpointConfigName=NAME,
        ExecutionRoleArn=role,
        ProductionVariants=[
            {
                "VariantName": "all",
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
                "ManagedInstanceScaling": {
                    "Status": "ENABLED",
                    "MinInstanceCount": 0,
                    "MaxInstanceCount": 1,
                },
            }
        ],
    )
    api.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)
    api.get_waiter("endpoint_in_service").wait(
        EndpointName=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 90}
    )
    api.create_inference_component(
        InferenceComponentName=NAME,
        EndpointName=NAME,
        Specification={
            "ModelName": NAME,
            "ComputeResourceRequirements": {
                "NumberOfCpuCoresRequired": 1,
                "MinMemoryRequiredInMb": 1024,
            },
        },
        RuntimeConfig={"CopyCount": 1},
    )
    wait_for(api, 1)
    yield api
    api.delete_inference_component(InferenceComponentName=NAME)
    with contextlib.suppress(ClientError):
        while api.describe_inference_component(InferenceComponentName=NAME):
            time.sleep(0.1)
    api.delete_endpoint(EndpointName=NAME)


def wait_for(api: Any, copies: int) -> None:
    """Wait until the component rests with so many copies."""
    deadline = time.monotonic() + 60
    while True:
        found = api.describe_inference_component(InferenceComponentName=NAME)
        now = found["InferenceComponentStatus"], found["RuntimeConfig"]["CurrentCopyCount"]
        if now == ("InService", copies):
            return
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def wait_for_activity(scaling: Any) -> dict[str, Any]:
    """Wait until the only scaling activity has succeeded; the activity."""
    deadline = time.monotonic() + 60
    while True:
        (found,) = scaling.describe_scaling_activities(**RESOURCE)["ScalingActivities"]
        if found["StatusCode"] == "Successful":
            activity: dict[str, Any] = found
            return activity
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def test_requests_without_a_copy_bring_one_back(local_aws: Any, component: Any) -> None:
    """A schedule takes the last copy; the alarm on requests without capacity adds one.

    As in https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html.
    """
    scaling, cloudwatch = (
        local_aws.client(name) for name in ("application-autoscaling", "cloudwatch")
    )
    scaling.register_scalable_target(**RESOURCE, MinCapacity=0, MaxCapacity=0)
    wait_for(component, 0)
    # What an alarm asks for while an activity is in progress is not done.
    activity = wait_for_activity(scaling)
    assert activity["Description"] == "Setting desired copy count to 0."
    scaling.register_scalable_target(**RESOURCE, MinCapacity=0, MaxCapacity=2)
    policy = scaling.put_scaling_policy(
        **RESOURCE,
        PolicyName="wake",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "MetricAggregationType": "Maximum",
            "Cooldown": 60,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
    )["PolicyARN"]
    cloudwatch.put_metric_alarm(
        AlarmName="no-copy",
        Namespace="AWS/SageMaker",
        MetricName="NoCapacityInvocationFailures",
        Dimensions=[{"Name": "InferenceComponentName", "Value": NAME}],
        Statistic="Maximum",
        Period=30,
        EvaluationPeriods=1,
        DatapointsToAlarm=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="missing",
        AlarmActions=[policy],
    )
    copies = {"PredefinedMetricType": "SageMakerInferenceComponentInvocationsPerCopy"}
    scaling.put_scaling_policy(
        **RESOURCE,
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 600,
            "PredefinedMetricSpecification": copies,
        },
    )
    runtime = local_aws.client("sagemaker-runtime")

    def ask() -> bytes:
        body: bytes = runtime.invoke_endpoint(
            EndpointName=NAME, InferenceComponentName=NAME, ContentType="text/csv", Body=b"1"
        )["Body"].read()
        return body

    with pytest.raises(ClientError, match="no capacity"):
        ask()
    wait_for(component, 1)
    assert ask() == b"1"
    latest = scaling.describe_scaling_activities(**RESOURCE)["ScalingActivities"][0]
    assert latest["Cause"] == "monitor alarm no-copy in state ALARM triggered policy wake"
    cloudwatch.delete_alarms(AlarmNames=["no-copy"])
