"""What the owner of a stack's scaling may do, whatever endpoints there are.

Application Auto Scaling makes calls in its caller's name to see whether the caller might do by hand
what it will do by itself:
https://docs.aws.amazon.com/autoscaling/application/userguide/security_iam_permission_validation.html
"""

from aws_cdk import Arn, ArnComponents, Stack
from aws_cdk import aws_iam as iam

from inference_constructs.arns import own_arn
from inference_constructs.scalable import SERVICE_NAMESPACE, ScalableKind
from inference_constructs.scaled_resource import alarm_prefix
from inference_constructs.service_role import ServiceRole
from inference_constructs.wildcards import acknowledge_wildcards

_SERVICE = "application-autoscaling.amazonaws.com"
_LINKED_ROLE = (
    f"aws-service-role/sagemaker.{_SERVICE}/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)


def allow_scaling(role: ServiceRole, *, stack: Stack) -> None:
    """Lets a role own the scalable targets of a stack's endpoints, once these are named to it.

    Args:
        role: the role.
        stack: the stack.
    """
    acknowledge_wildcards(
        role,
        {
            **_allow_targets(role, stack),
            **_allow_reading(role, stack),
            **_allow_alarms(role, stack),
        },
    )


# Each of these allows something, and tells why the wildcards in it stand.


def _allow_targets(role: ServiceRole, stack: Stack) -> dict[str, str]:
    targets = own_arn(stack, "application-autoscaling", "scalable-target/*")
    role.add_statements(
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
            resources=[
                Arn.format(
                    ArnComponents(
                        service="iam", region="", resource="role", resource_name=_LINKED_ROLE
                    ),
                    stack,
                )
            ],
            conditions={"StringEquals": {"iam:AWSServiceName": f"sagemaker.{_SERVICE}"}},
        ),
    )
    return {
        targets: "The ids of scalable targets are made up by the service; the conditions confine "
        "it to SageMaker's dimensions",
        "*": "Targets, policies, schedules and alarms can only be listed all together",
    }


def _allow_reading(role: ServiceRole, stack: Stack) -> dict[str, str]:
    configs = own_arn(stack, "sagemaker", "endpoint-config/*")
    parameters = own_arn(stack, "ssm", f"parameter/inference/scaling/{stack.stack_name}/*")
    role.add_statements(
        iam.PolicyStatement(actions=["sagemaker:DescribeEndpointConfig"], resources=[configs]),
        iam.PolicyStatement(
            actions=["ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"],
            resources=[parameters],
        ),
    )
    return {
        configs: "CloudFormation makes the names of configs up, and each change of the endpoint "
        "has another",
        parameters: "What it remembers of the stack's endpoints; of one that leaves the code it is "
        "deleted when the policy no longer names the endpoint",
    }


def _allow_alarms(role: ServiceRole, stack: Stack) -> dict[str, str]:
    own = own_arn(stack, "cloudwatch", f"alarm:{alarm_prefix(stack.stack_name)}*")
    tracking = own_arn(stack, "cloudwatch", "alarm:TargetTracking*")
    actions = ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm"]
    role.add_statements(
        iam.PolicyStatement(actions=actions, resources=[own]),
        iam.PolicyStatement(
            actions=actions,
            resources=[tracking],
            conditions={"StringEquals": {"aws:CalledViaLast": _SERVICE}},
        ),
    )
    return {
        own: "The alarms of step policies of this stack's endpoints, whose names begin with its "
        "name",
        tracking: "Application Auto Scaling makes the names of these alarms up; the condition "
        "confines it to calls that this service makes",
    }
