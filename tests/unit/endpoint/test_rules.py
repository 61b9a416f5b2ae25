"""The rules run in a synth, like cdk-nag's; each rule's own tests stand in `tests/unit/review`."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Acknowledgment, App, CfnResource, Environment, Stack, Validations

from inference_constructs.rules import RULES, InferenceChecks

ROLE = "arn:aws:iam::123456789012:role/r"


def synthesized(
    outdir: Path, *, properties: dict[str, Any], acknowledged: str | None = None
) -> dict[str, Any]:
    """What the plugin reports of one model."""
    app = App(analytics_reporting=False, tree_metadata=False, outdir=str(outdir))
    Validations.of(app).add_plugins(InferenceChecks())
    stack = Stack(app, "S", env=Environment(region="us-east-1"))
    model = CfnResource(stack, "M", type="AWS::SageMaker::Model", properties=properties)
    if acknowledged is not None:
        Validations.of(model).acknowledge(
            Acknowledgment(id=f"InferenceChecks::{acknowledged}", reason="a test")
        )
    app.synth()
    path = outdir / "validation-report.json"
    report = json.loads(path.read_text()) if path.exists() else {"pluginReports": []}
    plugins = [p for p in report["pluginReports"] if p["pluginName"] == "InferenceChecks"]
    return plugins[0] if plugins else {}


def test_a_finding_fails_the_synth(tmp_path: Path) -> None:
    """A warning has to be mended or acknowledged, as everything that cdk-nag finds."""
    with pytest.raises(RuntimeError, match="cut off from every network"):
        synthesized(tmp_path, properties={"ExecutionRoleArn": ROLE})


def test_a_finding_is_acknowledged_at_its_resource(tmp_path: Path) -> None:
    """With a reason, which the report keeps."""
    properties = {"ExecutionRoleArn": ROLE}
    report = synthesized(tmp_path, properties=properties, acknowledged="ModelNetworkIsolation")
    assert report["conclusion"] == "success"
    (kept,) = report["suppressedViolations"]
    assert (kept["ruleName"], kept["reason"]) == ("ModelNetworkIsolation", "a test")


def test_a_healthy_template_passes(tmp_path: Path) -> None:
    """All rules look at it, none finds anything, and CDK writes no report then."""
    properties = {"ExecutionRoleArn": ROLE, "EnableNetworkIsolation": True}
    assert synthesized(tmp_path, properties=properties) == {}


def test_notes_are_left_to_a_review() -> None:
    """What is only worth a thought does not stop a synth."""
    notes = {rule.name for rule in RULES if rule.severity == "note"}
    assert notes
    assert not notes & set(InferenceChecks().rule_ids)
