"""The pipeline: its order, its builds, what they may do, and that stages stay what they are."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from aws_cdk import Environment, Stack, pipelines
from aws_cdk import aws_logs as logs

from inference_constructs import DataBucket, EncryptionKey
from stacks.application import new_app
from stacks.delivery_app import define_delivery
from stacks.delivery_builds import DeliveryBuilds
from stacks.delivery_models import pinned_models
from stacks.delivery_settings import DeliverySettings, load_delivery
from stacks.section import ROOT
from stacks.settings import CONFIG, Settings
from tests.unit.stacks.conftest import REPORT_ONLY
from tests.unit.stacks.test_nag import acknowledged, declared, met, read_report, table

DELIVERY = (CONFIG / "delivery.yaml").read_text()
MOST_CHARACTERS = 6144  # of a managed policy, without spaces

# What `inference verify` calls, by reading its code; the local AWS proves that each is needed.
VERIFIES = {
    "application-autoscaling:DescribeScalableTargets",
    "cloudformation:DescribeStackResources",
    "cloudformation:DescribeStacks",
    "cloudformation:GetTemplate",
    "cloudformation:ListStackResources",
    "cloudwatch:DescribeAlarms",
    "sagemaker:DescribeEndpoint",
    "sagemaker:DescribeEndpointConfig",
    "sagemaker:InvokeEndpoint",
}
# What every build needs: to get the artifacts, and to log.
BUILDS = {
    "kms:Decrypt",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "s3:GetBucketAcl",
    "s3:GetBucketLocation",
    "s3:GetObject",
    "s3:GetObjectVersion",
}


@pytest.fixture(scope="module")
def resources(delivery_assembly: Path) -> dict[str, dict[str, Any]]:
    """The resources of the pipeline's stack."""
    text = (delivery_assembly / "inference-pipeline.template.json").read_text()
    found: dict[str, dict[str, Any]] = json.loads(text)["Resources"]
    return found


@pytest.fixture(scope="module")
def stages(resources: dict[str, dict[str, Any]]) -> dict[str, list[list[dict[str, Any]]]]:
    """The actions of each stage of the pipeline, in the order in which they run."""
    [pipeline] = of_type(resources, "AWS::CodePipeline::Pipeline")
    found = {}
    for stage in pipeline["Stages"]:
        orders = sorted({action["RunOrder"] for action in stage["Actions"]})
        found[stage["Name"]] = [
            [action for action in stage["Actions"] if action["RunOrder"] == order]
            for order in orders
        ]
    return found


def of_type(resources: dict[str, dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The properties of the resources of a type."""
    return [each["Properties"] for each in resources.values() if each["Type"] == kind]


def build_specs(resources: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What each build runs, by the project's description."""
    found = {}
    for project in of_type(resources, "AWS::CodeBuild::Project"):
        spec = json.loads(project["Source"]["BuildSpec"])
        found[project["Description"].partition("/Pipeline/")[2]] = spec
    return found


def actions_of(resources: dict[str, dict[str, Any]], policy: str) -> set[str]:
    """What the one policy allows whose logical id begins so."""
    [found] = [each for name, each in resources.items() if name.startswith(policy)]
    allowed: set[str] = set()
    for statement in found["Properties"]["PolicyDocument"]["Statement"]:
        given = statement["Action"]
        allowed |= {given} if isinstance(given, str) else set(given)
    return allowed


def test_the_stages_are_in_order_and_each_is_verified(
    stages: dict[str, list[list[dict[str, Any]]]],
) -> None:
    """Only production is reviewed and waits for a person."""
    names = {
        name: [sorted(action["Name"] for action in step) for step in steps]
        for name, steps in stages.items()
    }

    def deployed(stage: str) -> list[list[str]]:
        stacks = [f"inference-{stage}-{purpose}" for purpose in ("batch", "realtime")]
        return [[f"{stack}.{what}" for stack in stacks] for what in ("Prepare", "Deploy")]

    assert list(names.items()) == [
        ("Source", [["Repository"]]),
        ("Build", [["Synth"]]),
        ("UpdatePipeline", [["SelfMutate"]]),
        ("Assets", [["FileAssets"]]),
        ("dev", [*deployed("dev"), ["Verify"]]),
        ("prod", [["Review"], ["Approve"], *deployed("prod"), ["Verify"]]),
    ]


def test_whoever_approves_is_given_the_summary_and_the_report(
    stages: dict[str, list[list[dict[str, Any]]]],
    resources: dict[str, Any],
) -> None:
    """As variables that the review exports."""
    [review], [approve] = stages["prod"][:2]
    space = review["Namespace"]
    assert approve["Configuration"] == {
        "CustomData": f"#{{{space}.REVIEW_SUMMARY}} #{{{space}.REVIEW_URL}}",
        "ExternalEntityLink": f"#{{{space}.REVIEW_URL}}",
    }
    spec = build_specs(resources)["prod/Review"]
    assert set(spec["env"]["exported-variables"]) == {"REVIEW_SUMMARY", "REVIEW_URL"}


@pytest.mark.parametrize("stage", ["dev", "prod"])
@pytest.mark.parametrize("purpose", ["realtime", "batch"])
def test_the_pipeline_deploys_the_templates_of_the_app(
    assembly: Path, delivery_assembly: Path, stage: str, purpose: str
) -> None:
    """But for the paths of constructs and of assets, which lie a level deeper and higher."""
    name = f"inference-{stage}-{purpose}"
    alone = json.loads((assembly / f"{name}.template.json").read_text())
    inner = delivery_assembly / f"assembly-inference-pipeline-{stage}"
    manifest = json.loads((inner / "manifest.json").read_text())["artifacts"]
    [file] = [
        artifact["properties"]["templateFile"]
        for artifact in manifest.values()
        if artifact.get("properties", {}).get("stackName") == name
    ]
    within = json.loads((inner / file).read_text())
    for resource in within["Resources"].values():
        assert resource["Metadata"]["aws:cdk:path"].startswith(f"inference-pipeline/{stage}/{name}")
    for template in (alone, within):
        for resource in template["Resources"].values():
            resource["Metadata"].pop("aws:cdk:path")
            if "aws:asset:path" in resource["Metadata"]:
                path = Path(resource["Metadata"].pop("aws:asset:path"))
                resource["Metadata"]["asset"] = path.name
    assert within == alone


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_every_asset_of_a_stage_is_where_its_manifest_says(
    delivery_assembly: Path, stage: str
) -> None:
    """They lie beside the pipeline's own, and publishing them fails where they are not found."""
    inner = delivery_assembly / f"assembly-inference-pipeline-{stage}"
    paths = [
        inner / asset["source"]["path"]
        for file in inner.glob("*.assets.json")
        for asset in json.loads(file.read_text())["files"].values()
    ]
    assert any(path.name.endswith(".tar.gz") for path in paths)
    assert [path for path in paths if not path.exists()] == []


def test_the_pipeline_changes_itself_with_the_cli_that_the_project_pins(
    resources: dict[str, dict[str, Any]],
) -> None:
    """Npm's `latest` of the CLI is an old one that cannot read today's assemblies."""
    pinned = json.loads((ROOT / "package.json").read_text())["devDependencies"]["aws-cdk"]
    spec = build_specs(resources)["UpdatePipeline/SelfMutate"]
    assert spec["phases"]["install"]["commands"] == [f"npm install -g aws-cdk@{pinned}"]
    [command] = spec["phases"]["build"]["commands"]
    assert command.startswith("cdk -a . deploy inference-pipeline ")
    [pipeline] = of_type(resources, "AWS::CodePipeline::Pipeline")
    assert pipeline["RestartExecutionOnUpdate"] is True
    published = build_specs(resources)["Assets/FileAssets"]
    assert published["phases"]["install"]["commands"] == [f"npm install -g aws-cdk@{pinned}"]
    assert published["phases"]["build"]["commands"] == [
        'cdk -a . publish-assets "inference-pipeline/*/*" --unstable=publish-assets'
    ]


def test_the_commands_of_every_build_are_bash_and_their_programs_exist(
    resources: dict[str, dict[str, Any]],
) -> None:
    """A build finds out after a quarter of an hour otherwise."""
    in_the_image = {".", "[", "apt-get", "export", "make", "npm", "sed"}
    in_the_project = {"cdk", "inference"}
    specs = build_specs(resources)
    assert len(specs) == 6
    for name, spec in specs.items():
        commands = [c for phase in spec["phases"].values() for c in phase["commands"]]
        text = "\n".join(commands)
        assert spec["env"]["shell"] == "bash"
        checked = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
        assert checked.returncode == 0, f"{name}: {checked.stderr}"
        programs = {command.split()[0] for command in commands if not re.match(r"[A-Z]+=", command)}
        assert programs <= in_the_image | in_the_project, name
        for program in programs & in_the_project:
            assert (ROOT / ".venv" / "bin" / program).exists()
        targets = re.findall(r"^make (.+)$", text, re.MULTILINE)
        known = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert set(targets) <= set(known)


def test_the_commit_is_tested_before_anything_is_synthesized(
    resources: dict[str, dict[str, Any]],
) -> None:
    """In the first build, and its assembly is what goes on."""
    spec = build_specs(resources)["Build/Synth"]
    assert spec["phases"]["build"]["commands"] == [
        "make model",
        "make test",
        ". .venv/bin/activate",
        'cdk synth --quiet --app "python delivery.py" --context '
        'git_revision="$CODEBUILD_RESOLVED_SOURCE_VERSION"',
    ]
    assert spec["artifacts"] == {"base-directory": "cdk.out", "files": ["**/*"]}


def test_a_step_may_do_what_it_calls_and_nothing_else(
    resources: dict[str, dict[str, Any]],
) -> None:
    """Beside reading artifacts and logging."""
    writes = {"kms:GenerateDataKey", "s3:PutObject"}
    review = {"cloudformation:GetTemplate", *writes}
    assert actions_of(resources, "BuildsSynthPolicy") == BUILDS | writes
    assert actions_of(resources, "BuildsVerifydevPolicy") == BUILDS | VERIFIES
    assert actions_of(resources, "BuildsVerifyprodPolicy") == BUILDS | VERIFIES
    assert actions_of(resources, "BuildsReviewprodPolicy") == BUILDS | review
    [policy] = [each for name, each in resources.items() if name.startswith("BuildsReviewprodP")]
    [written] = [
        statement["Resource"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "s3:PutObject"
    ]
    assert written["Fn::Join"][1][1] == "/reviews/prod/*"


def test_a_model_of_aws_is_packed_anew_before_the_synth(tmp_path: Path) -> None:
    """As it was pinned; the build may read that object, and its key, and no other."""
    key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    source = "training-job/churn-2026"
    packed = {"path": "artifacts/a.tar.gz", "sha256": "0" * 64, "size": 1, "codeSha256": "1" * 64}
    pin = {
        "region": "us-east-1",
        "artifact": {"uri": "s3://training/out/model.tar.gz", "etag": "9b2c"},
        "packed": packed,
    }
    app = new_app(tmp_path, {**REPORT_ONLY, f"inference:model:{source}": pin})
    stack = Stack(app, "stack", env=Environment(region="us-east-1"))
    dev = yaml.safe_load((CONFIG / "dev.yaml").read_text())
    model = {"source": source, "artifact_key_arn": key}
    stages = [Settings.of_stage(stage, {**dev, "model": model}) for stage in ("dev", "prod")]
    models = pinned_models(stack, [*stages, Settings.of_stage("own", dev)])
    encryption = EncryptionKey(stack, "Encryption")
    builds = DeliveryBuilds(
        stack,
        "Builds",
        source=pipelines.CodePipelineSource.connection("a/b", "main", connection_arn="x"),
        artifacts=DataBucket(stack, "Artifacts", encryption=encryption),
        encryption=encryption,
        log_retention=logs.RetentionDays.ONE_DAY,
    )
    restored = f"inference resolve {source} --region us-east-1 --frozen"
    commands = builds.synth(models).commands
    assert commands.index(restored) == commands.index(". .venv/bin/activate") + 1
    assert len(commands) == 5
    app.synth()
    text = (tmp_path / "stack.template.json").read_text()
    [policy] = [
        each
        for name, each in json.loads(text)["Resources"].items()
        if name.startswith("BuildsSynthPolicy")
    ]
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    given = [statement for statement in statements if "training" in str(statement["Resource"])]
    assert given == [
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": "arn:aws:s3:::training/out/model.tar.gz",
        }
    ]
    assert {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key} in statements
    assert [plugin for plugin in read_report(tmp_path) if plugin["violations"]] == []


def test_what_a_step_may_do_is_of_its_own_stage(resources: dict[str, dict[str, Any]]) -> None:
    """The verification of dev may not ask the endpoint of prod."""
    for stage, other in (("dev", "prod"), ("prod", "dev")):
        text = json.dumps(resources[next(n for n in resources if f"Verify{stage}Policy" in n)])
        assert f"endpoint/inference-{stage}-realtime-*" in text
        assert f"-{other}-" not in text


def test_no_policy_is_inline_and_none_is_too_large(resources: dict[str, dict[str, Any]]) -> None:
    """Not those either that CDK Pipelines writes into the roles it makes itself."""
    assert of_type(resources, "AWS::IAM::Policy") == []
    assert all("Policies" not in role for role in of_type(resources, "AWS::IAM::Role"))
    policies = of_type(resources, "AWS::IAM::ManagedPolicy")
    assert len(policies) == len(of_type(resources, "AWS::IAM::Role"))
    for policy in policies:
        assert len(re.sub(r"\s", "", json.dumps(policy["PolicyDocument"]))) < MOST_CHARACTERS


def test_builds_are_not_privileged_and_log_into_one_encrypted_group(
    resources: dict[str, dict[str, Any]],
) -> None:
    """For as long as the settings say."""
    [group] = of_type(resources, "AWS::Logs::LogGroup")
    assert group["RetentionInDays"] == 90
    assert "KmsKeyId" in group
    for project in of_type(resources, "AWS::CodeBuild::Project"):
        assert project["Environment"]["PrivilegedMode"] is False
        assert project["LogsConfig"]["CloudWatchLogs"]["Status"] == "ENABLED"
        assert project["EncryptionKey"] == group["KmsKeyId"]


def test_the_role_of_the_pipeline_may_use_the_connection_by_its_own_name(
    resources: dict[str, dict[str, Any]],
) -> None:
    """The prefix of the action has to be that of the ARN."""
    assert "codeconnections:UseConnection" in actions_of(resources, "PipelineRoleDefaultPolicy")


def test_nothing_is_found_and_what_is_acknowledged_stands_in_the_table(
    delivery_assembly: Path,
) -> None:
    """By cdk-nag's packs, the CDK's validator and our own rules."""
    assert [plugin for plugin in read_report(delivery_assembly) if plugin["violations"]] == []
    found = {
        (rule, re.sub(r"-(dev|prod)(?=[-/])", "-*", path))
        for rule, path in acknowledged(delivery_assembly)
        if not path.startswith(("inference-pipeline/dev/", "inference-pipeline/prod/"))
    }
    assert found == {(rule, path) for rule, path in table("The delivery, where you deploy it")}


def test_every_acknowledgement_of_the_delivery_meets_a_finding(delivery_assembly: Path) -> None:
    """One that meets nothing would hide the next real finding."""
    found = declared(delivery_assembly)
    assert len(found) > 20
    assert found <= met(delivery_assembly)


def test_who_is_to_approve_is_told_by_mail(tmp_path: Path) -> None:
    """Over an encrypted topic, to which the pipeline may publish."""
    values = yaml.safe_load(DELIVERY)
    values["pipeline"]["notify_emails"] = ["owner@example.com"]
    values |= {"stages": ["prod"], "golden": None, "github": None}
    app = new_app(tmp_path, {"@aws-cdk/core:failSynthOnValidationErrors": False})
    define_delivery(app, DeliverySettings.model_validate(values))
    app.synth()
    assert [plugin for plugin in read_report(tmp_path) if plugin["violations"]] == []
    text = (tmp_path / "inference-pipeline.template.json").read_text()
    found: dict[str, dict[str, Any]] = json.loads(text)["Resources"]
    [subscription] = of_type(found, "AWS::SNS::Subscription")
    assert subscription["Endpoint"] == "owner@example.com"
    assert "sns:Publish" in actions_of(found, "PipelineRoleDefaultPolicy")
    [topic] = [name for name, each in found.items() if each["Type"] == "AWS::SNS::Topic"]
    [pipeline] = of_type(found, "AWS::CodePipeline::Pipeline")
    [approve] = [
        action
        for stage in pipeline["Stages"]
        for action in stage["Actions"]
        if action["Name"] == "Approve"
    ]
    assert approve["Configuration"]["NotificationArn"] == {"Ref": topic}
    # No golden file, no request.
    commands = build_specs(found)["prod/Verify"]["phases"]["build"]["commands"]
    assert commands[-1] == 'inference verify "$ENDPOINT"'


def test_the_golden_request_is_answered_by_the_example_model(tmp_path: Path) -> None:
    """By XGBoost itself, as the pipeline's verification expects it of the endpoint."""
    import numpy as np
    import xgboost

    golden = json.loads((CONFIG / "golden.json").read_text())
    rows = np.array([row.split(",") for row in golden["body"].split()], dtype=np.float32)
    model = xgboost.Booster(model_file=ROOT / "build" / "model" / "xgboost-model")
    expected = [float(line) for line in golden["expected"].split()]
    assert model.inplace_predict(rows).tolist() == pytest.approx(expected, rel=golden["tolerance"])
    assert load_delivery().golden == "config/golden.json"
