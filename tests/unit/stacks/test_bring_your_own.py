"""Whatever a platform team has of its own is used, and never changed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Stage
from aws_cdk.assertions import Annotations, Match, Template

from stacks.artifact import model_artifact
from stacks.batch import BatchInferenceStack
from stacks.inference_stack import InferenceStack
from stacks.realtime import RealtimeInferenceStack
from stacks.settings import Settings
from stacks.settings_file import SettingsError

MakeStack = Callable[..., InferenceStack]

KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
ROLE = "arn:aws:iam::123456789012:role/models"
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
BOTH = pytest.mark.parametrize("kind", [RealtimeInferenceStack, BatchInferenceStack])


def messages(stack: InferenceStack) -> list[str]:
    """What a synth prints about the stack."""
    found = Annotations.from_stack(stack).find_info("*", Match.any_value())
    return [str(message.entry.data) for message in found]


@BOTH
def test_a_key_of_ones_own_encrypts_and_what_it_lacks_is_printed(
    make_stack: MakeStack, kind: type
) -> None:
    """Without the printed statements alarms would be silent."""
    stack = make_stack(kind, encryption_key_arn=KEY)
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::KMS::Key", 0)
    template.all_resources_properties("AWS::SNS::Topic", {"KmsMasterKeyId": KEY})
    (message,) = messages(stack)
    assert "it must allow:" in message
    assert '"Service": "logs.us-east-1.amazonaws.com"' in message


@BOTH
def test_a_role_of_ones_own_runs_the_model_and_what_it_lacks_is_printed(
    make_stack: MakeStack, kind: type, dev_values: dict[str, Any]
) -> None:
    """It gets no policy from us."""
    stack = make_stack(kind, model={**dev_values["model"], "role_arn": ROLE})
    template = Template.from_stack(stack)
    template.has_resource_properties("AWS::SageMaker::Model", {"ExecutionRoleArn": ROLE})
    attached = [
        role
        for policy in template.find_resources("AWS::IAM::ManagedPolicy").values()
        for role in policy["Properties"]["Roles"]
    ]
    assert "models" not in json.dumps(attached)
    (message,) = messages(stack)
    assert message.startswith("the role models for sagemaker.amazonaws.com is imported")
    assert "s3:GetObject" in message


def test_a_network_of_ones_own_holds_the_containers(make_stack: MakeStack) -> None:
    """Subnets and security groups are given by their ids."""
    stack = make_stack(
        network={
            "subnets": {"subnet-0000000a": "us-east-1a", "subnet-0000000b": "us-east-1b"},
            "security_groups": ["sg-00000001"],
        }
    )
    template = Template.from_stack(stack)
    template.has_resource_properties(
        "AWS::SageMaker::Model",
        {
            "VpcConfig": {
                "Subnets": ["subnet-0000000a", "subnet-0000000b"],
                "SecurityGroupIds": ["sg-00000001"],
            }
        },
    )
    kinds = {resource["Type"] for resource in template.to_json()["Resources"].values()}
    assert not {kind for kind in kinds if kind.startswith("AWS::EC2::")}


@BOTH
def test_a_permissions_boundary_is_on_every_role(make_stack: MakeStack, kind: type) -> None:
    """Organizations refuse roles without it."""
    template = Template.from_stack(make_stack(kind, permissions_boundary_arn=BOUNDARY))
    template.all_resources_properties("AWS::IAM::Role", {"PermissionsBoundary": BOUNDARY})


@BOTH
def test_a_bootstrap_qualifier_leads_to_its_bucket(make_stack: MakeStack, kind: type) -> None:
    """Each asset, and the right to read it, is of the bucket that this qualifier names."""
    stack = make_stack(kind, bootstrap_qualifier="shop")
    Template.from_stack(stack)
    stage = Stage.of(stack)
    assert stage is not None
    texts = [
        (Path(stage.outdir) / f"{stack.artifact_id}.{kind}.json").read_text()
        for kind in ("template", "assets")
    ]
    assert all("cdk-shop-assets-" in text for text in texts)
    assert not any("hnb659fds" in text for text in texts)
    destinations = [
        destination["objectKey"]
        for asset in json.loads(texts[1])["files"].values()
        for destination in asset["destinations"].values()
    ]
    assert [key for key in destinations if key.endswith(".tar.gz")] != []


def test_the_prefix_begins_the_names_of_the_stacks(make_stack: MakeStack) -> None:
    """Several teams share an account."""
    assert make_stack(prefix="churn").stack_name == "churn-dev-realtime"


def test_the_endpoint_takes_the_name_that_it_is_given(
    make_stack: MakeStack, dev_values: dict[str, Any]
) -> None:
    """Callers may know it already."""
    stack = make_stack(endpoint={**dev_values["endpoint"], "name": "churn"})
    Template.from_stack(stack).has_resource_properties(
        "AWS::SageMaker::Endpoint", {"EndpointName": "churn"}
    )


def test_further_variables_reach_the_container(
    make_stack: MakeStack, dev_values: dict[str, Any]
) -> None:
    """The handler's answers are chosen so."""
    model = {**dev_values["model"], "environment": {"INFERENCE_OUTPUT": "class"}}
    Template.from_stack(make_stack(model=model)).has_resource_properties(
        "AWS::SageMaker::Model",
        {"PrimaryContainer": {"Environment": Match.object_like({"INFERENCE_OUTPUT": "class"})}},
    )


def test_thresholds_of_the_settings_reach_the_alarms(
    make_stack: MakeStack, dev_values: dict[str, Any]
) -> None:
    """Milliseconds in the file are microseconds in CloudWatch; null is no alarm."""
    endpoint = {
        **dev_values["endpoint"],
        "alarms": {"model_latency_p99_ms": 30, "disk_percent": None},
    }
    template = Template.from_stack(make_stack(endpoint=endpoint))
    template.has_resource_properties(
        "AWS::CloudWatch::Alarm",
        {"MetricName": "ModelLatency", "ExtendedStatistic": "p99", "Threshold": 30_000},
    )
    template.resource_count_is("AWS::CloudWatch::Alarm", 7)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ({"directory": "build/none"}, "config/dev.yaml: model.directory: .*`make model`"),
        (
            {"directory": "build/model", "code": "nowhere"},
            "config/dev.yaml: model.code: the directory nowhere does not exist",
        ),
    ],
)
def test_a_path_that_is_not_there_is_told_with_file_key_and_fix(
    dev_values: dict[str, Any], model: dict[str, Any], told: str
) -> None:
    """Before anything is synthesized."""
    settings = Settings.of_stage("dev", {**dev_values, "model": model})
    with pytest.raises(SettingsError, match=told):
        model_artifact(settings)


def test_a_model_of_a_training_job_needs_its_pin(
    dev_values: dict[str, Any], tmp_path: Path
) -> None:
    """The message is the command that writes it."""
    from stacks.application import new_app

    settings = Settings.of_stage("dev", {**dev_values, "model": {"source": "training-job/churn"}})
    app = new_app(tmp_path)
    with pytest.raises(
        ValueError, match="run `inference resolve training-job/churn --region us-east-1`"
    ):
        RealtimeInferenceStack(app, settings=settings, artifact=model_artifact(settings))
