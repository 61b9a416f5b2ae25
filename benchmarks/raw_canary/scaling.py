"""The function that owns the scalable targets, and the custom resources that ask it."""

from pathlib import Path
from typing import Any

from aws_cdk import CfnResource, Fn, IgnoreMode, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from benchmarks.raw_canary.alarms import VARIANT
from benchmarks.raw_canary.policies import (
    ALARMS,
    acknowledge,
    acknowledge_wildcards,
    allow,
    define_role,
)

_LIBRARY = Path(__file__).resolve().parents[2] / "constructs" / "inference_constructs"
_ARN = "arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}"
_INSTANCE_TYPE = "ml.m5.large"
_TRACKING = {
    "PredefinedMetricSpecification": {
        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
    },
    "TargetValue": 6000,
    "ScaleOutCooldown": 60,
    "ScaleInCooldown": 300,
    "DisableScaleIn": False,
}
_TARGET = {
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    "InstanceType": _INSTANCE_TYPE,
    "ServiceNamespace": "sagemaker",
    "MinCapacity": 2,
    "MaxCapacity": 6,
    "SuspendedState": {
        "DynamicScalingInSuspended": False,
        "DynamicScalingOutSuspended": False,
        "ScheduledScalingSuspended": False,
    },
    "ScalingPolicies": [
        {
            "PolicyName": "SageMakerVariantInvocationsPerInstance",
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": _TRACKING,
        }
    ],
    "Alarms": [],
}


def define_scaling(
    scope: Construct,
    endpoint: sagemaker.CfnEndpoint,
    *,
    endpoint_name: str,
    config_name: str,
    group: logs.CfnLogGroup,
) -> None:
    """Makes the owner of the scaling, and orders what it is asked around the endpoint."""
    stack_name = Stack.of(scope).stack_name
    description = "Registers endpoints of the stack with Application Auto Scaling."
    role, policy = define_role(
        scope,
        "Owner",
        description,
        {"Principal": {"Service": "lambda.amazonaws.com"}},
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], group.attr_arn),
        *_statements(stack_name, endpoint_name),
    )
    acknowledge_wildcards(
        policy,
        "*",
        _ARN.format(service="application-autoscaling", resource="scalable-target/*"),
        _ARN.format(service="sagemaker", resource="endpoint-config/*"),
        _ARN.format(service="ssm", resource=f"parameter/inference/scaling/{stack_name}/*"),
        f"{ALARMS}:StepScaling-{stack_name}/*",
        f"{ALARMS}:TargetTracking*",
    )
    code = s3_assets.Asset(
        scope,
        "Code",
        path=str(_LIBRARY),
        exclude=["/*", "!/functions", "__pycache__"],
        ignore_mode=IgnoreMode.GIT,
    )
    function = lambda_.CfnFunction(
        scope,
        "Owner",
        description=description,
        handler="functions.scaling.custom_resource.handler",
        runtime="python3.14",
        role=role.attr_arn,
        memory_size=256,
        timeout=900,
        logging_config=lambda_.CfnFunction.LoggingConfigProperty(log_group=group.ref),
        environment=lambda_.CfnFunction.EnvironmentProperty(variables={"STACK_NAME": stack_name}),
        code=lambda_.CfnFunction.CodeProperty(
            s3_bucket=code.s3_bucket_name, s3_key=code.s3_object_key
        ),
    )
    for rule in ("LambdaConcurrency", "LambdaDLQ", "LambdaInsideVPC"):
        reason = (
            "It is asked by CloudFormation only, which waits for the answer, and calls AWS only"
        )
        acknowledge(function, "NIST.800.53.R5", rule, reason)
    function.add_resource_dependency(role)
    function.add_resource_dependency(policy)
    variant = f"endpoint/{endpoint_name}/variant/{VARIANT}"
    shapes: dict[str, Any] = {"InstanceTypes": {variant: _INSTANCE_TYPE}}
    asked: dict[str, dict[str, Any]] = {
        "ReleasedScalableTargets": {**shapes, "EndpointConfigName": config_name},
        "SettledScaling": shapes,
        "EndpointScaling": {"ScalableTargets": [{"ResourceId": variant, **_TARGET}]},
    }
    released, settled, applied = (
        _ask(scope, name, function, {"EndpointName": endpoint_name, **properties})
        for name, properties in asked.items()
    )
    for request in (released, settled, applied):
        request.add_resource_dependency(policy)
    endpoint.add_resource_dependency(released)
    endpoint.add_resource_dependency(settled)
    applied.add_resource_dependency(endpoint)


def _ask(
    scope: Construct, name: str, function: lambda_.CfnFunction, properties: dict[str, Any]
) -> CfnResource:
    return CfnResource(
        scope,
        name,
        type=f"Custom::{name}",
        properties={
            "ServiceToken": function.attr_arn,
            "ServiceTimeout": "960",
            **properties,
        },
    )


def _statements(stack_name: str, endpoint_name: str) -> list[dict[str, Any]]:
    service = "application-autoscaling.amazonaws.com"
    alarms = ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm"]
    return [
        allow(
            [
                "application-autoscaling:DeleteScalingPolicy",
                "application-autoscaling:DeleteScheduledAction",
                "application-autoscaling:DeregisterScalableTarget",
                "application-autoscaling:PutScalingPolicy",
                "application-autoscaling:PutScheduledAction",
                "application-autoscaling:RegisterScalableTarget",
            ],
            _arn("application-autoscaling", "scalable-target/*"),
            Condition={
                "StringEquals": {
                    "application-autoscaling:service-namespace": "sagemaker",
                    "application-autoscaling:scalable-dimension": [
                        "sagemaker:inference-component:DesiredCopyCount",
                        "sagemaker:variant:DesiredInstanceCount",
                        "sagemaker:variant:DesiredProvisionedConcurrency",
                    ],
                }
            },
        ),
        allow(
            [
                "application-autoscaling:DescribeScalableTargets",
                "application-autoscaling:DescribeScalingPolicies",
                "application-autoscaling:DescribeScheduledActions",
                "cloudwatch:DescribeAlarms",
            ],
            "*",
        ),
        allow(
            "iam:CreateServiceLinkedRole",
            Fn.sub(
                "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/aws-service-role/"
                f"sagemaker.{service}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
            ),
            Condition={"StringEquals": {"iam:AWSServiceName": f"sagemaker.{service}"}},
        ),
        allow("sagemaker:DescribeEndpointConfig", _arn("sagemaker", "endpoint-config/*")),
        allow(
            ["ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"],
            _arn("ssm", f"parameter/inference/scaling/{stack_name}/*"),
        ),
        allow(alarms, Fn.sub(f"{ALARMS}:StepScaling-{stack_name}/*")),
        allow(
            alarms,
            Fn.sub(f"{ALARMS}:TargetTracking*"),
            Condition={"StringEquals": {"aws:CalledViaLast": service}},
        ),
        allow(
            ["sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"],
            _arn("sagemaker", f"endpoint/{endpoint_name.lower()}"),
        ),
    ]


def _arn(service: str, resource: str) -> str:
    return Fn.sub(_ARN.format(service=service, resource=resource))
