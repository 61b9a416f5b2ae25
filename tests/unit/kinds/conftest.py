"""Models and stacks for the tests of the kinds of endpoint."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template

from inference_constructs import EncryptionKey, InferenceModel, ModelArtifact

ROOT = Path(__file__).resolve().parents[3]

Find = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> ModelArtifact:
    """A model and the least handler that the container takes."""
    directory = tmp_path_factory.mktemp("model")
    (directory / "xgboost-model").write_text('{"learner":{},"version":[3,2,0]}')
    (directory / "code").mkdir()
    (directory / "code" / "inference.py").write_text("def model_fn(model_dir):\n    return 1\n")
    return ModelArtifact.from_directory(directory, code=directory / "code")


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A stack in an app with the flags of `cdk.json`, which only the CLI reads by itself."""
    app = App(
        analytics_reporting=False,
        tree_metadata=False,
        outdir=str(tmp_path / "cdk.out"),
        context=json.loads((ROOT / "cdk.json").read_text())["context"],
    )
    return Stack(app, "shop")


@pytest.fixture
def model(stack: Stack, artifact: ModelArtifact) -> InferenceModel:
    """A Model, cut off from every network."""
    return InferenceModel(stack, "Model", artifact=artifact)


@pytest.fixture
def connected_model(stack: Stack, artifact: ModelArtifact) -> InferenceModel:
    """A Model that is not cut off, as serverless inference wants it."""
    return InferenceModel(stack, "ConnectedModel", artifact=artifact, network_isolation=False)


@pytest.fixture
def encryption(stack: Stack) -> EncryptionKey:
    """A key."""
    return EncryptionKey(stack, "Encryption")


@pytest.fixture
def one(stack: Stack) -> Find:
    """The only resource of a type in the stack's template."""

    def find(resource_type: str) -> dict[str, Any]:
        (resource,) = Template.from_stack(stack).find_resources(resource_type).values()
        found: dict[str, Any] = resource
        return found

    return find


@pytest.fixture
def statements(stack: Stack) -> Callable[[str], list[dict[str, Any]]]:
    """The statements of all policies whose description has a word, with actions as lists."""

    def find(word: str) -> list[dict[str, Any]]:
        policies = Template.from_stack(stack).find_resources("AWS::IAM::ManagedPolicy").values()
        found = [
            statement
            for policy in policies
            if word in policy["Properties"]["Description"]
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        ]
        for statement in found:
            if isinstance(statement["Action"], str):
                statement["Action"] = [statement["Action"]]
        return found

    return find
