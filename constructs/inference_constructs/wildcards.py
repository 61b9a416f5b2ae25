"""Wildcards in policies, each acknowledged where it stands."""

import re

from aws_cdk import Stack

from inference_constructs.acknowledgements import acknowledge
from inference_constructs.imported import readable
from inference_constructs.service_role import ServiceRole


def acknowledge_wildcard(role: ServiceRole, resource_arn: str, reason: str) -> None:
    """Lets a wildcard in a role's policy stand.

    Args:
        role: the role; an imported one has no policy here.
        resource_arn: the ARN with the wildcard.
        reason: why it stands, and what makes up for it.
    """
    if role.policy is None:
        return
    arn = str(readable(Stack.of(role).resolve(resource_arn)))
    # cdk-nag writes the intrinsic functions of an ARN as `<Resource.Arn>`.
    flat = re.sub(r"\$\{([^}]+)\}", r"<\1>", arn)
    acknowledge(role.policy, f"AwsSolutions::AwsSolutions-IAM5[Resource::{flat}]", reason)
