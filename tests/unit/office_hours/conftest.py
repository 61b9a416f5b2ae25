"""Endpoints with office hours, and fakes of the services that their functions ask."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_cdk import App, Environment, Stack, TimeZone
from aws_cdk.assertions import Template
from botocore.exceptions import ClientError

from inference_constructs import (
    BusinessHours,
    EncryptionKey,
    InferenceModel,
    ModelArtifact,
    Notifications,
    OfficeHours,
    ProductionVariant,
    RealtimeEndpoint,
)

ROOT = Path(__file__).resolve().parents[3]
ENDPOINT = "shop"
STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/shop/1"


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> ModelArtifact:
    """A model and a handler that take no time to check."""
    directory = tmp_path_factory.mktemp("model")
    (directory / "xgboost-model").write_text('{"learner":{},"version":[3,2,0]}')
    (directory / "code").mkdir()
    (directory / "code" / "inference.py").write_text("def model_fn(model_dir):\n    return 1\n")
    return ModelArtifact.from_directory(directory, code=directory / "code")


@pytest.fixture(scope="session")
def hours() -> BusinessHours:
    """From seven to seven on workdays."""
    return BusinessHours(opens=time(7), closes=time(19), time_zone=TimeZone.EUROPE_ZURICH)


@dataclass(frozen=True)
class Office:
    """A stack with everything that office hours need."""

    stack: Stack
    encryption: EncryptionKey
    model: InferenceModel
    notifications: Notifications

    def endpoint(self, *variants: dict[str, Any], **given: Any) -> RealtimeEndpoint:
        """An endpoint with one variant, or those given."""
        return RealtimeEndpoint(
            self.stack,
            "Endpoint",
            endpoint_name=ENDPOINT,
            encryption=self.encryption,
            variants=[
                ProductionVariant(model=self.model, **{"instance_type": "ml.m5.xlarge"} | variant)
                for variant in variants or ({},)
            ],
            **given,
        )

    def hours(self, endpoint: Any, hours: BusinessHours, **given: Any) -> OfficeHours:
        """Its office hours."""
        return OfficeHours(
            self.stack,
            "OfficeHours",
            endpoint=endpoint,
            hours=hours,
            notifications=self.notifications,
            **given,
        )

    def told(self) -> list[str]:
        """What is told at synth about the office hours."""
        app = self.stack.node.root
        assert isinstance(app, App)
        stack = app.synth().get_stack_by_name(self.stack.stack_name)
        return [
            str(message.entry.data)
            for message in stack.messages
            if str(message.entry.data).startswith("office hours")
        ]


@pytest.fixture
def office(artifact: ModelArtifact, tmp_path: Path) -> Office:
    """A stack of the test's own."""
    return make_office(artifact, tmp_path)


@pytest.fixture(scope="session")
def new_office(
    artifact: ModelArtifact, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Office]:
    """Makes stacks in a region."""

    def make(region: str | None = "us-east-1") -> Office:
        return make_office(artifact, tmp_path_factory.mktemp("cdk.out"), region)

    return make


def make_office(artifact: ModelArtifact, out: Path, region: str | None = "us-east-1") -> Office:
    """A stack with a model, a key and a topic."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = App(analytics_reporting=False, tree_metadata=False, outdir=str(out), context=context)
    stack = Stack(app, "shop", env=None if region is None else Environment(region=region))
    encryption = EncryptionKey(stack, "Encryption")
    return Office(
        stack,
        encryption,
        InferenceModel(stack, "Model", artifact=artifact),
        Notifications(stack, "Notifications", encryption=encryption),
    )


@pytest.fixture(scope="session")
def template(new_office: Callable[..., Office], hours: BusinessHours) -> Template:
    """The template of an endpoint that is closed by deletion."""
    office = new_office()
    office.hours(office.endpoint(), hours)
    return Template.from_stack(office.stack)


@dataclass
class Aws:
    """The little of AWS that the functions see.

    Attributes:
        endpoint: the endpoint's description; None if there is none.
        parameters: by name.
        stack: the stack's status.
        calls: what changed anything, in its order.
        refusal: an error of CreateEndpoint.
    """

    endpoint: dict[str, Any] | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    stack: str = "UPDATE_COMPLETE"
    calls: list[tuple[str, Any]] = field(default_factory=list)
    tags: list[dict[str, str]] = field(default_factory=list)
    refusal: ClientError | None = None

    @property
    def exceptions(self) -> Any:
        """The errors of SSM."""
        return boto3.client("ssm", region_name="us-east-1").exceptions

    def serves(self, status: str = "InService", **more: Any) -> None:
        """Let there be the endpoint."""
        self.endpoint = {
            "EndpointArn": f"arn:aws:sagemaker:us-east-1:123456789012:endpoint/{ENDPOINT}",
            "EndpointConfigName": "config-1",
            "EndpointStatus": status,
            **more,
        }

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:
        """As SageMaker."""
        if self.endpoint is None:
            raise error("ValidationException", f'Could not find endpoint "{EndpointName}".')
        return self.endpoint

    def create_endpoint(self, **request: Any) -> None:
        """As SageMaker."""
        if self.refusal is not None:
            raise self.refusal
        self.calls.append(("create", request))
        self.serves("Creating", EndpointConfigName=request["EndpointConfigName"])

    def delete_endpoint(self, EndpointName: str) -> None:
        """As SageMaker."""
        self.calls.append(("delete", EndpointName))
        assert self.endpoint is not None
        self.endpoint["EndpointStatus"] = "Deleting"

    def invoke_endpoint(self, **request: Any) -> None:
        """As SageMaker's runtime."""
        self.calls.append(("invoke", request))

    def get_paginator(self, operation: str) -> Any:
        """Pages of tags."""
        assert operation == "list_tags"
        return self

    def paginate(self, ResourceArn: str) -> list[dict[str, Any]]:
        """Two pages."""
        assert ResourceArn.endswith(f"/{ENDPOINT}")
        return [{"Tags": self.tags[:1]}, {"Tags": self.tags[1:]}]

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        """As CloudFormation."""
        assert StackName == STACK
        return {"Stacks": [{"StackStatus": self.stack}]}

    def get_parameter(self, Name: str) -> dict[str, Any]:
        """As SSM."""
        if Name not in self.parameters:
            raise self.exceptions.ParameterNotFound({"Error": {}}, "GetParameter")
        return {"Parameter": {"Value": self.parameters[Name]}}

    def put_parameter(self, Name: str, Value: str, **_: Any) -> None:
        """As SSM."""
        self.calls.append(("put", Name))
        self.parameters[Name] = Value

    def delete_parameters(self, Names: list[str]) -> None:
        """As SSM."""
        for name in Names:
            self.parameters.pop(name, None)

    def start_execution(self, **request: Any) -> None:
        """As Step Functions."""
        self.calls.append(("start", {**request, "input": json.loads(request["input"])}))


def error(code: str, message: str) -> ClientError:
    """An error of AWS."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


@pytest.fixture
def aws_error() -> Callable[[str, str], ClientError]:
    """Makes errors of AWS."""
    return error


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    """AWS, with no endpoint, nothing kept, and a stack at rest."""
    fake, real = Aws(), boto3.client

    def client(service: str, **given: Any) -> Any:
        return real(service, **given) if given else fake

    monkeypatch.setattr(boto3, "client", client)
    return fake
