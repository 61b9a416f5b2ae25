"""CloudFormation hands a function texts, the API takes numbers and truth values."""

from datetime import UTC, datetime

import boto3
import pytest

from inference_constructs.functions.scaling.typed import arguments, same


@pytest.fixture(scope="module")
def scaling() -> object:
    """A client that is never used: it brings the API's own model along."""
    return boto3.client("application-autoscaling", region_name="us-east-1")


def test_texts_become_what_the_api_takes(scaling: object) -> None:
    """What the operation does not know stays out."""
    given = {
        "ResourceId": "endpoint/shop/variant/A",
        "MinCapacity": "1",
        "MaxCapacity": "4",
        "SuspendedState": {
            "DynamicScalingInSuspended": "true",
            "ScheduledScalingSuspended": "false",
        },
        "InstanceType": "ml.m5.large",
        "ScalingPolicies": [],
    }
    assert arguments(scaling, "RegisterScalableTarget", given) == {
        "ResourceId": "endpoint/shop/variant/A",
        "MinCapacity": 1,
        "MaxCapacity": 4,
        "SuspendedState": {"DynamicScalingInSuspended": True, "ScheduledScalingSuspended": False},
    }


def test_fractions_lists_and_moments_are_read(scaling: object) -> None:
    """At any depth."""
    steps = [{"MetricIntervalLowerBound": "0.5", "ScalingAdjustment": "-1"}]
    policy = arguments(
        scaling,
        "PutScalingPolicy",
        {"StepScalingPolicyConfiguration": {"Cooldown": "60", "StepAdjustments": steps}},
    )
    assert policy["StepScalingPolicyConfiguration"] == {
        "Cooldown": 60,
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.5, "ScalingAdjustment": -1}],
    }
    action = arguments(scaling, "PutScheduledAction", {"StartTime": "2026-12-01T06:00:00+00:00"})
    assert action == {"StartTime": datetime(2026, 12, 1, 6, tzinfo=UTC)}


def test_what_is_wanted_is_compared_with_what_is_there() -> None:
    """The service adds to what it was given; empty members say nothing."""
    wanted = {"MinCapacity": 1, "SuspendedState": {"DynamicScalingInSuspended": False}}
    found = {**wanted, "CreationTime": datetime(2026, 1, 1, tzinfo=UTC), "RoleARN": "arn"}
    assert same(wanted, found)
    assert not same({**wanted, "MinCapacity": 2}, found)
    assert same({"A": {"Dimensions": []}}, {"A": {}})


def test_of_a_schedule_nothing_else_may_be_there() -> None:
    """A time zone that the code has dropped would stay when the schedule is put again."""
    wanted = {"ScheduledActionName": "morning", "Schedule": "rate(1 hour)"}
    found = {
        **wanted,
        "ScheduledActionARN": "arn",
        "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
    }
    assert same(wanted, found, whole=True)
    assert not same(wanted, {**found, "Timezone": "Asia/Tokyo"}, whole=True)
