"""Both stacks on a local AWS of their own, and the permissions of their roles, one at a time."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = "aws://123456789012/us-east-1"
# Stands in where nothing is left of a policy: IAM takes none without statements, and everyone may
# do this anyway.
NOTHING = {"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}


@dataclass(frozen=True)
class Permission:
    """One action on one resource: the smallest part of a statement that can be taken away.

    If each part of a statement is needed, the statement is.
    """

    iam: Any
    role: str
    policy: str
    index: int
    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.role}: {self.action} on {self.resource}"

    @contextmanager
    def taken_away(self) -> Iterator[None]:
        """The role without it; with it again afterwards."""
        old = self.iam.get_policy(PolicyArn=self.policy)["Policy"]["DefaultVersionId"]
        new = self.iam.create_policy_version(
            PolicyArn=self.policy,
            PolicyDocument=json.dumps(self._without(document_of(self.iam, self.policy))),
            SetAsDefault=True,
        )["PolicyVersion"]["VersionId"]
        try:
            yield
        finally:
            self.iam.set_default_policy_version(PolicyArn=self.policy, VersionId=old)
            self.iam.delete_policy_version(PolicyArn=self.policy, VersionId=new)

    def _without(self, document: dict[str, Any]) -> dict[str, Any]:
        statements = list(document["Statement"])
        statement = statements.pop(self.index)
        others = [action for action in listed(statement["Action"]) if action != self.action]
        elsewhere = [arn for arn in listed(statement["Resource"]) if arn != self.resource]
        if others:
            statements.append({**statement, "Action": others})
        if elsewhere:
            statements.append({**statement, "Action": self.action, "Resource": elsewhere})
        return {**document, "Statement": statements or [NOTHING]}


@dataclass(frozen=True)
class Deployment:
    """What was deployed, and clients to look at it."""

    aws: Any
    client: Callable[[str], Any]
    outputs: dict[str, str]

    def resources(self, kind: str) -> list[str]:
        """The physical ids of both stacks' resources of a type."""
        stacks = self.client("cloudformation")
        return [
            resource["PhysicalResourceId"]
            for stack in stacks.describe_stacks()["Stacks"]
            if stack["StackName"] != "CDKToolkit"
            for page in stacks.get_paginator("list_stack_resources").paginate(
                StackName=stack["StackName"]
            )
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == kind
        ]

    def permissions(self) -> list[Permission]:
        """All that the roles of both stacks are allowed."""
        iam = self.client("iam")
        found = []
        for role in self.resources("AWS::IAM::Role"):
            assert iam.list_role_policies(RoleName=role)["PolicyNames"] == []
            for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
                policy = attached["PolicyArn"]
                found += [
                    Permission(iam, role, policy, index, action, resource)
                    for index, statement in enumerate(document_of(iam, policy)["Statement"])
                    for action in listed(statement["Action"])
                    for resource in listed(statement["Resource"])
                ]
        return found


def document_of(iam: Any, policy: str) -> dict[str, Any]:
    """The document of a policy's default version."""
    version = iam.get_policy(PolicyArn=policy)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=policy, VersionId=version)
    document: dict[str, Any] = found["PolicyVersion"]["Document"]
    return document


def listed(value: str | list[str]) -> list[str]:
    """One or more texts as a list."""
    return [value] if isinstance(value, str) else value


def _network(ec2: Any) -> dict[str, Any]:
    """A VPC as the settings name it."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    zones = {"us-east-1a": "10.0.0.0/24", "us-east-1b": "10.0.1.0/24"}
    subnets = {
        ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=zone)["Subnet"][
            "SubnetId"
        ]: zone
        for zone, block in zones.items()
    }
    group = ec2.create_security_group(VpcId=vpc, GroupName="models", Description="models")
    return {"subnets": subnets, "security_groups": [group["GroupId"]]}


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, own_local_aws: Any) -> Deployment:
    """The stage dev with its containers in a VPC, deployed by the CDK CLI."""
    path = tmp_path_factory.mktemp("project")
    for name in ("app.py", "cdk.json"):
        shutil.copy(ROOT / name, path)
    for name in ("stacks", "config", "model_code", "build/model"):
        shutil.copytree(ROOT / name, path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (path / ".venv").symlink_to(ROOT / ".venv")
    client = functools.cache(own_local_aws.client)
    settings = path / "config" / "dev.yaml"
    document = yaml.safe_load(settings.read_text()) | {"network": _network(client("ec2"))}
    settings.write_text(yaml.safe_dump(document))

    def cdk(where: Path, *arguments: str) -> None:
        ended = subprocess.run(
            ["cdk", *arguments, "--ci", "--no-notices", "--progress", "events"],
            cwd=where,
            env=own_local_aws.env,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr

    # Where there is no app it need not be run.
    cdk(tmp_path_factory.mktemp("nothing"), "bootstrap", ENVIRONMENT)
    outputs = path / "outputs.json"
    cdk(
        path,
        *("deploy", "--all", "--concurrency", "2", "--require-approval", "never"),
        *("--outputs-file", str(outputs), "-c", "stage=dev"),
    )
    stacks = json.loads(outputs.read_text())
    return Deployment(
        own_local_aws,
        client,
        {
            f"{stack.rpartition('-')[2]}.{key}": value
            for stack, found in stacks.items()
            for key, value in found.items()
        },
    )
