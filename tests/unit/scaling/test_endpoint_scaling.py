"""The owner of an endpoint's scaling: its resources, their order and their properties."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk.assertions import Match, Template
from aws_cdk.aws_applicationautoscaling import Schedule
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from inference_constructs import (
    EncryptionKey,
    Scaling,
    ScheduledCapacity,
    StepScaling,
    TargetTracking,
)
from inference_constructs.endpoint_scaling import EndpointScaling
from inference_constructs.scaled_resource import ScaledResource
from inference_constructs.scaling_owner import ScalingOwner

Scaled = Callable[..., EndpointScaling]
Find = Callable[[str], tuple[str, dict[str, Any]]]

PER_MINUTE = TargetTracking.invocations_per_instance(60)
SCALING = Scaling(min_capacity=1, max_capacity=4, policies=[PER_MINUTE])


def instances(name: str = "A", *types: str, scaling: Scaling = SCALING) -> ScaledResource:
    """A scaled variant."""
    return ScaledResource.instances(
        "Shop", name, instance_types=types or ("ml.m5.large",), scaling=scaling
    )


def backlog() -> ScaledResource:
    """A scaled asynchronous variant that goes down to zero, with everything there is."""
    return ScaledResource.async_instances(
        "Shop",
        "A",
        instance_type="ml.m5.large",
        scaling=Scaling(
            min_capacity=0,
            max_capacity=4,
            policies=[TargetTracking.backlog_per_instance(5), StepScaling.waking_on_backlog()],
            schedules=[
                ScheduledCapacity(
                    name="morning",
                    schedule=Schedule.cron(minute="0", hour="8"),
                    min_capacity=1,
                )
            ],
        ),
    )


def test_cloudformation_asks_before_and_after_the_endpoint(
    stack: Stack, scaled: Scaled, resource: Find
) -> None:
    """In this order forwards; whether the way back has it, too, must not matter."""
    scaled(instances())
    endpoint_id, endpoint = resource("AWS::SageMaker::Endpoint")
    released_id, _ = resource("Custom::ReleasedScalableTargets")
    settled_id, _ = resource("Custom::SettledScaling")
    _, applied = resource("Custom::EndpointScaling")
    assert {released_id, settled_id} <= set(endpoint["DependsOn"])
    assert endpoint_id in applied["DependsOn"]
    (policy_id,) = Template.from_stack(stack).find_resources("AWS::IAM::ManagedPolicy")
    for _, body in map(resource, ("Custom::ReleasedScalableTargets", "Custom::SettledScaling")):
        assert body["DependsOn"] == [policy_id]
    assert policy_id in applied["DependsOn"]


def test_what_comes_before_is_called_when_a_shape_changes(scaled: Scaled, resource: Find) -> None:
    """The first with each config, since whatever is under way must end; the other never else."""
    scaled(instances("A"), instances("B", "ml.g5.xlarge", "ml.g6.xlarge"))
    shapes = {
        "endpoint/Shop/variant/A": "ml.m5.large",
        "endpoint/Shop/variant/B": "ml.g5.xlarge,ml.g6.xlarge",
    }
    _, released = resource("Custom::ReleasedScalableTargets")
    _, settled = resource("Custom::SettledScaling")
    config_id, _ = resource("AWS::SageMaker::EndpointConfig")
    for body in (released, settled):
        assert body["Properties"]["EndpointName"] == "Shop"
        assert body["Properties"]["InstanceTypes"] == shapes
    assert released["Properties"]["EndpointConfigName"] == {
        "Fn::GetAtt": [config_id, "EndpointConfigName"]
    }
    assert "EndpointConfigName" not in settled["Properties"]


def test_a_reviewer_reads_cloudformations_own_property_names(
    scaled: Scaled, resource: Find
) -> None:
    """What is registered is valid by the schemas of the resources that it stands for."""
    scaled(backlog())
    _, applied = resource("Custom::EndpointScaling")
    (target,) = applied["Properties"]["ScalableTargets"]
    policies, alarms = target.pop("ScalingPolicies"), target.pop("Alarms")
    assert target.pop("InstanceType") == "ml.m5.large"
    assert target["ResourceId"] == "endpoint/Shop/variant/A"
    assert target["ScalableDimension"] == "sagemaker:variant:DesiredInstanceCount"
    _check("AWS::ApplicationAutoScaling::ScalableTarget", target)
    assert [policy["PolicyName"] for policy in policies] == [
        "ApproximateBacklogSizePerInstance",
        "HasBacklogWithoutCapacity",
    ]
    for policy in policies:
        _check("AWS::ApplicationAutoScaling::ScalingPolicy", policy)
    (alarm,) = alarms
    assert alarm["AlarmName"] == "StepScaling-shop/Shop/A-HasBacklogWithoutCapacity"
    assert alarm["AlarmActions"] == ["HasBacklogWithoutCapacity"]
    _check("AWS::CloudWatch::Alarm", alarm)


def _check(resource_type: str, properties: dict[str, Any]) -> None:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource_type).schema
    names = ("definitions", "properties", "additionalProperties")
    plain = _without_patterns({name: schema[name] for name in names})
    assert list(Draft7Validator(plain).iter_errors(properties)) == []


def _without_patterns(schema: Any) -> Any:
    """A schema without regular expressions, which are Java's."""
    if isinstance(schema, list):
        return [_without_patterns(member) for member in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _without_patterns(member)
        for name, member in schema.items()
        if not (name == "pattern" and isinstance(member, str))
    }


def test_an_asynchronous_endpoints_metrics_have_its_name_only(
    scaled: Scaled, resource: Find
) -> None:
    """With further dimensions the policy would watch a metric that nobody publishes."""
    scaled(backlog())
    _, applied = resource("Custom::EndpointScaling")
    (target,) = applied["Properties"]["ScalableTargets"]
    tracking, _ = target["ScalingPolicies"]
    metric = tracking["TargetTrackingScalingPolicyConfiguration"]["CustomizedMetricSpecification"]
    expected = [{"Name": "EndpointName", "Value": "Shop"}]
    assert metric["Dimensions"] == target["Alarms"][0]["Dimensions"] == expected


def test_inference_components_come_later_and_first(
    stack: Stack, scaled: Scaled, resource: Find
) -> None:
    """They are added to their endpoint one by one, and must be there before they are scaled."""
    scaling = scaled()
    component = sagemaker.CfnInferenceComponent(
        stack,
        "Component",
        endpoint_name="Shop",
        inference_component_name="Small",
        specification=sagemaker.CfnInferenceComponent.InferenceComponentSpecificationProperty(
            model_name="model"
        ),
    )
    asleep = Scaling(
        min_capacity=0,
        max_capacity=2,
        policies=[TargetTracking.invocations_per_copy(60), StepScaling.waking_on_failures()],
    )
    scaling.add(ScaledResource.copies("Small", scaling=asleep), component)
    component_id, _ = resource("AWS::SageMaker::InferenceComponent")
    _, applied = resource("Custom::EndpointScaling")
    assert component_id in applied["DependsOn"]
    (target,) = applied["Properties"]["ScalableTargets"]
    assert target["ResourceId"] == "inference-component/Small"
    assert target["ScalableDimension"] == "sagemaker:inference-component:DesiredCopyCount"
    alarm_name = target["Alarms"][0]["AlarmName"]
    assert alarm_name == "StepScaling-shop/Shop/Small-NoCapacityInvocationFailures"
    assert target["Alarms"][0]["Dimensions"] == [
        {"Name": "InferenceComponentName", "Value": "Small"}
    ]
    Template.from_stack(stack).has_resource_properties(
        "AWS::IAM::ManagedPolicy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Action": [
                                    "sagemaker:DescribeInferenceComponent",
                                    "sagemaker:UpdateInferenceComponentRuntimeConfig",
                                ]
                            }
                        )
                    ]
                )
            }
        },
    )


def test_the_owner_scales_the_stacks_endpoints_and_no_other(scaled: Scaled, resource: Find) -> None:
    """Where AWS knows no resources, conditions confine it."""
    scaled(instances())
    scaled(name="Depot")
    _, policy = resource("AWS::IAM::ManagedPolicy")
    statements = policy["Properties"]["PolicyDocument"]["Statement"]

    def of(action: str) -> dict[str, Any]:
        found: dict[str, Any]
        (found,) = [s for s in statements if action in _listed(s["Action"])]
        return found

    register = of("application-autoscaling:RegisterScalableTarget")
    assert register["Condition"]["StringEquals"] == {
        "application-autoscaling:service-namespace": "sagemaker",
        "application-autoscaling:scalable-dimension": [
            "sagemaker:inference-component:DesiredCopyCount",
            "sagemaker:variant:DesiredInstanceCount",
            "sagemaker:variant:DesiredProvisionedConcurrency",
        ],
    }
    endpoints = of("sagemaker:DescribeEndpoint")
    assert set(endpoints["Action"]) == {
        "sagemaker:DescribeEndpoint",
        "sagemaker:UpdateEndpointWeightsAndCapacities",
    }
    assert set(endpoints["Resource"]) == {
        f"arn:aws:sagemaker:us-east-1:123456789012:endpoint/{name}" for name in ("shop", "depot")
    }
    assert _end(of("ssm:PutParameter")).endswith(":parameter/inference/scaling/shop/*")
    own, tracking = [s for s in statements if "cloudwatch:PutMetricAlarm" in s["Action"]]
    assert _end(own).endswith(":alarm:StepScaling-shop/*")
    assert _end(tracking).endswith(":alarm:TargetTracking*")
    assert tracking["Condition"]["StringEquals"] == {
        "aws:CalledViaLast": "application-autoscaling.amazonaws.com"
    }
    assert "Condition" in of("iam:CreateServiceLinkedRole")


def test_all_endpoints_of_a_stack_have_one_owner(
    stack: Stack, scaled: Scaled, resource: Find
) -> None:
    """A function, a role, a policy and a log group for all; each endpoint adds its requests."""
    for name in ("Shop", "Depot", "Store"):
        scaled(name=name)
    template = Template.from_stack(stack)
    for shared in (
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Role",
        "AWS::Lambda::Function",
        "AWS::Logs::LogGroup",
    ):
        template.resource_count_is(shared, 1)
    function_id, function = resource("AWS::Lambda::Function")
    assert function["Properties"]["Environment"] == {"Variables": {"STACK_NAME": "shop"}}
    for own in ("ReleasedScalableTargets", "SettledScaling", "EndpointScaling"):
        requests = template.find_resources(f"Custom::{own}").values()
        assert [r["Properties"]["EndpointName"] for r in requests] == ["Shop", "Depot", "Store"]
        assert {r["Properties"]["ServiceToken"]["Fn::GetAtt"][0] for r in requests} == {function_id}


def test_the_owners_policy_holds_as_many_endpoints_as_a_stack_does(
    stack: Stack, resource: Find
) -> None:
    """16 of a stack's 500 resources belong to a canary; IAM takes 6,144 characters of a policy."""
    owner = ScalingOwner.of(stack, encryption=EncryptionKey(stack, "Encryption"))
    for number in range(500 // 16):
        owner.own_endpoint(f"{number:02d}".ljust(63, "x"))
    _, policy = resource("AWS::IAM::ManagedPolicy")
    document = json.dumps(policy["Properties"]["PolicyDocument"], separators=(",", ":"))
    # No region has a name that is more than five letters longer than this stack's.
    assert len(document) + 5 * document.count("us-east-1") <= 6144


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _end(statement: dict[str, Any]) -> str:
    """The resource, whose region and account may be told by the deployment."""
    resource = statement["Resource"]
    return str(resource if isinstance(resource, str) else resource["Fn::Join"][1][-1])


def test_whoever_opens_the_endpoint_again_asks_the_same_function(scaled: Scaled) -> None:
    """The definition stays with the function: the request only names the endpoint."""
    scaling = scaled(instances())
    assert scaling.request() == {"Request": "Apply", "EndpointName": "Shop"}
    assert scaling.withdrawal() == {"Request": "Withdraw", "EndpointName": "Shop"}
    assert scaling.function.function_arn


def test_nothing_is_scaled_twice(scaled: Scaled) -> None:
    """Two definitions of one target would undo each other."""
    with pytest.raises(ValueError, match="endpoint/Shop/variant/A is scaled already"):
        scaled(instances(), instances())


def test_what_cannot_be_remembered_is_refused(scaled: Scaled) -> None:
    """A parameter has 8,192 characters at most."""
    many = [
        ScheduledCapacity(
            name=f"hour-{hour}",
            schedule=Schedule.cron(minute="0", hour=str(hour)),
            min_capacity=1,
            max_capacity=4,
        )
        for hour in range(24)
    ]
    busy = Scaling(min_capacity=1, max_capacity=4, policies=[PER_MINUTE], schedules=many)
    scaling = scaled(instances("A", scaling=busy), instances("B", scaling=busy))
    with pytest.raises(ValueError, match="8192 can be remembered: use fewer"):
        scaling.add(instances("C", scaling=busy))


def test_what_a_kind_does_not_take_is_refused() -> None:
    """The endpoint knows what kind of resource is scaled, and names AWS's page."""
    asleep = Scaling(min_capacity=0, max_capacity=4, policies=[PER_MINUTE])
    with pytest.raises(ValueError, match=r"must be at least 1 .* \(https://docs\.aws\.amazon\.com"):
        instances(scaling=asleep)
