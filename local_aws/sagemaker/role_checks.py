"""What SageMaker does with a model's execution role before and beside what its containers do."""

from __future__ import annotations

import re

from local_aws.permissions.roles import role_may
from local_aws.sagemaker.artifacts import SERVICE

# https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html, "CreateModel API"
_LOGIN = "GetAuthorizationToken"
_PULL = ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/"
    r"(?P<repository>[^:@]+)"
)


_NETWORK = (
    "CreateNetworkInterface",
    "CreateNetworkInterfacePermission",
    "DeleteNetworkInterface",
    "DeleteNetworkInterfacePermission",
    "DescribeDhcpOptions",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroups",
    "DescribeSubnets",
    "DescribeVpcs",
)


class RoleError(Exception):
    """The role may not do what its model needs; the message is AWS's FailureReason."""


def check_pull(role_arn: str, image: str) -> None:
    """Ask what pulling an image from ECR asks of the execution role.

    Raises:
        RoleError: the role may not.
    """
    found = _IMAGE.match(image)
    if found is None:
        return
    repository = (
        f"arn:aws:ecr:{found['region']}:{found['account']}:repository/{found['repository']}"
    )
    needs = [(_LOGIN, "*"), *((action, repository) for action in _PULL)]
    for action, resource in needs:
        if not role_may(role_arn, f"ecr:{action}", resource, service=SERVICE):
            raise RoleError(
                f"The role '{role_arn}' does not have {action} permission for the image: '{image}'."
            )


def check_network(role_arn: str) -> None:
    """Ask what attaching containers to a VPC asks of the execution role, all of it at once.

    Raises:
        RoleError: the role may not.
    """
    for action in _NETWORK:
        if not role_may(role_arn, f"ec2:{action}", "*", service=SERVICE):
            raise RoleError(
                f"The role '{role_arn}' is not authorized to perform: ec2:{action} because no "
                f"identity-based policy allows the ec2:{action} action"
            )


def may_publish(role_arn: str, namespace: str) -> bool:
    """Whether instances may put what they use into CloudWatch; they do so as their role."""
    return role_may(
        role_arn,
        "cloudwatch:PutMetricData",
        "*",
        service=SERVICE,
        context={"cloudwatch:namespace": (namespace,)},
    )
