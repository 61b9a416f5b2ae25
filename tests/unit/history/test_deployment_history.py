"""What a history of deployments adds to an endpoint's template."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment, RemovalPolicy, Stack
from aws_cdk.assertions import Annotations, Match, Template

from inference_constructs import (
    DeploymentHistory,
    EncryptionKey,
    InferenceModel,
    ModelArtifact,
    ProductionVariant,
    RealtimeEndpoint,
    Scaling,
    TargetTracking,
)

ROOT = Path(__file__).resolve().parents[3]
ARN = "arn:aws:sagemaker:eu-west-1:"

NewEndpoint = Callable[..., RealtimeEndpoint]


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> ModelArtifact:
    """A model and a handler that take no time to check."""
    directory = tmp_path_factory.mktemp("model")
    (directory / "xgboost-model").write_text('{"learner":{},"version":[3,2,0]}')
    (directory / "code").mkdir()
    (directory / "code" / "inference.py").write_text("def model_fn(model_dir):\n    return 1\n")
    return ModelArtifact.from_directory(directory, code=directory / "code")


@pytest.fixture(scope="session")
def new_endpoint(artifact: ModelArtifact, tmp_path_factory: pytest.TempPathFactory) -> NewEndpoint:
    """Makes an endpoint with two variants of two models in an app of its own."""
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]

    def make(*, scaling: Scaling | None = None) -> RealtimeEndpoint:
        app = App(
            analytics_reporting=False,
            tree_metadata=False,
            outdir=str(tmp_path_factory.mktemp("cdk.out")),
            context=flags,
        )
        stack = Stack(app, "shop", env=Environment(region="eu-west-1"))
        return RealtimeEndpoint(
            stack,
            "Endpoint",
            encryption=EncryptionKey(stack, "Encryption"),
            variants=[
                ProductionVariant(
                    name=name,
                    model=InferenceModel(stack, name, artifact=artifact),
                    instance_type="ml.m5.large",
                    scaling=scaling,
                )
                for name in ("Champion", "Challenger")
            ],
        )

    return make


@pytest.fixture(scope="session")
def template(new_endpoint: NewEndpoint) -> Template:
    """An endpoint that keeps two previous deployments."""
    endpoint = new_endpoint()
    endpoint.keep_previous(2)
    return Template.from_stack(Stack.of(endpoint))


def statements(template: Template, word: str) -> list[dict[str, Any]]:
    """Statements of all policies that mention a word."""
    return [
        statement
        for policy in template.find_resources("AWS::IAM::ManagedPolicy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if word in json.dumps(statement)
    ]


@pytest.mark.parametrize("kind", ["Model", "EndpointConfig"])
def test_what_an_update_replaces_stays_and_what_a_stack_leaves_goes(
    template: Template, kind: str
) -> None:
    """CloudFormation's two policies, and the tag by which they are found."""
    found = template.find_resources(f"AWS::SageMaker::{kind}")
    assert found
    for resource in found.values():
        assert resource["UpdateReplacePolicy"] == "Retain"
        assert resource["DeletionPolicy"] == "Delete"
        tags = resource["Properties"]["Tags"]
        assert {"Key": "inference:endpoint", "Value": "shop/Endpoint"} in tags


def test_without_a_history_nothing_stays(new_endpoint: NewEndpoint) -> None:
    """CloudFormation deletes what an update replaces."""
    template = Template.from_stack(Stack.of(new_endpoint()))
    for kind in ("Model", "EndpointConfig"):
        for resource in template.find_resources(f"AWS::SageMaker::{kind}").values():
            assert "UpdateReplacePolicy" not in resource


def test_the_record_comes_after_the_endpoint(template: Template) -> None:
    """It knows the endpoint, the config and the number, and waits for its permissions."""
    (endpoint,) = template.find_resources("AWS::SageMaker::Endpoint")
    (config,) = template.find_resources("AWS::SageMaker::EndpointConfig")
    template.has_resource(
        "Custom::DeploymentHistory",
        {
            "Properties": {
                "EndpointName": Match.any_value(),
                "ConfigName": {"Fn::GetAtt": [config, "EndpointConfigName"]},
                "Keep": 2,
                "RetainedProperties": [],
                "KeepOnDeletion": False,
            },
            "DependsOn": Match.array_with([endpoint]),
        },
    )


def test_a_role_reads_what_earlier_deployments_uploaded(template: Template) -> None:
    """Or an instance of an earlier config could not load its model."""
    reading = statements(template, "s3:GetObject")
    assert len(reading) == 2
    for statement in reading:
        assert statement["Action"] == "s3:GetObject"
        assert statement["Resource"]["Fn::Join"][1][-1].endswith("/inference-models/shop/*")


def test_only_what_bears_the_endpoint_s_tag_can_be_changed(template: Template) -> None:
    """Whatever else the account holds can at most be looked at."""
    on_all = statements(template, ":endpoint-config/*") + statements(template, ":model/*")
    changing = [s for s in on_all if "Condition" in s]
    assert {action for s in changing for action in _listed(s["Action"])} == {
        "sagemaker:AddTags",
        "sagemaker:DeleteEndpointConfig",
        "sagemaker:DeleteModel",
        "sagemaker:DeleteTags",
    }
    for statement in changing:
        assert statement["Condition"] == {
            "StringEquals": {"aws:ResourceTag/inference:endpoint": "shop/Endpoint"}
        }
    looking = [s for s in on_all if "Condition" not in s]
    assert {action for s in looking for action in _listed(s["Action"])} == {
        "sagemaker:DescribeEndpointConfig",
        "sagemaker:DescribeModel",
        "sagemaker:ListTags",
    }


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_an_update_s_retention_is_told_to_whoever_rolls_back(new_endpoint: NewEndpoint) -> None:
    """A scaled endpoint keeps its counts, and takes its weights from the code."""
    scaling = Scaling(
        min_capacity=2, max_capacity=4, policies=[TargetTracking.invocations_per_instance(600)]
    )
    endpoint = new_endpoint(scaling=scaling)
    endpoint.keep_previous(1)
    Template.from_stack(Stack.of(endpoint)).has_resource_properties(
        "Custom::DeploymentHistory", {"RetainedProperties": ["DesiredInstanceCount"]}
    )


def test_a_history_can_outlive_its_stack(new_endpoint: NewEndpoint) -> None:
    """With another removal policy than the default."""
    endpoint = new_endpoint()
    endpoint.keep_previous(1, removal_policy=RemovalPolicy.RETAIN)
    Template.from_stack(Stack.of(endpoint)).has_resource_properties(
        "Custom::DeploymentHistory", {"KeepOnDeletion": True}
    )


def test_another_number_changes_nothing_but_the_record(new_endpoint: NewEndpoint) -> None:
    """No policy is replaced, and no endpoint is touched."""
    found = []
    for number in (1, 3):
        endpoint = new_endpoint()
        endpoint.keep_previous(number)
        found.append(Template.from_stack(Stack.of(endpoint)).to_json()["Resources"])
    differing = {name for name in found[0] if found[0][name] != found[1][name]}
    assert {found[0][name]["Type"] for name in differing} == {"Custom::DeploymentHistory"}


@pytest.mark.parametrize("number", [0, -1, 21])
def test_a_number_out_of_bounds_is_refused(new_endpoint: NewEndpoint, number: int) -> None:
    """None means no history; each takes a tag of the endpoint, which has fifty."""
    with pytest.raises(ValueError, match="between 1 and 20 previous deployments"):
        new_endpoint().keep_previous(number)


def test_the_bounds_themselves_are_fine(new_endpoint: NewEndpoint) -> None:
    """Up to twenty."""
    assert new_endpoint().keep_previous(20).keep == 20


def test_a_model_has_one_history_only(new_endpoint: NewEndpoint) -> None:
    """Each would delete what the other keeps."""
    endpoint = new_endpoint()
    stack = Stack.of(endpoint)
    second = RealtimeEndpoint(
        stack,
        "Second",
        encryption=endpoint.encryption,
        variants=[ProductionVariant(model=endpoint.models[0], instance_type="ml.m5.large")],
    )
    endpoint.keep_previous(1)
    with pytest.raises(ValueError, match="one endpoint with a deployment history only"):
        DeploymentHistory(stack, "History", endpoint=second, keep=1)


def test_a_role_that_cannot_read_earlier_data_is_told(
    new_endpoint: NewEndpoint, artifact: ModelArtifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Model data outside of the stack's assets have any name."""
    endpoint = new_endpoint()
    for model in endpoint.models:
        monkeypatch.setattr(
            model, "artifact", type(model.artifact)(version="1", image=model.artifact.image)
        )
    endpoint.keep_previous(1)
    Annotations.from_stack(Stack.of(endpoint)).has_warning(
        "/shop/Champion", Match.string_like_regexp("the role cannot read them")
    )
