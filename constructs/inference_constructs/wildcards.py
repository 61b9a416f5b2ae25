"""Wildcards in policies, each acknowledged where it stands."""

import re
from collections.abc import Mapping
from functools import lru_cache

from aws_cdk import Stack
from constructs import IConstruct

from inference_constructs.acknowledgements import acknowledge_all
from inference_constructs.arns import place_of
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
        {_finding(role.stack, arn): reason for arn, reason in reasons.items()},
    )


def wildcard_finding(scope: IConstruct, resource_arn: str) -> str:
    """Names cdk-nag's finding about a wildcard.

    Args:
        scope: a construct of the stack.
        resource_arn: the ARN with the wildcard.
    """
    return _finding(Stack.of(scope), resource_arn)


def _finding(stack: Stack, arn: str) -> str:
    return f"AwsSolutions::AwsSolutions-IAM5[Resource::{_flat(stack, arn)}]"


def _flat(stack: Stack, arn: str) -> str:
    """An ARN as cdk-nag writes it: with `<Resource.Arn>` for an intrinsic function."""
    for token, written in _written_places(stack).items():
        arn = arn.replace(token, written)
    # What is written holds no token any more; any other token begins like this.
    return _written(stack, arn) if "${Token[" in arn else arn


@lru_cache(maxsize=64)
def _written_places(stack: Stack) -> Mapping[str, str]:
    """How what most ARNs hold is written, so that the CDK is asked for it once."""
    return {value: _written(stack, value) for value in place_of(stack)}


def _written(stack: Stack, text: str) -> str:
    return re.sub(r"\$\{([^}]+)\}", r"<\1>", str(readable(stack.resolve(text))))
