"""What the owner of a stack's scaling may do, whatever endpoints there are.

Application Auto Scaling makes calls in its caller's name to see whether the caller might do by hand
what it will do by itself:
https://docs.aws.amazon.com/autoscaling/application/userguide/security_iam_permission_validation.html
"""

from typing import NamedTuple

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from inference_constructs.arns import own_arn, place_of
from inference_constructs.scalable import SERVICE_NAMESPACE, ScalableKind
from inference_constructs.scaled_resource import alarm_prefix
from inference_constructs.service_role import ServiceRole
from inference_constructs.wildcards import acknowledge_wildcards

_SERVICE = "application-autoscaling.amazonaws.com"
_LINKED_ROLE = (
    f"aws-service-role/sagemaker.{_SERVICE}/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)


def allow_scaling(role: ServiceRole, *, stack: Stack, stack_name: str) -> None:
    """Lets a role own the scalable targets of a stack's endpoints, once these are named to it.

    Args:
        role: the role.
        stack: the stack.
        stack_name: its name.
    """
    parts = (_targets(stack), _memory(stack, stack_name), _alarms(stack, stack_name))
    role.add_statements(*(statement for part in parts for statement in part.statements))
    acknowledge_wildcards(role, {arn: why for part in parts for arn, why in part.reasons.items()})


class _Part(NamedTuple):
    """Statements, and why the wildcards in them stand, by the ARN with the wildcard."""

    statements: list[iam.PolicyStatement]
    reasons: dict[str, str]


def _targets(stack: Stack) -> _Part:
    place = place_of(stack)
    targets = own_arn(stack, "application-autoscaling", "scalable-target/*")
    statements = [
        iam.PolicyStatement(
            actions=[
                f"application-autoscaling:{action}"
                for action in (
                    "DeleteScalingPolicy",
                    "DeleteScheduledAction",
                    "DeregisterScalableTarget",
                    "PutScalingPolicy",
                    "PutScheduledAction",
                    "RegisterScalableTarget",
                )
            ],
            resources=[targets],
            conditions={
                "StringEquals": {
                    "application-autoscaling:service-namespace": SERVICE_NAMESPACE,
                    "application-autoscaling:scalable-dimension": sorted(
                        {kind.rules.dimension for kind in ScalableKind}
                    ),
                }
            },
        ),
        iam.PolicyStatement(
            actions=[
                "application-autoscaling:DescribeScalableTargets",
                "application-autoscaling:DescribeScalingPolicies",
                "application-autoscaling:DescribeScheduledActions",
                "cloudwatch:DescribeAlarms",
            ],
            resources=["*"],
        ),
        iam.PolicyStatement(
            actions=["iam:CreateServiceLinkedRole"],
            resources=[f"arn:{place.partition}:iam::{place.account}:role/{_LINKED_ROLE}"],
            conditions={"StringEquals": {"iam:AWSServiceName": f"sagemaker.{_SERVICE}"}},
        ),
    ]
    reasons = {
        targets: "The ids of scalable targets are made up by the service; the conditions confine "
        "it to SageMaker's dimensions",
        "*": "Targets, policies, schedules and alarms can only be listed all together",
    }
    return _Part(statements, reasons)


def _memory(stack: Stack, stack_name: str) -> _Part:
    configs = own_arn(stack, "sagemaker", "endpoint-config/*")
    parameters = own_arn(stack, "ssm", f"parameter/inference/scaling/{stack_name}/*")
    statements = [
        iam.PolicyStatement(actions=["sagemaker:DescribeEndpointConfig"], resources=[configs]),
        iam.PolicyStatement(
            actions=["ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"],
            resources=[parameters],
        ),
    ]
    reasons = {
        configs: "CloudFormation makes the names of configs up, and each change of the endpoint "
        "has another",
        parameters: "What it remembers of the stack's endpoints; of one that leaves the code it is "
        "deleted when the policy no longer names the endpoint",
    }
    return _Part(statements, reasons)


def _alarms(stack: Stack, stack_name: str) -> _Part:
    own = own_arn(stack, "cloudwatch", f"alarm:{alarm_prefix(stack_name)}*")
    tracking = own_arn(stack, "cloudwatch", "alarm:TargetTracking*")
    actions = ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm"]
    statements = [
        iam.PolicyStatement(actions=actions, resources=[own]),
        iam.PolicyStatement(
            actions=actions,
            resources=[tracking],
            conditions={"StringEquals": {"aws:CalledViaLast": _SERVICE}},
        ),
    ]
    reasons = {
        own: "The alarms of step policies of this stack's endpoints, whose names begin with its "
        "name",
        tracking: "Application Auto Scaling makes the names of these alarms up; the condition "
        "confines it to calls that this service makes",
    }
    return _Part(statements, reasons)
