"""Stacks on a local AWS of their own, and the permissions of their roles, one at a time."""

from __future__ import annotations

import functools
import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
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

    @property
    def listed_by_jobs(self) -> bool:
        """Whether it is for jobs to list their input.

        AWS documents it for a job's role, and does not say whether a job with a manifest lists too:
        https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
        """
        return "batch-ModelRole" in self.role and self.action == "s3:ListBucket"

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
        """The physical ids of all stacks' resources of a type."""
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

    def stack_id(self, purpose: str) -> str:
        """The id of the stack whose name ends so."""
        stacks = self.client("cloudformation").describe_stacks()["Stacks"]
        [found] = [stack["StackId"] for stack in stacks if stack["StackName"].endswith(purpose)]
        return str(found)

    def permissions(self) -> list[Permission]:
        """All that the roles of all stacks are allowed."""
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
    """The stage dev in a VPC and with a history, and a log group that stays, by the CDK CLI."""
    path = tmp_path_factory.mktemp("project")
    for name in ("app.py", "cdk.json"):
        shutil.copy(ROOT / name, path)
    for name in ("stacks", "config", "model_code", "build/model"):
        shutil.copytree(ROOT / name, path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (path / ".venv").symlink_to(ROOT / ".venv")
    client = functools.cache(own_local_aws.client)
    settings = path / "config" / "dev.yaml"
    document = yaml.safe_load(settings.read_text()) | {"network": _network(client("ec2"))}
    document["endpoint"]["keep_previous"] = 1
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
    kept = tmp_path_factory.mktemp("kept")
    (kept / "cdk.json").write_text(
        json.dumps(
            {
                "app": f"{sys.executable} {HERE / 'kept_logs.py'}",
                "context": json.loads((ROOT / "cdk.json").read_text())["context"],
            }
        )
    )
    cdk(kept, "deploy", "--require-approval", "never")
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


class EndpointScaling:
    """How the endpoint is scaled, and how it might be.

    Attributes:
        kind: the type of the custom resource.
        linked_role: the role with which it is scaled, of an account's first target.
        own: the targets as they were deployed.
        everything: the same with a step policy, its alarm, and a schedule.
    """

    kind = "Custom::EndpointScaling"
    linked_role = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"

    def __init__(self, deployment: Deployment) -> None:
        self._scaling = deployment.client("application-autoscaling")
        self._alarms = deployment.client("cloudwatch")
        self._roles = deployment.client("iam")
        self._parameters = deployment.client("ssm")
        self._endpoint = deployment.outputs["realtime.EndpointName"]
        stack = deployment.stack_id("realtime").split("/")[1]
        name = f"/inference/scaling/{stack}/{self._endpoint}"
        self._alarm_prefix = f"StepScaling-{stack}/{self._endpoint}/"
        self._remembered = self._parameters.get_parameter(Name=name)["Parameter"]
        self.own: list[dict[str, Any]] = json.loads(self._remembered["Value"])
        (target,) = self.own
        steps = [{"MetricIntervalLowerBound": "0", "ScalingAdjustment": "1"}]
        step = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps}
        policy = {
            "PolicyName": "rush",
            "PolicyType": "StepScaling",
            "StepScalingPolicyConfiguration": step,
        }
        alarm = {
            "AlarmName": f"{self._alarm_prefix}rush",
            "AlarmActions": ["rush"],
            "Namespace": "Shop",
            "MetricName": "Waiting",
            "Statistic": "Sum",
            "Period": "60",
            "EvaluationPeriods": "1",
            "Threshold": "1",
            "ComparisonOperator": "GreaterThanThreshold",
        }
        later = {
            "ScheduledActionName": "later",
            "Schedule": "at(2099-01-01T00:00:00)",
            "ScalableTargetAction": {"MinCapacity": "2"},
        }
        self.everything = [
            {
                **target,
                "ScalingPolicies": [*target["ScalingPolicies"], policy],
                "Alarms": [alarm],
                "ScheduledActions": [later],
            }
        ]

    def differs(self, targets: list[dict[str, Any]]) -> str | None:
        """What there is instead of these targets; None if they are there."""
        scaling, namespace = self._scaling, {"ServiceNamespace": "sagemaker"}
        found = (
            _names(scaling.describe_scalable_targets(**namespace), "ScalableTargets", "ResourceId"),
            _names(scaling.describe_scaling_policies(**namespace), "ScalingPolicies", "PolicyName"),
            _names(
                scaling.describe_scheduled_actions(**namespace),
                "ScheduledActions",
                "ScheduledActionName",
            ),
            _names(
                self._alarms.describe_alarms(AlarmNamePrefix=self._alarm_prefix),
                "MetricAlarms",
                "AlarmName",
            ),
        )
        wanted = (
            {target["ResourceId"] for target in targets},
            {policy["PolicyName"] for t in targets for policy in t["ScalingPolicies"]},
            {
                action["ScheduledActionName"]
                for t in targets
                for action in t.get("ScheduledActions", ())
            },
            {alarm["AlarmName"] for t in targets for alarm in t.get("Alarms", ())},
        )
        return None if found == wanted else f"{found} is there instead of {wanted}"

    def clear(self) -> None:
        """Leave nothing that is scaled, as in an account where nothing ever was."""
        found = self._scaling.describe_scalable_targets(ServiceNamespace="sagemaker")
        for target in found["ScalableTargets"]:
            self._scaling.deregister_scalable_target(
                **{name: target[name] for name in ("ResourceId", "ScalableDimension")},
                ServiceNamespace="sagemaker",
            )
        with suppress(self._roles.exceptions.NoSuchEntityException):
            self._roles.delete_role(RoleName=self.linked_role)

    def restore(self) -> None:
        """Bring the bounds and the memory of the deployment back; the next probe does the rest."""
        self._parameters.put_parameter(
            Name=self._remembered["Name"],
            Value=self._remembered["Value"],
            Type="String",
            Overwrite=True,
        )


def _names(answer: dict[str, Any], member: str, name: str) -> set[str]:
    return {found[name] for found in answer[member]}


@pytest.fixture(scope="module")
def endpoint_scaling(deployment: Deployment) -> EndpointScaling:
    """How the endpoint is scaled, and how it might be."""
    return EndpointScaling(deployment)


class EndpointHistory:
    """A deployment that the endpoint never had, to be let go.

    Attributes:
        kind: the type of the custom resource.
        properties: what the custom resource is told.
    """

    kind = "Custom::DeploymentHistory"

    def __init__(self, deployment: Deployment) -> None:
        self._sagemaker = deployment.client("sagemaker")
        self._numbers = itertools.count()
        self._endpoint = deployment.outputs["realtime.EndpointName"]
        self._config = deployment.outputs["realtime.EndpointConfigName"]
        self.properties = {
            "EndpointName": self._endpoint,
            "ConfigName": self._config,
            "RetainedProperties": ["DesiredInstanceCount"],
            "KeepOnDeletion": "false",
        }

    def add_previous(self) -> str:
        """Retain a config and a model, both of this name, beside those of the deployment."""
        api, name = self._sagemaker, f"earlier-{next(self._numbers)}"
        described = api.describe_endpoint_config(EndpointConfigName=self._config)
        [variant] = described["ProductionVariants"]
        tags = [
            tag
            for tag in api.list_tags(ResourceArn=described["EndpointConfigArn"])["Tags"]
            if tag["Key"] == "inference:endpoint"
        ]
        model = api.describe_model(ModelName=variant["ModelName"])
        kept = ("ExecutionRoleArn", "PrimaryContainer", "VpcConfig", "EnableNetworkIsolation")
        api.create_model(ModelName=name, Tags=tags, **{key: model[key] for key in kept})
        api.create_endpoint_config(
            EndpointConfigName=name, Tags=tags, ProductionVariants=[variant | {"ModelName": name}]
        )
        api.add_tags(
            ResourceArn=api.describe_endpoint(EndpointName=self._endpoint)["EndpointArn"],
            Tags=[{"Key": "inference:previous-config/1", "Value": name}],
        )
        return name

    def left(self, name: str) -> list[str]:
        """What is there of a name, and of the record on endpoint and config."""
        api = self._sagemaker
        arns = [
            api.describe_endpoint(EndpointName=self._endpoint)["EndpointArn"],
            api.describe_endpoint_config(EndpointConfigName=self._config)["EndpointConfigArn"],
        ]
        keys = [tag["Key"] for arn in arns for tag in api.list_tags(ResourceArn=arn)["Tags"]]
        configs = api.list_endpoint_configs(NameContains=name)["EndpointConfigs"]
        models = api.list_models(NameContains=name)["Models"]
        return [
            *(config["EndpointConfigName"] for config in configs),
            *(model["ModelName"] for model in models),
            *(key for key in keys if key.startswith("inference:previous-config/")),
        ]


@pytest.fixture(scope="module")
def endpoint_history(deployment: Deployment) -> EndpointHistory:
    """A deployment that the endpoint never had, to be let go."""
    return EndpointHistory(deployment)


class KeptLogGroup:
    """A log group that outlives its stack.

    Attributes:
        kind: the type of the custom resource.
        properties: what the custom resource is told, without a retention.
    """

    kind = "Custom::RetainedLogGroup"

    def __init__(self, deployment: Deployment) -> None:
        self._logs = deployment.client("logs")
        [self._name] = deployment.resources(self.kind)
        group = self._group()
        assert group is not None
        self.properties = {
            "LogGroupName": self._name,
            "LogGroupArn": group["logGroupArn"],
            "KmsKeyId": group["kmsKeyId"],
        }

    def delete(self) -> None:
        """As an administrator might do by hand."""
        with suppress(self._logs.exceptions.ResourceNotFoundException):
            self._logs.delete_log_group(logGroupName=self._name)

    def differs(self, days: int | None) -> str | None:
        """What there is instead of the group with its key and a retention; None if it is there."""
        group = self._group() or {}
        found = (group.get("kmsKeyId"), group.get("retentionInDays"))
        wanted = (self.properties["KmsKeyId"], days)
        return None if found == wanted else f"{found} is there instead of {wanted}"

    def _group(self) -> dict[str, Any] | None:
        found = self._logs.describe_log_groups(logGroupNamePrefix=self._name)["logGroups"]
        return next((group for group in found if group["logGroupName"] == self._name), None)


@pytest.fixture(scope="module")
def kept_log_group(deployment: Deployment) -> KeptLogGroup:
    """A log group that outlives its stack."""
    return KeptLogGroup(deployment)
