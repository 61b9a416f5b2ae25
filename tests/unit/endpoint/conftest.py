"""Models, code and stacks for the tests of the constructs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk.assertions import Template

from inference_constructs import (
    EncryptionKey,
    EndpointAlarms,
    InferenceModel,
    ModelArtifact,
    Notifications,
    ProductionVariant,
    RealtimeEndpoint,
    Scaling,
    TargetTracking,
)

ROOT = Path(__file__).resolve().parents[3]

NewStack = Callable[..., Stack]


@pytest.fixture(scope="session")
def model_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a model as XGBoost 3.2 writes it."""
    directory = tmp_path_factory.mktemp("model")
    (directory / "xgboost-model").write_text('{"learner":{},"version":[3,2,0]}')
    return directory


@pytest.fixture(scope="session")
def code_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the least handler that the container takes."""
    directory = tmp_path_factory.mktemp("code")
    (directory / "inference.py").write_text("def model_fn(model_dir):\n    return model_dir\n")
    return directory


@pytest.fixture(scope="session")
def artifact(model_directory: Path, code_directory: Path) -> ModelArtifact:
    """The model with the handler."""
    return ModelArtifact.from_directory(model_directory, code=code_directory)


@pytest.fixture(scope="session")
def context() -> dict[str, Any]:
    """The flags of `cdk.json`, which an App outside the CLI does not read."""
    flags: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return flags


@pytest.fixture(scope="session")
def new_stack(context: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> NewStack:
    """Makes a stack in an app of its own."""

    def make(*, region: str | None = "us-east-1", extra: dict[str, Any] | None = None) -> Stack:
        app = App(
            analytics_reporting=False,
            tree_metadata=False,
            outdir=str(tmp_path_factory.mktemp("cdk.out")),
            context={**context, **(extra or {})},
        )
        environment = None if region is None else Environment(region=region)
        return Stack(app, "shop-dev-realtime", env=environment)

    return make


@pytest.fixture
def stack(new_stack: NewStack) -> Stack:
    """A stack of one's own."""
    return new_stack()


@pytest.fixture
def model(stack: Stack, artifact: ModelArtifact) -> InferenceModel:
    """A Model in the stack."""
    return InferenceModel(stack, "Model", artifact=artifact)


@pytest.fixture(scope="session")
def whole(new_stack: NewStack, artifact: ModelArtifact) -> Template:
    """The template of an endpoint with all that belongs to it."""
    stack = new_stack()
    encryption = EncryptionKey(stack, "Encryption")
    endpoint = RealtimeEndpoint(
        stack,
        "Endpoint",
        encryption=encryption,
        variants=[
            ProductionVariant(
                model=InferenceModel(stack, "Model", artifact=artifact),
                instance_type="ml.m5.xlarge",
                scaling=Scaling(
                    min_capacity=2,
                    max_capacity=6,
                    policies=[TargetTracking.invocations_per_instance(600)],
                ),
            )
        ],
    )
    notifications = Notifications(stack, "Notifications", encryption=encryption)
    endpoint.add_alarms(EndpointAlarms(), notifications)
    return Template.from_stack(stack)


@pytest.fixture(scope="session")
def resources(whole: Template) -> Callable[[str], dict[str, Any]]:
    """Finds the resources of a type in the whole template, by logical id.

    Those of the owner of the endpoint's scaling have tests of their own.
    """

    def find(resource_type: str) -> dict[str, Any]:
        found: dict[str, Any] = whole.find_resources(resource_type)
        return {name: body for name, body in found.items() if "ScalingOwner" not in name}

    return find
