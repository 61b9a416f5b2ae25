"""What is deployed, stage by stage."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Match, Template

Find = Callable[[str], Template]

REALTIME_OUTPUTS = {
    "EndpointName",
    "EndpointConfigName",
    "ModelName",
    "ArtifactSha256",
    "AlarmTopicArn",
    "DashboardName",
    "GitRevision",
}
BATCH_OUTPUTS = {
    "StateMachineArn",
    "DataBucketName",
    "ModelName",
    "ArtifactSha256",
    "NotificationTopicArn",
    "GitRevision",
}
STACKS = [
    f"inference-{stage}-{kind}" for stage in ("dev", "prod") for kind in ("realtime", "batch")
]


@pytest.fixture(scope="module")
def manifest(assembly: Path) -> dict[str, Any]:
    """The stacks as the CLI sees them."""
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    return {
        name: artifact
        for name, artifact in artifacts.items()
        if artifact["type"] == "aws:cloudformation:stack"
    }


def test_each_stage_has_a_realtime_and_a_batch_stack(manifest: dict[str, Any]) -> None:
    """Nothing else is deployed."""
    assert set(manifest) == set(STACKS)


@pytest.mark.parametrize("stack", STACKS)
def test_the_outputs_that_others_rely_on_are_there(template: Find, stack: str) -> None:
    """Scripts and pipelines read them by these names."""
    expected = REALTIME_OUTPUTS if stack.endswith("realtime") else BATCH_OUTPUTS
    assert expected <= set(template(stack).to_json()["Outputs"])


@pytest.mark.parametrize("stack", STACKS)
def test_no_stack_refers_to_another(template: Find, manifest: dict[str, Any], stack: str) -> None:
    """Each is deployed, and deleted, alone."""
    text = json.dumps(template(stack).to_json())
    assert "Fn::ImportValue" not in text
    assert '"Export"' not in text
    assert set(manifest[stack].get("dependencies", [])) <= {f"{stack}.assets"}


@pytest.mark.parametrize("stack", STACKS)
def test_only_production_is_guarded_against_deletion(manifest: dict[str, Any], stack: str) -> None:
    """A stage for trying out must go when it is told to."""
    guarded = manifest[stack]["properties"].get("terminationProtection", False)
    assert guarded is stack.startswith("inference-prod-")


@pytest.mark.parametrize("stack", STACKS)
def test_keys_and_data_are_kept_in_production_only(template: Find, stack: str) -> None:
    """In `dev` nothing is left behind."""
    kept = "Retain" if stack.startswith("inference-prod-") else "Delete"
    found = template(stack).to_json()["Resources"].values()
    policies = {
        (resource["Type"], resource.get("DeletionPolicy"))
        for resource in found
        if resource["Type"] in {"AWS::KMS::Key", "AWS::S3::Bucket"}
    }
    assert {policy for _, policy in policies} == {kept}


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_data_is_versioned_and_its_access_is_logged(template: Find, stage: str) -> None:
    """Whatever was there can be found again, and so can who read it."""
    batch = template(f"inference-{stage}-batch")
    batch.all_resources_properties(
        "AWS::S3::Bucket", {"VersioningConfiguration": {"Status": "Enabled"}}
    )
    batch.has_resource_properties(
        "AWS::S3::Bucket", {"LoggingConfiguration": Match.object_like({"LogFilePrefix": "data/"})}
    )


def test_production_has_two_instances_at_least(template: Find) -> None:
    """One is none when its zone goes."""
    realtime = template("inference-prod-realtime")
    realtime.has_resource_properties(
        "Custom::EndpointScaling",
        {"ScalableTargets": [Match.object_like({"MinCapacity": 2})]},
    )
    realtime.has_resource_properties(
        "AWS::SageMaker::EndpointConfig",
        {"ProductionVariants": [Match.object_like({"InitialInstanceCount": 2})]},
    )


@pytest.mark.parametrize("stack", STACKS)
def test_mandatory_tags_are_on_stack_and_resources(
    template: Find, manifest: dict[str, Any], stack: str
) -> None:
    """Costs are told apart by them."""
    stage = stack.split("-")[1]
    assert manifest[stack]["properties"]["tags"] == {"project": "inference", "stage": stage}
    tags = Match.array_with(
        [{"Key": "project", "Value": "inference"}, {"Key": "stage", "Value": stage}]
    )
    for resource_type in ("AWS::SageMaker::Model", "AWS::IAM::Role", "AWS::KMS::Key"):
        template(stack).all_resources_properties(resource_type, {"Tags": tags})


@pytest.mark.parametrize("stack", STACKS)
def test_the_outputs_lead_to_the_bytes_and_to_the_code(template: Find, stack: str) -> None:
    """What runs can be traced without asking anyone."""
    found = template(stack)
    outputs = found.to_json()["Outputs"]
    (model,) = found.find_resources("AWS::SageMaker::Model").values()
    digest = outputs["ArtifactSha256"]["Value"]
    container = model["Properties"]["PrimaryContainer"]
    assert f"{digest}.tar.gz" in json.dumps(container["ModelDataUrl"])
    assert container["Environment"]["INFERENCE_MODEL_VERSION"] == digest[:12]
    assert outputs["GitRevision"]["Value"] == "4f2a9c1"


def test_the_revision_is_a_tag_of_the_endpoint_only(template: Find) -> None:
    """On the Model it would be no news; elsewhere it would change resources at every commit."""
    tagged = [
        resource["Type"]
        for resource in template("inference-dev-realtime").to_json()["Resources"].values()
        if "inference:git-revision" in json.dumps(resource.get("Properties", {}).get("Tags", ""))
    ]
    assert tagged == ["AWS::SageMaker::Endpoint"]


@pytest.mark.parametrize("stack", STACKS)
def test_no_role_may_do_everything_with_anything(template: Find, stack: str) -> None:
    """No action `*`, no whole service, no policy of AWS's own, nothing inline."""
    found = template(stack)
    for policy in found.find_resources("AWS::IAM::ManagedPolicy").values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            actions = statement["Action"]
            for action in [actions] if isinstance(actions, str) else actions:
                assert not re.search(r"(^|:)\*$", action), action
    assert "FullAccess" not in json.dumps(found.to_json())
    found.resource_count_is("AWS::IAM::Policy", 0)


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_no_role_could_make_the_endpoints_log_group_again(template: Find, stage: str) -> None:
    """Else one without retention and key is there after the destroy."""
    policies = template(f"inference-{stage}-realtime").find_resources("AWS::IAM::ManagedPolicy")
    assert "logs:CreateLogGroup" not in json.dumps(policies)
