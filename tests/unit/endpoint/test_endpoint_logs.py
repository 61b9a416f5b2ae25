"""The endpoint's log group: a resource that goes, one that stays, or one that is taken over."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_logs as logs
from aws_cdk.assertions import Match, Template

from inference_constructs import (
    EncryptionKey,
    EndpointLogs,
    InferenceModel,
    ModelArtifact,
    ProductionVariant,
    RealtimeEndpoint,
)
from stacks.application import new_app

NAME = "/aws/sagemaker/Endpoints/shop"
MOST_RULES = 8

Make = Callable[..., RealtimeEndpoint]


@pytest.fixture
def make(stack: Stack, model: InferenceModel) -> Make:
    """Makes an endpoint with these logs."""

    def endpoint(**options: Any) -> RealtimeEndpoint:
        return RealtimeEndpoint(
            stack,
            "Endpoint",
            endpoint_name="shop",
            variants=[ProductionVariant(model=model, instance_type="ml.m5.large")],
            **{"endpoint_logs": EndpointLogs(removal_policy=RemovalPolicy.RETAIN), **options},
        )

    return endpoint


def groups(stack: Stack) -> list[dict[str, Any]]:
    """The log groups of the endpoint's name that are CloudFormation's own."""
    named = {"Properties": {"LogGroupName": NAME}}
    found = Template.from_stack(stack).find_resources("AWS::Logs::LogGroup", named)
    return list(found.values())


def policy_of(template: Template, word: str) -> list[dict[str, Any]]:
    """The statements of the one policy whose description has a word."""
    [found] = template.find_resources(
        "AWS::IAM::ManagedPolicy",
        {"Properties": {"Description": Match.string_like_regexp(word)}},
    ).values()
    statements: list[dict[str, Any]] = found["Properties"]["PolicyDocument"]["Statement"]
    return statements


def test_a_group_that_goes_says_so(make: Make, stack: Stack) -> None:
    """By this tag the function that keeps groups knows what it must not take over."""
    make(endpoint_logs=EndpointLogs())
    [group] = groups(stack)
    assert group["DeletionPolicy"] == "Delete"
    tag = {"Key": "inference:deleted-with", "Value": {"Ref": "AWS::StackId"}}
    assert tag in group["Properties"]["Tags"]
    Template.from_stack(stack).resource_count_is("Custom::RetainedLogGroup", 0)


def test_a_resource_that_stays_is_the_step_in_between(make: Make, stack: Stack) -> None:
    """CloudFormation leaves it alone when the next template has it no more."""
    policy = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
    make(endpoint_logs=EndpointLogs(removal_policy=policy))
    [group] = groups(stack)
    assert group["DeletionPolicy"] == "RetainExceptOnCreate"
    assert "Tags" not in group["Properties"]


def test_a_group_that_is_kept_is_no_resource_of_the_stack(make: Make, stack: Stack) -> None:
    """Else the next stack of this name could not be created."""
    make(
        endpoint_logs=EndpointLogs(
            retention=logs.RetentionDays.ONE_WEEK, removal_policy=RemovalPolicy.RETAIN
        )
    )
    assert groups(stack) == []
    template = Template.from_stack(stack)
    [(kept_id, kept)] = template.find_resources("Custom::RetainedLogGroup").items()
    assert kept["DeletionPolicy"] == kept["UpdateReplacePolicy"] == "Retain"
    assert kept["Properties"]["LogGroupName"] == NAME
    assert kept["Properties"]["RetentionInDays"] == 7
    assert "Fn::GetAtt" in kept["Properties"]["KmsKeyId"]
    [endpoint] = template.find_resources("AWS::SageMaker::Endpoint").values()
    assert kept_id in endpoint["DependsOn"]
    [policy_id] = template.find_resources(
        "AWS::IAM::ManagedPolicy",
        {"Properties": {"Description": "Keeps the log groups of shop-dev-realtime/Endpoint."}},
    )
    assert policy_id in kept["DependsOn"]


def test_the_containers_write_into_the_kept_group_and_make_none(make: Make, stack: Stack) -> None:
    """As with a group of CloudFormation's."""
    make()
    template = Template.from_stack(stack)
    [kept_id] = template.find_resources("Custom::RetainedLogGroup")
    statements = policy_of(template, "Runs the containers")
    [statement] = [s for s in statements if "logs:PutLogEvents" in s["Action"]]
    assert sorted(statement["Action"]) == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert statement["Resource"] == {"Fn::GetAtt": [kept_id, "Arn"]}
    assert "logs:CreateLogGroup" not in json.dumps(statements)


def test_the_keeper_changes_this_one_group_and_deletes_nothing(make: Make, stack: Stack) -> None:
    """Tags are asked for by the ARN without an asterisk, everything else by the one with it."""
    make()
    template = Template.from_stack(stack)
    own, changes, asks = policy_of(template, "Keeps the log groups")
    assert sorted(own["Action"]) == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert sorted(changes["Action"]) == [
        "logs:AssociateKmsKey",
        "logs:CreateLogGroup",
        "logs:DeleteRetentionPolicy",
        "logs:PutRetentionPolicy",
    ]
    assert asks["Action"] == "logs:ListTagsForResource"
    [*_, changed], [*_, asked] = (s["Resource"]["Fn::Join"][1] for s in (changes, asks))
    assert changed.endswith(f":log-group:{NAME}:*")
    assert asked.endswith(f":log-group:{NAME}")


def test_metric_filters_go_on_a_kept_group_too(make: Make, stack: Stack) -> None:
    """The group is public, and what refers to it waits for it."""
    logs.MetricFilter(
        stack,
        "Slow",
        log_group=make().log_group,
        filter_pattern=logs.FilterPattern.literal("slow"),
        metric_namespace="Shop",
        metric_name="Slow",
    )
    template = Template.from_stack(stack)
    [kept_id] = template.find_resources("Custom::RetainedLogGroup")
    template.has_resource_properties("AWS::Logs::MetricFilter", {"LogGroupName": {"Ref": kept_id}})


def test_a_retention_has_as_many_days_as_with_the_cdk(stack: Stack) -> None:
    """Which writes none for those that are kept for good."""
    for retention in logs.RetentionDays:
        logs.LogGroup(stack, retention.name, retention=retention)
    found = Template.from_stack(stack).find_resources("AWS::Logs::LogGroup")
    for logical_id, group in found.items():
        # An id ends in eight characters of a hash.
        [retention] = [r for r in logs.RetentionDays if r.name.replace("_", "") == logical_id[:-8]]
        days = group.get("Properties", {}).get("RetentionInDays")
        assert EndpointLogs(retention=retention).retention_days == days
    assert len(found) == len(logs.RetentionDays)


@pytest.mark.parametrize("policy", [RemovalPolicy.RETAIN, RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE])
def test_logs_do_not_outlive_their_key(make: Make, stack: Stack, policy: RemovalPolicy) -> None:
    """Nobody could read them any more."""
    key = EncryptionKey(stack, "Encryption", removal_policy=RemovalPolicy.DESTROY)
    with pytest.raises(ValueError, match=r"give the EncryptionKey RemovalPolicy.RETAIN \(https://"):
        make(endpoint_logs=EndpointLogs(removal_policy=policy), encryption=key)


@pytest.mark.parametrize("policy", [RemovalPolicy.DESTROY, RemovalPolicy.RETAIN])
def test_logs_under_a_key_that_stays_may_stay_or_go(
    make: Make, stack: Stack, policy: RemovalPolicy
) -> None:
    """The other one of the pair."""
    key = EncryptionKey(stack, "Encryption", removal_policy=RemovalPolicy.RETAIN)
    make(endpoint_logs=EndpointLogs(removal_policy=policy), encryption=key)


def test_a_snapshot_of_logs_is_refused() -> None:
    """There is no such thing."""
    with pytest.raises(ValueError, match="no snapshots of log groups: use RETAIN"):
        EndpointLogs(removal_policy=RemovalPolicy.SNAPSHOT)


def test_every_rule_pack_passes_with_a_kept_group(artifact: ModelArtifact, tmp_path: Path) -> None:
    """AwsSolutions, NIST 800-53 R5, the CDK's strict validator and the rules of this library."""
    app = new_app(tmp_path, {"@aws-cdk/core:failSynthOnValidationErrors": False})
    stack = Stack(app, "shop")
    RealtimeEndpoint(
        stack,
        "Endpoint",
        variants=[
            ProductionVariant(
                model=InferenceModel(stack, "Model", artifact=artifact),
                instance_type="ml.m5.large",
                initial_instance_count=2,
            )
        ],
        endpoint_logs=EndpointLogs(removal_policy=RemovalPolicy.RETAIN),
    )
    app.synth()
    report = json.loads((tmp_path / "validation-report.json").read_text())["pluginReports"]
    assert [finding for plugin in report for finding in plugin["violations"]] == []
    acknowledged = {
        finding["acknowledgedId"].partition("[")[0]
        for plugin in report
        for finding in plugin.get("suppressedViolations", [])
    }
    assert acknowledged
    assert len(acknowledged) <= MOST_RULES
