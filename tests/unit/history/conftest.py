"""An endpoint in a mocked AWS whose stack deploys, fails and goes as CloudFormation has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.loaders import JSONFileLoader
from moto import mock_aws
from moto.sagemaker.models import sagemaker_backends

from inference_constructs.functions import custom_resource
from inference_constructs.functions.deployment_history import custom_resource as history_resource

ENDPOINT = "shop"
ACCOUNT = "123456789012"
STACK = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/shop/1"

Properties = dict[str, Any]


class FakeStacks:
    """CloudFormation's DescribeStacks of the one stack."""

    def __init__(self) -> None:
        self.status = ""

    def describe_stacks(self, **asked: str) -> dict[str, Any]:
        """What the stack is doing."""
        assert asked == {"StackName": STACK}
        return {"Stacks": [{"StackStatus": self.status}]}


@dataclass
class StackDouble:
    """A stack with models, a config, an endpoint and the custom resource, moved step by step.

    Attributes:
        sagemaker: a client of the mocked AWS.
        keep: how many previous configs the template keeps.
        keep_on_deletion: whether they stay when the stack goes.
    """

    sagemaker: Any
    stacks: FakeStacks
    keep: int = 1
    keep_on_deletion: bool = False
    config: str | None = None
    physical_id: str | None = None
    properties: Properties | None = None
    answers: list[dict[str, Any]] = field(default_factory=list)

    def make(self, config: str, models: Sequence[str]) -> None:
        """Create a config and those of its models that do not exist."""
        for name in models:
            if name not in self.models():
                self.sagemaker.create_model(
                    ModelName=name,
                    ExecutionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/models",
                    PrimaryContainer={"Image": "image"},
                )
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=config,
            ProductionVariants=[
                {
                    "VariantName": f"v{number}",
                    "ModelName": name,
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": 1,
                }
                for number, name in enumerate(models)
            ],
        )

    def move(self, config: str | None) -> None:
        """Let the endpoint serve a config; None takes the endpoint away."""
        endpoints = sagemaker_backends[ACCOUNT]["us-east-1"].endpoints
        if config is None:
            endpoints.pop(ENDPOINT, None)
        elif ENDPOINT in endpoints:
            endpoints[ENDPOINT].endpoint_config_name = config
        else:
            self.sagemaker.create_endpoint(
                EndpointName=ENDPOINT,
                EndpointConfigName=config,
                Tags=[{"Key": "team", "Value": "shop"}],
            )

    def ask(self, request: str, status: str, **event: Any) -> dict[str, Any]:
        """Send the function a request while the stack has a status; its answer."""
        self.stacks.status = status
        history_resource.handler(
            {
                "RequestType": request,
                "StackId": STACK,
                "RequestId": "request",
                "LogicalResourceId": "Record",
                "ResponseURL": "https://answer",
                **event,
            },
            None,
        )
        return self.answers[-1]

    def wanted(self, config: str) -> Properties:
        """The properties of the custom resource, all of them texts as CloudFormation sends them."""
        return {
            "EndpointName": ENDPOINT,
            "ConfigName": config,
            "Keep": str(self.keep),
            "RetainedProperties": ["DesiredInstanceCount"],
            "KeepOnDeletion": "true" if self.keep_on_deletion else "false",
        }

    def record(self, config: str) -> tuple[Properties | None, str | None]:
        """Let CloudFormation reach the custom resource; properties and id before."""
        before, old_id = self.properties, self.physical_id
        new = self.wanted(config)
        if before is None:
            answer = self.ask("Create", "CREATE_IN_PROGRESS", ResourceProperties=new)
        else:
            answer = self.ask(
                "Update",
                "UPDATE_IN_PROGRESS",
                ResourceProperties=new,
                OldResourceProperties=before,
                PhysicalResourceId=old_id,
            )
        assert answer["Status"] == "SUCCESS", answer
        self.config, self.properties = config, new
        self.physical_id = answer["PhysicalResourceId"]
        return before, old_id

    def clean_up(self, before: Properties | None, old_id: str | None) -> None:
        """Let CloudFormation delete the replaced id, when an update is through."""
        if before is not None and old_id != self.physical_id:
            answer = self.ask(
                "Delete",
                "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
                ResourceProperties=before,
                PhysicalResourceId=old_id,
            )
            assert answer["Status"] == "SUCCESS", answer

    def deploy(self, config: str, *models: str) -> None:
        """A whole deployment that succeeds; a new config where models are given."""
        if models:
            self.make(config, models)
            self.move(config)
        self.clean_up(*self.record(config))

    def fail(self, config: str, *models: str, updates_back: bool) -> None:
        """A deployment of which something after the custom resource fails.

        Args:
            config: its config.
            models: the config's models.
            updates_back: whether CloudFormation updates the resource back before it deletes the
                new id; it may do either.
        """
        self.make(config, models)
        self.move(config)
        stands = self.config
        before, old_id = self.record(config)
        assert before is not None
        new, new_id = self.properties, self.physical_id
        self.config, self.properties, self.physical_id = stands, before, old_id
        self.move(stands)
        if updates_back:
            answer = self.ask(
                "Update",
                "UPDATE_ROLLBACK_IN_PROGRESS",
                ResourceProperties=before,
                OldResourceProperties=new,
                PhysicalResourceId=new_id,
            )
            assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", old_id)
        answer = self.ask(
            "Delete",
            "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
            ResourceProperties=new,
            PhysicalResourceId=new_id,
        )
        assert answer["Status"] == "SUCCESS", answer
        self.sagemaker.delete_endpoint_config(EndpointConfigName=config)

    def destroy(self, status: str = "DELETE_IN_PROGRESS") -> None:
        """Let CloudFormation delete the custom resource, before everything else."""
        answer = self.ask(
            "Delete",
            status,
            ResourceProperties=self.properties,
            PhysicalResourceId=self.physical_id,
        )
        assert answer["Status"] == "SUCCESS", answer

    def tags(self) -> dict[str, str]:
        """The endpoint's tags."""
        arn = self.sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointArn"]
        return {
            tag["Key"]: tag["Value"] for tag in self.sagemaker.list_tags(ResourceArn=arn)["Tags"]
        }

    def previous(self) -> list[str]:
        """The previous configs that the tags tell, in their order."""
        tags = self.tags()
        numbers = range(1, 1 + sum(key.startswith("inference:previous-config/") for key in tags))
        return [tags[f"inference:previous-config/{number}"] for number in numbers]

    def configs(self) -> set[str]:
        """All configs that exist."""
        found = self.sagemaker.list_endpoint_configs(MaxResults=100)["EndpointConfigs"]
        return {config["EndpointConfigName"] for config in found}

    def models(self) -> set[str]:
        """All models that exist."""
        found = self.sagemaker.list_models(MaxResults=100)["Models"]
        return {model["ModelName"] for model in found}


@pytest.fixture(scope="session", autouse=True)
def _service_models_are_read_once() -> Iterator[None]:
    """Each boto3 session would read them from disk again, which is most of the time of a test."""
    read = cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: read(path))
        yield


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[StackDouble]:
    """A stack that is not deployed yet."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        stacks = FakeStacks()
        made = StackDouble(sagemaker=boto3.client("sagemaker"), stacks=stacks)
        clients = {"sagemaker": made.sagemaker, "cloudformation": stacks}
        monkeypatch.setattr(history_resource.boto3, "client", clients.__getitem__)
        monkeypatch.setattr(
            custom_resource, "_put", lambda _url, body: made.answers.append(body), raising=True
        )
        yield made
