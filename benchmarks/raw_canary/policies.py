"""Policies and roles, written as level-1 constructs take them."""

from typing import Any

from aws_cdk import Acknowledgment, Aws, Fn, Validations
from aws_cdk import aws_iam as iam
from constructs import Construct

ALARMS = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm"


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    """A policy of statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: str | list[str], resource: str, **members: Any) -> dict[str, Any]:
    """A statement that allows something."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **members}


def of_alarms() -> dict[str, Any]:
    """The condition that lets in the alarms of this account and region."""
    return {
        "ArnLike": {"aws:SourceArn": Fn.sub(f"{ALARMS}:*")},
        "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
    }


def acknowledge(construct: Construct, pack: str, rule: str, reason: str) -> None:
    """Lets a finding of cdk-nag stand."""
    finding = Acknowledgment(id=f"{pack}::{pack}-{rule}", reason=reason)
    Validations.of(construct).acknowledge(finding)


def acknowledge_wildcards(policy: iam.CfnManagedPolicy, *resources: str) -> None:
    """Lets wildcards stand; cdk-nag writes the intrinsic functions of an ARN as `<Name>`."""
    for resource in resources:
        arn = resource.replace("${", "<").replace("}", ">")
        acknowledge(
            policy,
            "AwsSolutions",
            f"IAM5[Resource::{arn}]",
            "The resource has no name that is known by then, or the action takes none",
        )


def define_role(
    scope: Construct,
    construct_id: str,
    description: str,
    trust: dict[str, Any],
    *statements: dict[str, Any],
) -> tuple[iam.CfnRole, iam.CfnManagedPolicy]:
    """Makes a role of one service, and the policy of what it may do."""
    role = iam.CfnRole(
        scope,
        f"{construct_id}Role",
        description=description,
        assume_role_policy_document=document(
            {"Effect": "Allow", "Action": "sts:AssumeRole", **trust}
        ),
    )
    policy = iam.CfnManagedPolicy(
        scope,
        f"{construct_id}Policy",
        description=description,
        path="/",
        roles=[role.ref],
        policy_document=document(*statements),
    )
    return role, policy
