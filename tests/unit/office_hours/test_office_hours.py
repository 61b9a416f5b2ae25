"""What office hours add to a stack, and what they say it saves."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import time
from typing import Any

import pytest
from aws_cdk import App, Duration, Environment, Stack, Tags, TimeZone
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk.assertions import Match, Template

from inference_constructs import (
    BusinessHours,
    FleetShare,
    GoldenRequest,
    InferenceModel,
    Reopening,
    Rollout,
    Scaling,
    TargetTracking,
)

TRACKING = [TargetTracking.invocations_per_instance(600)]


def schedules(template: Template) -> dict[str, Any]:
    """Cron expressions by what they start."""
    return {
        json.loads(found["Properties"]["Target"]["Input"])["action"]: found["Properties"]
        for found in template.find_resources("AWS::Scheduler::Schedule").values()
    }


def test_schedules_open_ahead_of_the_hours_and_close_after_them(template: Template) -> None:
    """In the time zone of the hours; a closing that could not be started is not made up for."""
    found = schedules(template)
    assert found["open"]["ScheduleExpression"] == "cron(45 6 ? * MON,TUE,WED,THU,FRI *)"
    assert found["close"]["ScheduleExpression"] == "cron(0 19 ? * MON,TUE,WED,THU,FRI *)"
    for properties in found.values():
        assert properties["ScheduleExpressionTimezone"] == "Europe/Zurich"
        assert properties["FlexibleTimeWindow"] == {"Mode": "OFF"}
        assert properties["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"] == 3600


def depends(template: Template, kind: str, on: str) -> bool:
    """Whether each resource of a kind waits for the one whose id has a word."""
    found = template.find_resources(kind).values()
    return bool(found) and all(
        any(on in name for name in resource.get("DependsOn", ())) for resource in found
    )


def test_the_gate_comes_before_the_endpoint_and_before_the_rights_of_its_model(
    template: Template,
) -> None:
    """So that the endpoint is opened with the model and the rights that it was closed with."""
    gate = "OfficeHoursWorkflowBefore"
    assert depends(template, "AWS::SageMaker::Endpoint", gate)
    policies = template.find_resources("AWS::IAM::ManagedPolicy")
    (model,) = [found for name, found in policies.items() if name.startswith("ModelRole")]
    assert any(gate in name for name in model["DependsOn"])
    # Deleted first, schedules start nothing that a deletion would have to wait for.
    assert depends(template, "AWS::Scheduler::Schedule", "OfficeHoursWorkflowAfter")
    after = template.find_resources("Custom::OfficeHours", {"Properties": {"Position": "After"}})
    (found,) = after.values()
    assert any(name.startswith("Endpoint") for name in found["DependsOn"])


def digest_of(
    new_office: Callable[..., Any], hours: BusinessHours, change: Callable[[Any, Any], None]
) -> str:
    """What the gate is told about the endpoint."""
    office = new_office()
    endpoint = office.endpoint()
    office.hours(endpoint, hours)
    change(office, endpoint)
    template = Template.from_stack(office.stack)
    (found,) = template.find_resources(
        "Custom::OfficeHours", {"Properties": {"Position": "Before"}}
    ).values()
    digest: str = found["Properties"]["EndpointDigest"]
    return digest


def isolate(model: InferenceModel, isolated: bool) -> None:
    """Change a model in place."""
    (found,) = [c for c in model.node.find_all() if isinstance(c, sagemaker.CfnModel)]
    found.enable_network_isolation = isolated


@pytest.mark.parametrize(
    ("change", "concerned"),
    [
        (lambda office, _: Tags.of(office.stack).add("team", "shop"), True),
        (lambda office, _: office.stack.tags.set_tag("team", "shop"), True),
        (lambda _, endpoint: setattr(endpoint.config, "kms_key_id", None), True),
        (lambda _, endpoint: isolate(endpoint.models[0], False), True),
        (lambda office, _: Tags.of(office.notifications).add("team", "shop"), False),
    ],
)
def test_the_gate_changes_with_the_endpoint_and_with_nothing_else(
    new_office: Callable[..., Any],
    hours: BusinessHours,
    change: Callable[[Any, Any], None],
    concerned: bool,
) -> None:
    """Its tags, its config and its models concern it; the topic does not."""
    before = digest_of(new_office, hours, lambda *_: None)
    assert before == digest_of(new_office, hours, lambda *_: None)
    assert (digest_of(new_office, hours, change) != before) is concerned


def statements(template: Template, role: str) -> list[dict[str, Any]]:
    """What a role may do."""
    policies = template.find_resources("AWS::IAM::ManagedPolicy")
    (found,) = [policy for name, policy in policies.items() if role in name]
    listed: list[dict[str, Any]] = found["Properties"]["PolicyDocument"]["Statement"]
    return listed


def test_only_this_endpoint_can_be_deleted_and_made(template: Template) -> None:
    """From any config, as their names are made up."""
    found = statements(template, "WorkerRole")
    endpoint = [s for s in found if "sagemaker:DeleteEndpoint" in s["Action"]]
    assert len(endpoint) == 1
    assert "endpoint/shop" in json.dumps(endpoint[0]["Resource"])
    assert "sagemaker:InvokeEndpoint" not in json.dumps(found)
    create = [s for s in found if s["Action"] == "sagemaker:CreateEndpoint"]
    assert [json.dumps(s["Resource"]).endswith('endpoint-config/*"]]}') for s in create] == [True]


def test_executions_are_encrypted_logged_and_traced(template: Template) -> None:
    """Under the endpoint's key."""
    template.has_resource_properties(
        "AWS::StepFunctions::StateMachine",
        {
            "EncryptionConfiguration": {"Type": "CUSTOMER_MANAGED_KMS_KEY"},
            "LoggingConfiguration": {"Level": "ALL"},
            "TracingConfiguration": {"Enabled": True},
        },
    )


def test_every_way_to_fail_tells_the_topic(template: Template) -> None:
    """Also a start that EventBridge Scheduler has given up."""
    for metric in (
        "ExecutionsFailed",
        "ExecutionsTimedOut",
        "ExecutionsAborted",
        "InvocationDroppedCount",
    ):
        template.has_resource_properties(
            "AWS::CloudWatch::Alarm",
            {
                "MetricName": metric,
                "TreatMissingData": "notBreaching",
                "AlarmActions": [{"Ref": Match.string_like_regexp("NotificationsTopic")}],
            },
        )


def test_a_golden_request_is_asked_with_the_right_to_ask(office: Any, hours: BusinessHours) -> None:
    """It is a part of the definition, and of the role."""
    golden = GoldenRequest(body="1,2", content_type="text/csv")
    office.hours(office.endpoint(), hours, reopening=Reopening(golden_request=golden))
    template = Template.from_stack(office.stack)
    assert "sagemaker:InvokeEndpoint" in json.dumps(statements(template, "WorkerRole"))
    (machine,) = template.find_resources("AWS::StepFunctions::StateMachine").values()
    assert '\\"Body\\":\\"1,2\\"' in json.dumps(machine["Properties"]["DefinitionString"])


def test_the_saving_is_told_with_the_standing_of_its_price(
    office: Any, hours: BusinessHours
) -> None:
    """60 hours and 5 quarters of one are open: 106.75 of 168 are closed, of 730 in a month."""
    scaling = Scaling(min_capacity=2, max_capacity=4, policies=TRACKING)
    office.hours(office.endpoint({"scaling": scaling}), hours)
    (told,) = office.told()
    assert "closed for 106.75 of 168 hours a week, or 464 hours a month" in told
    # 730 * 106.75 / 168 * 2 * 0.23
    assert "2 x ml.m5.xlarge at 0.23 USD an hour (read on 2026-06-27): 213.37 USD a month" in told


@pytest.mark.parametrize(
    ("region", "instance_type", "expected"),
    [
        ("us-east-1", "ml.g5.xlarge", "the price in us-east-1 is unknown; saving unknown"),
        ("eu-central-1", "ml.m5.xlarge", "the price in eu-central-1 is unknown; saving unknown"),
        (None, "ml.m5.xlarge", "a region that is not known at synth is unknown; saving unknown"),
        ("us-east-1", "ml.c5.large", "(unconfirmed, public tables of 2024 to 2026 that agree)"),
    ],
)
def test_a_price_that_is_not_known_is_not_made_up(
    new_office: Callable[..., Any],
    hours: BusinessHours,
    region: str | None,
    instance_type: str,
    expected: str,
) -> None:
    """And one that is not confirmed is told as such."""
    office = new_office(region)
    office.hours(office.endpoint({"instance_type": instance_type}), hours)
    (told,) = office.told()
    assert expected in told


def applied(template: Template) -> list[dict[str, Any]]:
    """What is scaled."""
    (found,) = template.find_resources("Custom::EndpointScaling").values()
    targets: list[dict[str, Any]] = found["Properties"]["ScalableTargets"]
    return targets


def test_with_some_capacity_left_the_scaling_keeps_less_after_hours(
    office: Any, hours: BusinessHours
) -> None:
    """Nothing is deleted; once they are gone, under load there may be as many as by day."""
    scaling = Scaling(min_capacity=3, max_capacity=6, policies=TRACKING)
    office.hours(office.endpoint({"scaling": scaling}), hours, closed_capacity=1)
    template = Template.from_stack(office.stack)
    template.resource_count_is("AWS::StepFunctions::StateMachine", 0)
    (target,) = applied(template)
    actions = {
        action["ScheduledActionName"]: (action["Schedule"], action["ScalableTargetAction"])
        for action in target["ScheduledActions"]
    }
    assert actions == {
        "OfficeHoursOpening": (
            "cron(45 6 ? * MON,TUE,WED,THU,FRI *)",
            {"MinCapacity": 3, "MaxCapacity": 6},
        ),
        # Without a request no policy would take an instance away.
        "OfficeHoursClosing": (
            "cron(0 19 ? * MON,TUE,WED,THU,FRI *)",
            {"MinCapacity": 1, "MaxCapacity": 1},
        ),
        "OfficeHoursFreed": (
            "cron(15 19 ? * MON,TUE,WED,THU,FRI *)",
            {"MinCapacity": 1, "MaxCapacity": 6},
        ),
    }
    (told,) = office.told()
    assert "2 x ml.m5.xlarge" in told


def canary() -> Rollout:
    """A rollout that needs two instances."""
    return Rollout.canary(size=FleetShare.percent(50), bake=Duration.minutes(10))


@pytest.mark.parametrize(
    ("variant", "endpoint", "given", "message"),
    [
        ({}, {}, {"closed_capacity": 1}, "nothing is scaled"),
        ({}, {}, {"closed_capacity": -1}, "closed_capacity must be 0 or greater"),
        (
            {"scaling": Scaling(min_capacity=1, max_capacity=2, policies=TRACKING)},
            {},
            {"closed_capacity": 1},
            "less than the minimum of endpoint/shop/variant/AllTraffic, which is 1, not 1",
        ),
        (
            {"scaling": Scaling(min_capacity=2, max_capacity=4, policies=TRACKING)},
            {"rollout": canary()},
            {"closed_capacity": 1},
            "set the minimum to 2",
        ),
        (
            {},
            {},
            {"reopening": Reopening(lead=Duration.hours(12))},
            "lead must be less than the 11 hours",
        ),
    ],
)
def test_what_cannot_be_closed_so_is_refused(
    office: Any,
    variant: dict[str, Any],
    endpoint: dict[str, Any],
    given: dict[str, Any],
    message: str,
) -> None:
    """With what to change."""
    hours = BusinessHours(opens=time(7), closes=time(20), time_zone=TimeZone.EUROPE_ZURICH)
    with pytest.raises(ValueError, match=message):
        office.hours(office.endpoint(variant, **endpoint), hours, **given)


def test_an_endpoint_of_another_stack_is_refused(office: Any, hours: BusinessHours) -> None:
    """What opens it before a deployment has to be in the same deployment."""
    endpoint = office.endpoint()
    app = office.stack.node.root
    assert isinstance(app, App)
    other = Stack(app, "other", env=Environment(region="us-east-1"))
    object.__setattr__(office, "stack", other)
    with pytest.raises(ValueError, match="must be in the same stack"):
        office.hours(endpoint, hours)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lead": Duration.hours(13)}, "lead must be 0 to 43200 whole seconds"),
        (
            {"give_up_after": Duration.minutes(1)},
            "give_up_after must be 600 to 43200 whole seconds",
        ),
        (
            {"after_deployment": Duration.days(1)},
            "after_deployment must be 0 to 43200 whole seconds",
        ),
    ],
)
def test_times_of_a_reopening_that_make_no_sense_are_refused(
    given: dict[str, Any], message: str
) -> None:
    """Each with its range."""
    with pytest.raises(ValueError, match=message):
        Reopening(**given)


@pytest.mark.parametrize("body", ["", "1" * 8193])
def test_a_golden_request_without_room_is_refused(body: str) -> None:
    """It has to fit into the state machine's definition."""
    with pytest.raises(ValueError, match="1 to 8192 bytes"):
        GoldenRequest(body=body)
