"""What the pipeline's builds run, on the local AWS: publish, deploy, verify, review.

The tests of this module build on each other, in their order, as the stages of a pipeline do.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from tests.local.delivery.conftest import ROOT

pytestmark = pytest.mark.long

VERIFY, REVIEW = "BuildsVerifydev", "BuildsReviewprod"
# These are for getting the artifacts and for logging, which CodeBuild does and the commands do not.
OF_CODEBUILD = {
    "kms:Decrypt",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "s3:GetBucketAcl",
    "s3:GetBucketLocation",
    "s3:GetObject",
    "s3:GetObjectVersion",
}


def review(delivery: Any, number: int) -> tuple[int, str, dict[str, str]]:
    """Runs the review of prod: its exit code, all that it said, and its variables."""
    done = delivery.build("prod/Review", REVIEW, CODEBUILD_BUILD_NUMBER=str(number))
    said = done.stdout + done.stderr
    exported = dict(re.findall(r"^(REVIEW_\w+)=(.*)$", done.stdout, re.MULTILINE))
    return done.returncode, said, exported


def verify(delivery: Any, stage: str) -> tuple[int, str]:
    """Runs the verification of a stage: its exit code, and all that it said."""
    done = delivery.build(
        f"{stage}/Verify", f"BuildsVerify{stage}", ENDPOINT=delivery.endpoint(stage)
    )
    return done.returncode, done.stdout + done.stderr


def test_the_assets_of_all_stages_are_published(delivery: Any) -> None:
    """Under the role that CDK Pipelines makes for it; the models of each stack are among them."""
    [project] = [
        each
        for each in delivery.template.values()
        if each["Properties"].get("Description", "").endswith("/Assets/FileAssets")
    ]
    [command] = json.loads(project["Properties"]["Source"]["BuildSpec"])["phases"]["build"][
        "commands"
    ]
    done = delivery.run(command, under="PipelineAssetsFileRole", folder="cdk.out")
    assert done.returncode == 0, done.stderr
    listed = delivery.aws.client("s3").list_objects_v2(
        Bucket="cdk-hnb659fds-assets-123456789012-us-east-1"
    )
    keys = {entry["Key"].rpartition("/")[0] for entry in listed["Contents"]}
    assert {f"inference-models/inference-{stage}-realtime" for stage in ("dev", "prod")} <= keys


def test_a_stage_is_deployed_from_the_assembly_and_verified_by_its_build(delivery: Any) -> None:
    """With the golden request, under the role of the build."""
    delivery.deploy("dev")
    code, said = verify(delivery, "dev")
    assert code == 0, said
    assert "as expected" in said


def test_the_verification_needs_each_of_its_permissions(delivery: Any) -> None:
    """Without one it fails, so nobody is let through unseen."""
    own = [each for each in delivery.permissions(VERIFY) if each.action not in OF_CODEBUILD]
    assert len(own) == 9
    passed = []
    for permission in own:
        with permission.taken_away():
            if verify(delivery, "dev")[0] == 0:
                passed.append(str(permission))
    assert passed == []


def test_the_first_review_of_a_stage_tells_that_all_of_it_is_new(delivery: Any) -> None:
    """The report is in the bucket, and its summary and link go to whoever approves."""
    code, said, exported = review(delivery, 1)
    assert code == 0, said
    bucket = delivery.physical[
        next(n for n in delivery.physical if n.startswith("ArtifactsBucket"))
    ]
    assert re.fullmatch(r"no errors, .*; resources: \d+ added", exported["REVIEW_SUMMARY"])
    assert exported["REVIEW_URL"] == (
        f"https://us-east-1.console.aws.amazon.com/s3/object/{bucket}"
        "?region=us-east-1&prefix=reviews/prod/1.html"
    )
    report = delivery.aws.client("s3").get_object(Bucket=bucket, Key="reviews/prod/1.html")
    assert report["ContentType"] == "text/html; charset=utf-8"
    assert report["ServerSideEncryption"] == "aws:kms"
    assert b"inference-prod-realtime" in report["Body"].read()


def test_the_review_needs_each_of_its_permissions(delivery: Any) -> None:
    """What it reads of the stacks, and what it writes of the report."""
    own = [each for each in delivery.permissions(REVIEW) if each.action not in OF_CODEBUILD]
    assert {each.action for each in own} == {
        "cloudformation:GetTemplate",
        "kms:GenerateDataKey",
        "s3:PutObject",
    }
    passed = []
    for permission in own:
        with permission.taken_away():
            if review(delivery, 2)[0] == 0:
                passed.append(str(permission))
    assert passed == []


def test_production_is_verified_and_then_nothing_changes(delivery: Any) -> None:
    """The next review of the same commit says so."""
    delivery.deploy("prod")
    code, said = verify(delivery, "prod")
    assert code == 0, said
    code, said, exported = review(delivery, 3)
    assert code == 0, said
    assert exported["REVIEW_SUMMARY"].endswith("resources: no change")


def test_the_workflow_of_github_needs_no_more_than_its_two_roles(delivery: Any) -> None:
    """One is enough for the CDK CLI to deploy, the other to verify."""
    settings = delivery.path / "config" / "delivery.yaml"
    # The local AWS has no OIDC providers.
    settings.write_text(settings.read_text().replace("provider_stages: [dev]", "{}"))
    done = delivery.run(
        'cdk deploy --app "python delivery.py" inference-dev-github --require-approval never'
    )
    assert done.returncode == 0, done.stderr
    workflow = yaml.safe_load((ROOT / ".github/workflows/deploy-stage.yml").read_text())
    scripts = {step.get("name"): step.get("run") for step in workflow["jobs"]["deploy"]["steps"]}
    for name in ("Deploy", "Verify"):
        role = f"inference-dev-github-{name.lower()}"
        delivery.open(role)
        done = delivery.run(scripts[name], under=role, STAGE="dev", GITHUB_SHA="5e1d0c8")
        assert done.returncode == 0, done.stdout + done.stderr
    assert "as expected" in done.stdout


def test_a_change_that_would_fail_stops_before_the_approval(delivery: Any) -> None:
    """With guardrails, SageMaker refuses an update that names a variant otherwise."""
    settings = delivery.path / "config" / "prod.yaml"
    settings.write_text(settings.read_text().replace("AllTraffic:", "Renamed:"))
    delivery.synth()
    code, said, exported = review(delivery, 4)
    assert code == 1, said
    assert "GuardrailVariantNames" in said
    assert exported == {}


def test_a_model_that_answers_otherwise_fails_the_verification(delivery: Any) -> None:
    """Though the endpoint is healthy."""
    golden = delivery.path / "config" / "golden.json"
    golden.write_text(golden.read_text().replace("0.9994727", "0.1"))
    code, said = verify(delivery, "prod")
    assert code == 1, said
    assert "number 1 is 0.999473, expected 0.1" in said
