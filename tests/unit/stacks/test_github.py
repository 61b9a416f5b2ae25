"""GitHub's way into the account: who gets it, and that it leads to the bootstrap roles only."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_iam as iam

from inference_constructs.github_role import GitHubRole
from tests.unit.stacks.test_delivery import VERIFIES, of_type


def stack(assembly: Path, stage: str) -> dict[str, dict[str, Any]]:
    """The resources of a stage's access for GitHub."""
    text = (assembly / f"inference-{stage}-github.template.json").read_text()
    found: dict[str, dict[str, Any]] = json.loads(text)["Resources"]
    return found


def flat(value: Any) -> str:
    """A part of a template as text, the account as in AWS's documentation."""
    if isinstance(value, dict) and "Fn::Join" in value:
        return "".join(map(flat, value["Fn::Join"][1]))
    if value == {"Ref": "AWS::AccountId"}:
        return "111122223333"
    assert isinstance(value, str)
    return value


def statements(resources: dict[str, dict[str, Any]], purpose: str) -> list[dict[str, Any]]:
    """What the role for a purpose may do."""
    [policy] = [each for name, each in resources.items() if name.startswith(f"{purpose}Policy")]
    found: list[dict[str, Any]] = policy["Properties"]["PolicyDocument"]["Statement"]
    return found


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_deploying_role_may_only_assume_the_bootstrap_roles(
    delivery_assembly: Path, stage: str
) -> None:
    """Of its account and region; what these may do was decided by `cdk bootstrap`."""
    [statement] = statements(stack(delivery_assembly, stage), "Deploy")
    assert {k: v for k, v in statement.items() if k != "Resource"} == {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
    }
    assert sorted(map(flat, statement["Resource"])) == [
        f"arn:aws:iam::111122223333:role/cdk-hnb659fds-{role}-role-111122223333-us-east-1"
        for role in ("deploy", "file-publishing", "image-publishing", "lookup")
    ]


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_verifying_role_may_do_what_verify_calls(delivery_assembly: Path, stage: str) -> None:
    """And nothing else."""
    allowed = set()
    for statement in statements(stack(delivery_assembly, stage), "Verify"):
        given = statement["Action"]
        allowed |= {given} if isinstance(given, str) else set(given)
    assert allowed == VERIFIES


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_only_jobs_of_the_repository_in_the_environment_get_a_session(
    delivery_assembly: Path, stage: str
) -> None:
    """Not its pull requests, whose subject is another one, and no other repository."""
    roles = of_type(stack(delivery_assembly, stage), "AWS::IAM::Role")
    assert {role["RoleName"] for role in roles} == {
        f"inference-{stage}-github-deploy",
        f"inference-{stage}-github-verify",
    }
    for role in roles:
        [trust] = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
        assert trust["Condition"] == {
            "StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": (f"repo:OWNER/NAME:environment:{stage}"),
            }
        }


def test_an_account_gets_one_provider(delivery_assembly: Path) -> None:
    """By the stage that the settings name; the other refers to it."""
    dev, prod = (stack(delivery_assembly, stage) for stage in ("dev", "prod"))
    [provider] = of_type(dev, "AWS::IAM::OIDCProvider")
    assert provider["Url"] == "https://token.actions.githubusercontent.com"
    assert provider["ClientIdList"] == ["sts.amazonaws.com"]
    assert of_type(prod, "AWS::IAM::OIDCProvider") == []
    for role in of_type(prod, "AWS::IAM::Role"):
        [trust] = role["AssumeRolePolicyDocument"]["Statement"]
        assert flat(trust["Principal"]["Federated"]) == (
            "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
        )


@pytest.mark.parametrize(
    ("repository", "environment", "told"),
    [
        ("OWNER/*", "dev", "repository must name one, not 'OWNER/\\*': leave out patterns"),
        ("OWNER/NAME", "", "environment must name one, not ''"),
    ],
)
def test_a_pattern_instead_of_a_name_is_refused(
    repository: str, environment: str, told: str
) -> None:
    """It would let in what nobody thought of."""
    inside = Stack(App(), "stack")
    provider = iam.OidcProviderNative.from_oidc_provider_arn(
        inside, "Provider", "arn:aws:iam::111122223333:oidc-provider/x"
    )
    with pytest.raises(ValueError, match=told):
        GitHubRole(
            inside,
            "Role",
            repository=repository,
            environment=environment,
            provider=provider,
            description="x",
            role_name="x",
        )
