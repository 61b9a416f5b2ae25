"""The rules of this library for templates, in pairs: compliant and not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Acknowledgment, App, CfnResource, Environment, Stack, Validations

from inference_constructs.rules import RULES, InferenceChecks, Rule

BY_NAME = {rule.name: rule for rule in RULES}
Judge = Callable[[str, dict[str, Any]], list[str]]


def judge(rule: str, properties: dict[str, Any]) -> list[str]:
    """The wrong properties of one resource."""
    return list(BY_NAME[rule].check(properties))


def alarm(metric: str, threshold: float, **more: Any) -> dict[str, Any]:
    """The properties of an alarm on an endpoint."""
    return {
        "Namespace": "AWS/SageMaker",
        "MetricName": metric,
        "Threshold": threshold,
        "Statistic": "Average",
        **more,
    }


COMPLIANT = [
    ("ModelNetworkIsolation", {"EnableNetworkIsolation": True}),
    ("RoleFullAccess", {}),
    ("RoleFullAccess", {"ManagedPolicyArns": [{"Ref": "Policy"}]}),
    (
        "RoleFullAccess",
        {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/AmazonSageMakerReadOnly"]},
    ),
    ("AlarmUnits", alarm("ModelLatency", 500_000)),
    ("AlarmUnits", alarm("Invocation5XXErrors", 0.01)),
    ("AlarmUnits", alarm("Invocation5XXErrors", 5, Statistic="Sum")),
    ("AlarmUnits", alarm("CPUUtilization", 85, Namespace="/aws/sagemaker/Endpoints")),
    ("AlarmUnits", alarm("Latency", 1, Namespace="AWS/ApiGateway")),
]

NON_COMPLIANT = [
    ("ModelNetworkIsolation", {}, ["EnableNetworkIsolation"]),
    ("ModelNetworkIsolation", {"EnableNetworkIsolation": False}, ["EnableNetworkIsolation"]),
    (
        "RoleFullAccess",
        {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"]},
        ["ManagedPolicyArns/0"],
    ),
    (
        "RoleFullAccess",
        {
            "ManagedPolicyArns": [
                {"Ref": "Policy"},
                {
                    "Fn::Join": [
                        "",
                        ["arn:", {"Ref": "AWS::Partition"}, ":iam::aws:policy/AmazonS3FullAccess"],
                    ]
                },
            ]
        },
        ["ManagedPolicyArns/1"],
    ),
    ("AlarmUnits", alarm("ModelLatency", 500), ["Threshold"]),
    ("AlarmUnits", alarm("OverheadLatency", 0.25), ["Threshold"]),
    ("AlarmUnits", alarm("Invocation5XXErrors", 0.01, Statistic="Sum"), ["Statistic"]),
    ("AlarmUnits", alarm("CPUUtilization", 85), ["Namespace"]),
    (
        "AlarmUnits",
        alarm("ModelLatency", 500_000, Namespace="/aws/sagemaker/Endpoints"),
        ["Namespace"],
    ),
]


@pytest.mark.parametrize(("rule", "properties"), COMPLIANT)
def test_a_compliant_resource_has_no_finding(rule: str, properties: dict[str, Any]) -> None:
    """A rule that cries wolf is soon switched off."""
    assert judge(rule, properties) == []


@pytest.mark.parametrize(("rule", "properties", "wrong"), NON_COMPLIANT)
def test_a_non_compliant_resource_is_found_at_its_property(
    rule: str, properties: dict[str, Any], wrong: list[str]
) -> None:
    """The report points at what to change."""
    assert judge(rule, properties) == wrong


def test_every_rule_has_a_pair() -> None:
    """A rule without a test on both sides is not known to work."""
    assert {rule for rule, _ in COMPLIANT} == set(BY_NAME)
    assert {rule for rule, _, _ in NON_COMPLIANT} == set(BY_NAME)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_says_what_is_expected_and_what_to_change(rule: Rule) -> None:
    """Its text is all that whoever meets it gets."""
    assert len(rule.description) > 40
    assert len(rule.fix) > 20


@pytest.mark.parametrize("acknowledged", [False, True])
def test_a_finding_fails_the_synth_unless_it_is_acknowledged_at_its_resource(
    tmp_path: Path, acknowledged: bool
) -> None:
    """The rules run like cdk-nag's."""
    app = App(analytics_reporting=False, tree_metadata=False, outdir=str(tmp_path))
    Validations.of(app).add_plugins(InferenceChecks())
    stack = Stack(app, "S", env=Environment(region="us-east-1"))
    role = "arn:aws:iam::123456789012:role/r"
    model = CfnResource(
        stack, "M", type="AWS::SageMaker::Model", properties={"ExecutionRoleArn": role}
    )
    if acknowledged:
        Validations.of(model).acknowledge(
            Acknowledgment(id="InferenceChecks::ModelNetworkIsolation", reason="a test")
        )
        app.synth()
    else:
        with pytest.raises(RuntimeError, match="cut off from every network"):
            app.synth()
    report = json.loads((tmp_path / "validation-report.json").read_text())
    (plugin,) = [p for p in report["pluginReports"] if p["pluginName"] == "InferenceChecks"]
    assert plugin["conclusion"] == ("success" if acknowledged else "failure")
