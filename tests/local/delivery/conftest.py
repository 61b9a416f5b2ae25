"""A pipeline's builds on the local AWS: their own commands, in bash, under their own roles."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests.local.statements.conftest import Permission, document_of, listed

ROOT = Path(__file__).resolve().parents[3]
PIPELINE = "inference-pipeline"
# The local AWS has neither, so their roles are deployed without them.
MISSING = ("AWS::CodeBuild::", "AWS::CodePipeline::")
ENVIRONMENT = "aws://123456789012/us-east-1"


@dataclass
class Delivery:
    """A checkout, its cloud assembly, and the roles of the builds, on a local AWS."""

    path: Path
    aws: Any

    def run(
        self, script: str, *, under: str | None = None, folder: str = ".", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs a script as CodeBuild does: it ends with the first command that fails.

        Args:
            script: the commands.
            under: how the logical id of the build's role begins, or the name of another role;
                None is the account's root.
            folder: the directory in the checkout.
            environment: further variables.
        """
        return subprocess.run(
            ["bash", "-e"],
            input=script,
            cwd=self.path / folder,
            env={**self.aws.env, **self._session(under), **environment},
            capture_output=True,
            text=True,
            timeout=600,
        )

    def build(self, name: str, under: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs the commands of a build's main phase, and then prints its exported variables.

        Args:
            name: the build, as its project's description ends.
            under: how the logical id of its role begins.
            environment: what CodePipeline and CodeBuild would set.
        """
        [project] = [
            each["Properties"]
            for each in self.template.values()
            if each["Type"] == "AWS::CodeBuild::Project"
            and each["Properties"]["Description"].endswith(f"/Pipeline/{name}")
        ]
        spec = json.loads(project["Source"]["BuildSpec"])
        exported = spec["env"].get("exported-variables", ())
        told = [f'echo "{variable}=${variable}"' for variable in exported]
        given = {
            variable["Name"]: self._resolved(variable["Value"])
            for variable in project["Environment"].get("EnvironmentVariables", ())
        }
        return self.run(
            "\n".join([*spec["phases"]["build"]["commands"], *told]),
            under=under,
            **{**given, **environment},
        )

    def deploy(self, stage: str) -> None:
        """Deploys a stage from the pipeline's assembly."""
        done = self.run(
            f"cdk deploy -a cdk.out/assembly-{PIPELINE}-{stage} --all --require-approval never"
            " --ci --no-notices"
        )
        assert done.returncode == 0, done.stderr

    def synth(self) -> None:
        """Makes the assembly with the commands of the first build, without training and tests."""
        done = self.run(
            ". .venv/bin/activate\n"
            'cdk synth --quiet --app "python delivery.py"'
            ' --context git_revision="$CODEBUILD_RESOLVED_SOURCE_VERSION"',
            CODEBUILD_RESOLVED_SOURCE_VERSION="4f2a9c1",
        )
        assert done.returncode == 0, done.stderr

    @cached_property
    def template(self) -> dict[str, dict[str, Any]]:
        """The resources of the pipeline's stack."""
        text = (self.path / "cdk.out" / f"{PIPELINE}.template.json").read_text()
        found: dict[str, dict[str, Any]] = json.loads(text)["Resources"]
        return found

    @cached_property
    def physical(self) -> dict[str, str]:
        """The physical ids of what is deployed of the pipeline's stack, by logical ids."""
        pages = self.aws.client("cloudformation").get_paginator("list_stack_resources")
        return {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for each in pages.paginate(StackName=PIPELINE).build_full_result()[
                "StackResourceSummaries"
            ]
        }

    def endpoint(self, stage: str) -> str:
        """The name of a stage's endpoint, as its stack tells it to the verification."""
        [stack] = self.aws.client("cloudformation").describe_stacks(
            StackName=f"inference-{stage}-realtime"
        )["Stacks"]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
        return str(outputs["EndpointName"])

    def permissions(self, role: str) -> list[Permission]:
        """All that a role is allowed, one by one."""
        iam = self.aws.client("iam")
        [policy] = iam.list_attached_role_policies(RoleName=self._role(role))["AttachedPolicies"]
        arn = policy["PolicyArn"]
        return [
            Permission(iam, role, arn, index, action, resource)
            for index, statement in enumerate(document_of(iam, arn)["Statement"])
            for action in listed(statement["Action"])
            for resource in listed(statement["Resource"])
        ]

    def deploy_roles(self) -> None:
        """Deploys the pipeline's stack without pipeline, projects, and whatever refers to them."""
        left = dict(self.template)
        gone = {name for name, each in left.items() if each["Type"].startswith(MISSING)}
        while gone:
            left = {name: each for name, each in left.items() if name not in gone}
            gone = {
                name
                for name, each in left.items()
                if _references(each) & (set(self.template) - set(left))
            }
        stacks = self.aws.client("cloudformation")
        stacks.create_stack(
            StackName=PIPELINE,
            TemplateBody=json.dumps({"Resources": left}),
            Capabilities=["CAPABILITY_IAM"],
        )
        stacks.get_waiter("stack_create_complete").wait(
            StackName=PIPELINE, WaiterConfig={"Delay": 1}
        )
        for name, each in left.items():
            if each["Type"] == "AWS::IAM::Role":
                self.open(self.physical[name])

    def _role(self, begins: str) -> str:
        [found] = [
            physical
            for name, physical in self.physical.items()
            if name.startswith(begins) and self.template[name]["Type"] == "AWS::IAM::Role"
        ]
        return found

    def open(self, role: str) -> None:
        """Lets the tests assume a role, in the stead of whoever else may.

        Args:
            role: its name.
        """
        anyone = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        self.aws.client("iam").update_assume_role_policy(
            RoleName=role,
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [anyone]}),
        )

    def _session(self, role: str | None) -> dict[str, str]:
        if role is None:
            return {}
        name = role if "-" in role else self._role(role)
        arn = f"arn:aws:iam::123456789012:role/{name}"
        session = self.aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="build")
        return {
            "AWS_ACCESS_KEY_ID": session["Credentials"]["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": session["Credentials"]["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["Credentials"]["SessionToken"],
        }

    def _resolved(self, value: str | Mapping[str, str]) -> str:
        return value if isinstance(value, str) else self.physical[value["Ref"]]


def _references(value: Any) -> set[str]:
    """The logical ids in a part of a template."""
    if isinstance(value, list):
        return set().union(*map(_references, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    found = set()
    for key, item in value.items():
        if key == "Ref":
            found.add(item)
        elif key == "Fn::GetAtt":
            found.add(item[0])
        else:
            found |= _references(item)
    return found


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory, own_local_aws: Any) -> Delivery:
    """A checkout whose pipeline is synthesized, and the roles of its builds."""
    path = tmp_path_factory.mktemp("project")
    for name in ("app.py", "delivery.py", "cdk.json", "package.json"):
        shutil.copy(ROOT / name, path)
    for name in ("stacks", "config", "model_code"):
        shutil.copytree(ROOT / name, path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "build" / "model", path / "build" / "model")
    (path / ".venv").symlink_to(ROOT / ".venv")
    found = Delivery(path=path, aws=own_local_aws)
    made = found.run(f"cdk bootstrap {ENVIRONMENT}")
    assert made.returncode == 0, made.stderr
    found.synth()
    found.deploy_roles()
    return found
