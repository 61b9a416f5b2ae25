"""No finding of any rule pack stands without its row in `docs/security.md`."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Stage

from stacks.inference_stack import InferenceStack
from stacks.section import ROOT

Row = tuple[str, str]

MOST_RULES = 8
NEVER = {"IAMNoInlinePolicy", "CloudWatchLogGroupEncrypted", "CloudWatchAlarmAction"}


def read_report(assembly: Path) -> list[dict[str, Any]]:
    """What each rule pack said."""
    report = json.loads((assembly / "validation-report.json").read_text())
    plugins: list[dict[str, Any]] = report["pluginReports"]
    return plugins


def acknowledged(assembly: Path) -> set[Row]:
    """What was acknowledged and met a finding: rule and resource, for any stage."""
    return {
        (rule_of(finding["acknowledgedId"]), any_stage(finding["acknowledgedAt"]))
        for plugin in read_report(assembly)
        for finding in plugin.get("suppressedViolations", [])
    }


def declared(assembly: Path) -> set[Row]:
    """The acknowledgements in the stacks of an assembly, by place and finding."""
    return {
        (path.lstrip("/"), finding)
        for file in assembly.glob("*.metadata.json")
        for path, entries in json.loads(file.read_text()).items()
        for entry in entries
        if entry["type"] == "aws:cdk:acknowledged-rules"
        for finding in entry["data"]
        # The CDK itself acknowledges warnings of its annotations.
        if not finding.startswith("Annotation::")
    }


def met(assembly: Path) -> set[Row]:
    """The acknowledgements that met a finding, by place and finding."""
    return {
        (finding["acknowledgedAt"], finding["acknowledgedId"])
        for plugin in read_report(assembly)
        for finding in plugin.get("suppressedViolations", [])
    }


def rule_of(qualified: str) -> str:
    """A rule's id without its pack and its finding."""
    return re.sub(r"\[.*\]$", "", qualified.partition("::")[2])


def any_stage(path: str) -> str:
    """A construct's path with a `*` for the stage."""
    return re.sub(r"^inference-[a-z]+-", "inference-*-", path)


def table(heading: str) -> set[Row]:
    """Rule and resource of each row of a table in `docs/security.md`."""
    text = (ROOT / "docs" / "security.md").read_text()
    lines = text.partition(heading)[2].partition("|---")[2].splitlines()[1:]
    rows = set()
    for line in lines:
        if not line.startswith("|"):
            break
        rule, resources = (cell.strip() for cell in line.strip("|").split("|")[:2])
        rows |= {(rule, resource) for resource in re.findall(r"`([^`]+)`", resources)}
    return rows


def test_no_rule_pack_has_a_finding_that_is_not_acknowledged(assembly: Path) -> None:
    """AwsSolutions, NIST 800-53 R5, the CDK's validator and our own rules."""
    findings = [
        (finding["ruleName"], [c["constructPath"] for c in finding["violatingConstructs"]])
        for plugin in read_report(assembly)
        for finding in plugin["violations"]
    ]
    assert findings == []


def test_the_table_has_every_acknowledgement_and_no_other(assembly: Path) -> None:
    """A row without a finding is a promise about nothing."""
    assert table("## Acknowledged findings") == acknowledged(assembly)


def test_every_acknowledgement_meets_a_finding(assembly: Path) -> None:
    """One that meets nothing would hide the next real finding."""
    assert declared(assembly) == met(assembly)


def test_at_most_eight_rules_are_acknowledged_and_none_of_the_grave_ones(
    assembly: Path,
) -> None:
    """Inline policies, unencrypted logs and silent alarms are mended, never explained."""
    rules = {rule for rule, _ in acknowledged(assembly)}
    rules |= {rule for rule, _ in table("Two more are acknowledged")}
    rules |= {rule for rule, _ in table("The delivery, where you deploy it")}
    assert len(rules) <= MOST_RULES
    assert not {rule for rule in rules if any(rule.endswith(name) for name in NEVER)}


def test_every_acknowledgement_is_at_a_resource(assembly: Path) -> None:
    """At an app or a stack it would cover what comes later."""
    for _, path in acknowledged(assembly):
        assert path.count("/") >= 2


def test_the_reason_for_each_is_a_sentence(assembly: Path) -> None:
    """Not just a word to silence the rule."""
    for plugin in read_report(assembly):
        for finding in plugin.get("suppressedViolations", []):
            assert len(finding["reason"].split()) >= 8


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        (
            {"endpoint": {"variants": {"AllTraffic": {"instance_type": "ml.g4dn.xlarge"}}}},
            (
                "NIST.800.53.R5-SageMakerEndpointConfigurationKMSKeyConfigured",
                "inference-*-realtime/Endpoint/Config",
            ),
        ),
        (
            {"model": {"directory": "build/model", "network_isolation": False}},
            ("ModelNetworkIsolation", "inference-*-realtime/Model"),
        ),
    ],
)
def test_what_settings_ask_for_is_acknowledged_and_stands_in_the_second_table(
    make_stack: Callable[..., InferenceStack], changes: dict[str, Any], row: Row
) -> None:
    """A choice in the settings must not end in a synth that fails."""
    stage = Stage.of(make_stack(**changes))
    assert stage is not None
    stage.synth()
    assembly = Path(stage.outdir)
    assert [p for p in read_report(assembly) if p["violations"]] == []
    assert row in acknowledged(assembly)
    assert row in table("Two more are acknowledged")
