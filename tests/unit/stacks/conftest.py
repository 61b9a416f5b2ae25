"""All stacks of all stages, synthesized once as the app does it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aws_cdk import App
from aws_cdk.assertions import Template

from inference_constructs import ModelArtifact
from stacks.application import chosen_settings, new_app
from stacks.artifact import model_artifact
from stacks.batch import BatchInferenceStack
from stacks.delivery_app import define_delivery
from stacks.delivery_settings import load_delivery
from stacks.inference_stack import InferenceStack
from stacks.realtime import RealtimeInferenceStack
from stacks.settings import Settings

ROOT = Path(__file__).resolve().parents[3]

MakeStack = Callable[..., InferenceStack]

# With this a finding does not fail the synth, so that a test can read the report and tell which.
REPORT_ONLY = {"@aws-cdk/core:failSynthOnValidationErrors": False}


@pytest.fixture(scope="session", autouse=True)
def _outside_the_cli() -> Iterator[None]:
    """The tests are not to take the output directory of a CLI that started them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CDK_OUTDIR", raising=False)
        patch.delenv("CDK_CONTEXT_JSON", raising=False)
        yield


@pytest.fixture(scope="session")
def assembly(_outside_the_cli: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cloud assembly of every stage."""
    directory = tmp_path_factory.mktemp("assembly")
    app = new_app(directory, {**REPORT_ONLY, "git_revision": "4f2a9c1"})
    for settings in chosen_settings(app):
        artifact = model_artifact(settings)
        RealtimeInferenceStack(app, settings=settings, artifact=artifact)
        BatchInferenceStack(app, settings=settings, artifact=artifact)
    app.synth()
    return directory


@pytest.fixture(scope="session")
def delivery_assembly(_outside_the_cli: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cloud assembly of the delivery, with the stages in it."""
    directory = tmp_path_factory.mktemp("delivery")
    app = new_app(directory, {**REPORT_ONLY, "git_revision": "4f2a9c1"})
    define_delivery(app, load_delivery())
    app.synth()
    return directory


@pytest.fixture(scope="session")
def template(assembly: Path) -> Callable[[str], Template]:
    """Finds the template of a stack by its name."""

    def find(stack: str) -> Template:
        return Template.from_json(json.loads((assembly / f"{stack}.template.json").read_text()))

    return find


@pytest.fixture(scope="session")
def dev_values() -> dict[str, Any]:
    """What stands in `config/dev.yaml`."""
    values: dict[str, Any] = yaml.safe_load((ROOT / "config" / "dev.yaml").read_text())
    return values


@pytest.fixture(scope="session")
def small_artifact(tmp_path_factory: pytest.TempPathFactory) -> ModelArtifact:
    """A model and a handler that take no time to check."""
    directory = tmp_path_factory.mktemp("model")
    (directory / "xgboost-model").write_text('{"learner":{},"version":[3,2,0]}')
    (directory / "code").mkdir()
    (directory / "code" / "inference.py").write_text("def model_fn(model_dir):\n    return 1\n")
    return ModelArtifact.from_directory(directory, code=directory / "code")


@pytest.fixture
def make_stack(
    dev_values: dict[str, Any], small_artifact: ModelArtifact, tmp_path: Path
) -> MakeStack:
    """Makes one stack from the settings of `dev` with changes, in an app of its own."""

    def make(
        kind: type[RealtimeInferenceStack] | type[BatchInferenceStack] = RealtimeInferenceStack,
        **changes: Any,
    ) -> InferenceStack:
        app: App = new_app(tmp_path / "cdk.out", REPORT_ONLY)
        settings = Settings.of_stage("dev", {**dev_values, **changes})
        return kind(app, settings=settings, artifact=small_artifact)

    return make
