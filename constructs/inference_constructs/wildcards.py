"""Wildcards in policies, each acknowledged where it stands."""

import re
from collections.abc import Mapping

from aws_cdk import Stack
from constructs import IConstruct

from inference_constructs.acknowledgements import acknowledge_all
from inference_constructs.imported import readable
from inference_constructs.service_role import ServiceRole


def acknowledge_wildcard(role: ServiceRole, resource_arn: str, reason: str) -> None:
    """Lets a wildcard in a role's policy stand.

    Args:
        role: the role; an imported one has no policy here.
        resource_arn: the ARN with the wildcard.
        reason: why it stands, and what makes up for it.
    """
    acknowledge_wildcards(role, {resource_arn: reason})


def acknowledge_wildcards(role: ServiceRole, reasons: Mapping[str, str]) -> None:
    """Lets wildcards in a role's policy stand.

    Args:
        role: the role; an imported one has no policy here.
        reasons: why each stands, by the ARN with the wildcard.
    """
    if role.policy is None:
        return
    acknowledge_all(
        role.policy,
        {wildcard_finding(role, arn): reason for arn, reason in reasons.items()},
    )


def wildcard_finding(scope: IConstruct, resource_arn: str) -> str:
    """Names cdk-nag's finding about a wildcard.

    Args:
        scope: a construct of the stack.
        resource_arn: the ARN with the wildcard.
    """
    [arn] = readable(Stack.of(scope).resolve([resource_arn]))
    # cdk-nag writes the intrinsic functions of an ARN as `<Resource.Arn>`.
    flat = re.sub(r"\$\{([^}]+)\}", r"<\1>", str(arn))
    return f"AwsSolutions::AwsSolutions-IAM5[Resource::{flat}]"
