"""Roles and policies: what a template says stands, also after an update."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError


def trust(service: str) -> dict[str, Any]:
    """A trust policy."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        ],
    }


def test_a_role_follows_every_change_of_its_template(stacks: Any, local_aws: Any) -> None:
    """Trust, session length, boundary, description, attached and inline policies, tags."""
    iam, name = local_aws.client("iam"), stacks.new_name()
    policy = stacks.resource("AWS::IAM::ManagedPolicy", PolicyDocument=stacks.allow("s3:GetObject"))
    stack = stacks.deploy(
        name,
        {
            "Policy": policy,
            "Role": stacks.resource(
                "AWS::IAM::Role",
                AssumeRolePolicyDocument=trust("sagemaker.amazonaws.com"),
                Description="first",
                MaxSessionDuration=7200,
                PermissionsBoundary={"Ref": "Policy"},
                ManagedPolicyArns=[{"Ref": "Policy"}],
                Policies=[
                    {"PolicyName": "kept", "PolicyDocument": stacks.allow("s3:GetObject")},
                    {"PolicyName": "removed", "PolicyDocument": stacks.allow("s3:PutObject")},
                ],
                Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "1"}],
            ),
        },
    )
    role_name = stacks.physical_id(stack, "Role")
    role = iam.get_role(RoleName=role_name)["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == stacks.physical_id(
        stack, "Policy"
    )
    stack = stacks.deploy(
        name,
        {
            "Policy": policy,
            "Role": stacks.resource(
                "AWS::IAM::Role",
                AssumeRolePolicyDocument=trust("lambda.amazonaws.com"),
                Policies=[{"PolicyName": "kept", "PolicyDocument": stacks.allow("s3:ListBucket")}],
                Tags=[{"Key": "a", "Value": "2"}],
            ),
        },
    )
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.physical_id(stack, "Role") == role_name
    role = iam.get_role(RoleName=role_name)["Role"]
    assert role["AssumeRolePolicyDocument"] == trust("lambda.amazonaws.com")
    assert role["MaxSessionDuration"] == 3600
    assert "PermissionsBoundary" not in role
    assert role["Tags"] == [{"Key": "a", "Value": "2"}]
    assert iam.list_attached_role_policies(RoleName=role_name)["AttachedPolicies"] == []
    assert iam.list_role_policies(RoleName=role_name)["PolicyNames"] == ["kept"]
    inline = iam.get_role_policy(RoleName=role_name, PolicyName="kept")["PolicyDocument"]
    assert inline == stacks.allow("s3:ListBucket")
    assert stacks.delete(name)["StackStatus"] == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_role(RoleName=role_name)


def test_a_managed_policy_keeps_its_arn_through_many_versions(stacks: Any, local_aws: Any) -> None:
    """IAM keeps five versions; the sixth change makes room for itself."""
    iam, name = local_aws.client("iam"), stacks.new_name()
    role = stacks.resource(
        "AWS::IAM::Role", AssumeRolePolicyDocument=trust("sagemaker.amazonaws.com")
    )

    def policy(action: str, *roles: str) -> dict[str, Any]:
        return stacks.resource(
            "AWS::IAM::ManagedPolicy",
            PolicyDocument=stacks.allow(action),
            Roles=[{"Ref": found} for found in roles],
        )

    stack = stacks.deploy(name, {"A": role, "B": role, "Policy": policy("s3:Get0", "A")})
    arn = stacks.physical_id(stack, "Policy")
    for number in range(1, 7):
        stack = stacks.deploy(
            name, {"A": role, "B": role, "Policy": policy(f"s3:Get{number}", "B")}
        )
        assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.physical_id(stack, "Policy") == arn
    found = iam.get_policy(PolicyArn=arn)["Policy"]
    version = iam.get_policy_version(PolicyArn=arn, VersionId=found["DefaultVersionId"])
    assert version["PolicyVersion"]["Document"] == stacks.allow("s3:Get6")
    attached = iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]
    assert [entry["RoleName"] for entry in attached] == [stacks.physical_id(stack, "B")]


def test_an_inline_policy_moves_between_roles(stacks: Any, local_aws: Any) -> None:
    """With another name and other roles, the old ones no longer have it."""
    iam, name = local_aws.client("iam"), stacks.new_name()
    role = stacks.resource(
        "AWS::IAM::Role", AssumeRolePolicyDocument=trust("sagemaker.amazonaws.com")
    )

    def policy(policy_name: str, *roles: str) -> dict[str, Any]:
        return stacks.resource(
            "AWS::IAM::Policy",
            PolicyName=policy_name,
            PolicyDocument=stacks.allow("s3:GetObject"),
            Roles=[{"Ref": found} for found in roles],
        )

    stack = stacks.deploy(name, {"A": role, "B": role, "Policy": policy("one", "A")})
    stack = stacks.deploy(name, {"A": role, "B": role, "Policy": policy("two", "A", "B")})
    for found in "AB":
        names = iam.list_role_policies(RoleName=stacks.physical_id(stack, found))["PolicyNames"]
        assert names == ["two"]
    stack = stacks.deploy(name, {"A": role, "B": role, "Policy": policy("two", "B")})
    assert iam.list_role_policies(RoleName=stacks.physical_id(stack, "A"))["PolicyNames"] == []
