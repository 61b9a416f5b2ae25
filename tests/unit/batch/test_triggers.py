"""Runs by the clock and by what comes, and the alarms on runs."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from aws_cdk import Duration, Stack, TimeZone
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Match, Template

from inference_constructs import (
    BatchAlarms,
    BatchArrivals,
    BatchSchedule,
    BatchTransformWorkflow,
    EncryptionKey,
    Notifications,
    S3Prefix,
)
from inference_constructs.functions.batch_steps.arrival import handler

MakeWorkflow = Callable[..., BatchTransformWorkflow]
DAILY = {"input": "s3://data/input/daily/"}


def test_a_schedule_starts_the_workflow_by_the_clock_of_a_time_zone(
    make_workflow: MakeWorkflow,
) -> None:
    """As a role that may start this workflow only."""
    workflow = make_workflow()
    stack = Stack.of(workflow)
    BatchSchedule(
        stack,
        "Daily",
        workflow=workflow,
        request=DAILY,
        expression="cron(0 6 * * ? *)",
        time_zone=TimeZone.EUROPE_ZURICH,
    )
    template = Template.from_stack(stack)
    template.has_resource_properties(
        "AWS::Scheduler::Schedule",
        {
            "ScheduleExpression": "cron(0 6 * * ? *)",
            "ScheduleExpressionTimezone": "Europe/Zurich",
            "Target": Match.object_like(
                {
                    "Arn": {"Ref": Match.string_like_regexp("StateMachine")},
                    "Input": json.dumps(DAILY),
                }
            ),
        },
    )
    [policy] = [
        one["Properties"]["PolicyDocument"]["Statement"]
        for name, one in template.find_resources("AWS::IAM::ManagedPolicy").items()
        if name.startswith("DailyRole")
    ]
    assert [statement["Action"] for statement in policy] == [
        "states:StartExecution",
        ["kms:Decrypt", "kms:GenerateDataKey"],
    ]


@pytest.mark.parametrize(
    ("request_", "expression", "reason"),
    [
        ({}, "rate(1 day)", "either input or rerun"),
        ({**DAILY, "split": "Word"}, "rate(1 day)", "split, got 'Word'"),
        (DAILY, "every day", r"such as cron\(0 6 \* \* \? \*\) or rate\(1 day\), got 'every day'"),
    ],
)
def test_a_schedule_of_a_request_that_would_be_refused_is_refused(
    make_workflow: MakeWorkflow, request_: dict[str, Any], expression: str, reason: str
) -> None:
    """Before it fails every morning."""
    workflow = make_workflow()
    with pytest.raises(ValueError, match=reason):
        BatchSchedule(
            Stack.of(workflow), "Daily", workflow=workflow, request=request_, expression=expression
        )


def test_arrivals_are_of_a_place_that_the_workflow_reads(make_workflow: MakeWorkflow) -> None:
    """And the quiet has a length."""
    workflow = make_workflow()
    stack = Stack.of(workflow)
    [place] = workflow.inputs
    key = EncryptionKey(stack, "Key")
    below = S3Prefix(bucket=place.bucket, prefix="input/daily/")
    BatchArrivals(stack, "Good", workflow=workflow, place=below, encryption=key)
    elsewhere = S3Prefix(bucket=s3.Bucket(stack, "Other"), prefix="input/")
    for name, other, quiet, reason in (
        ("Elsewhere", elsewhere, 60, "within the workflow's inputs"),
        ("Short", place, 0, "from a second to a day, not 0 s"),
        ("Long", place, 86_401, "from a second to a day, not 86401 s"),
    ):
        with pytest.raises(ValueError, match=reason):
            BatchArrivals(
                stack,
                name,
                workflow=workflow,
                place=other,
                encryption=key,
                quiet=Duration.seconds(quiet),
            )
    template = Template.from_stack(stack)
    template.has_resource_properties(
        "AWS::Events::Rule",
        {
            "EventPattern": {
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {
                    "bucket": {"name": [{"Ref": Match.string_like_regexp("^DataBucket")}]},
                    "object": {"key": [{"prefix": "input/daily/"}]},
                },
            }
        },
    )


@pytest.fixture
def came(s3: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[dict[str, Any]]]:
    """Lets an object come; the schedules that there are then."""
    scheduler = boto3.client("scheduler")
    scheduler.create_schedule_group(Name="arrivals")
    for name, value in {
        "GROUP": "arrivals",
        "MACHINE": "arn:aws:states:us-east-1:123456789012:stateMachine:m",
        "QUIET_SECONDS": "300",
        "ROLE": "arn:aws:iam::123456789012:role/starter",
    }.items():
        monkeypatch.setenv(name, value)

    def come(key: str) -> list[dict[str, Any]]:
        handler({"detail": {"bucket": {"name": "data"}, "object": {"key": key}}}, None)
        listed = scheduler.list_schedules(GroupName="arrivals")["Schedules"]
        return [
            scheduler.get_schedule(GroupName="arrivals", Name=found["Name"]) for found in listed
        ]

    return come


def test_each_object_puts_the_start_of_its_folder_off(
    came: Callable[[str], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One start for a folder, a while after the last."""
    [first] = came("input/may/a.csv")
    assert first["Target"]["Input"] == json.dumps({"input": "s3://data/input/may/"})
    assert first["ActionAfterCompletion"] == "DELETE"
    at = datetime.strptime(first["ScheduleExpression"], "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC)
    assert timedelta(seconds=240) < at - datetime.now(UTC) <= timedelta(seconds=300)
    monkeypatch.setenv("QUIET_SECONDS", "600")
    [second] = came("input/may/b.csv")
    assert (second["State"], second["ActionAfterCompletion"]) == ("ENABLED", "DELETE")
    assert second["Name"] == first["Name"]
    assert second["ScheduleExpression"] > first["ScheduleExpression"]
    assert len(came("input/june/a.csv")) == 2


def test_a_bucket_tells_eventbridge_only_where_it_is_asked_to(make_workflow: MakeWorkflow) -> None:
    """By a property of its own, without a function that may change all buckets."""
    template = Template.from_stack(Stack.of(make_workflow()))
    assert "EventBridgeConfiguration" not in json.dumps(template.to_json())


def test_long_runs_and_days_without_one_raise_alarms_where_they_are_asked_for(
    make_workflow: MakeWorkflow,
) -> None:
    """A run that there was not says nothing: missing data are the alarm."""
    workflow = make_workflow()
    stack = Stack.of(workflow)
    before = len(Template.from_stack(stack).find_resources("AWS::CloudWatch::Alarm"))
    workflow = make_workflow()
    stack = Stack.of(workflow)
    topic = Notifications(stack, "More", encryption=EncryptionKey(stack, "MoreKey"))
    BatchAlarms(
        stack,
        "MoreAlarms",
        workflow=workflow,
        notifications=topic,
        longest=Duration.hours(2),
        expected_daily=True,
    )
    template = Template.from_stack(stack)
    assert len(template.find_resources("AWS::CloudWatch::Alarm")) == 2 * before + 2
    own = {"Namespace": "Inference/Batch", "Dimensions": [{"Name": "Workflow", "Value": "churn"}]}
    template.has_resource_properties(
        "AWS::CloudWatch::Alarm",
        {
            **own,
            "MetricName": "Duration",
            "Statistic": "Maximum",
            "Threshold": 7200,
            "TreatMissingData": "notBreaching",
        },
    )
    template.has_resource_properties(
        "AWS::CloudWatch::Alarm",
        {
            **own,
            "MetricName": "SucceededRuns",
            "Period": 86_400,
            "Threshold": 1,
            "ComparisonOperator": "LessThanThreshold",
            "TreatMissingData": "breaching",
        },
    )
