"""Each look at the endpoint does one thing, whatever was done before it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inference_constructs.functions.office_hours import steps

RECORD = "/office-hours/shop/record"
HOURS = "/office-hours/shop/hours"
STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/shop/1"
KEPT = {"endpoint": "shop", "config": "config-1", "tags": {"team": "shop"}, "deployment": None}
REQUEST = {"RequestType": "Update"}


def look(step: str, state: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """Run one step."""
    given = {
        "endpoint": "shop",
        "parameters": "/office-hours/shop",
        "stack": STACK,
        "give_up_after": 7200,
    }
    return steps.handler({"step": step, "state": state, "settings": given | settings}, None)


def state(action: str, **more: Any) -> dict[str, Any]:
    """A state at the beginning of a task."""
    fresh = {"request": None, "attempts": 0, "waited": 0, "wait": 0, "reason": "", "next": ""}
    return {"action": action, **fresh, **more}


def closed(aws: Any, hours: str) -> None:
    """Let the endpoint have been closed."""
    aws.parameters |= {HOURS: hours, RECORD: json.dumps(KEPT)}


@pytest.mark.parametrize(("action", "hours"), [("open", "open"), ("close", "closed")])
def test_what_the_hours_say_is_kept(aws: Any, action: str, hours: str) -> None:
    """For a deployment, which has to know whether to close again."""
    assert look("begin", {"action": action}) == state(action)
    assert aws.parameters == {HOURS: hours}


def test_a_deployment_says_nothing_about_the_hours(aws: Any) -> None:
    """It takes CloudFormation's request along."""
    given = {"action": "deploy", "request": REQUEST}
    assert look("begin", given) == state("deploy", request=REQUEST)
    assert aws.parameters == {}


def test_an_unknown_action_is_refused(aws: Any) -> None:
    """Of an execution that somebody started by hand."""
    with pytest.raises(ValueError, match=r"action must be one of open, .*, not 'opne'"):
        look("begin", {"action": "opne"})


def test_the_endpoint_is_made_with_what_was_kept(aws: Any) -> None:
    """Config and tags; a deployment config only if there was one."""
    closed(aws, "open")
    seen = look("open", state("open"))
    assert (seen["next"], seen["wait"]) == ("wait", 30)
    assert aws.calls == [
        (
            "create",
            {
                "EndpointName": "shop",
                "EndpointConfigName": "config-1",
                "Tags": [{"Key": "team", "Value": "shop"}],
            },
        )
    ]
    assert look("open", seen)["next"] == "wait"
    assert len(aws.calls) == 1
    aws.serves()
    assert look("open", seen)["next"] == "opened"


def test_a_deployment_config_comes_back_too(aws: Any) -> None:
    """An update by hand may want to go the way of the last one."""
    closed(aws, "open")
    guarded = {"RollingUpdatePolicy": {"WaitIntervalInSeconds": 60}}
    aws.parameters[RECORD] = json.dumps({**KEPT, "deployment": guarded})
    look("open", state("open"))
    assert aws.calls[0][1]["DeploymentConfig"] == guarded


def test_a_start_that_failed_is_cleared_away_told_once_and_repeated_ever_later(aws: Any) -> None:
    """Whatever the reason: a lack of capacity has no wording to rely on."""
    closed(aws, "open")
    seen, waits, said = state("open"), [], []
    for _ in range(6):
        aws.serves("Failed", FailureReason="no capacity")
        seen = look("open", seen)
        waits.append(seen["wait"])
        said.append(seen["next"])
    assert waits == [60, 120, 240, 480, 600, 600]
    assert said == ["tell", *["wait"] * 5]
    assert seen["reason"] == "no capacity"
    assert [name for name, _ in aws.calls] == ["delete"] * 6


def test_a_quota_that_is_used_up_is_waited_for(aws: Any, aws_error: Any) -> None:
    """CreateEndpoint itself refuses then."""
    closed(aws, "open")
    aws.refusal = aws_error("ResourceLimitExceeded", "The account-level service limit")
    seen = look("open", state("open"))
    assert (seen["next"], seen["reason"]) == ("tell", "The account-level service limit")


def test_another_opening_that_was_first_is_none_of_its_business(aws: Any, aws_error: Any) -> None:
    """Two executions may meet; the endpoint is waited for."""
    closed(aws, "open")
    aws.refusal = aws_error("ValidationException", "Cannot create already existing endpoint")
    seen = look("open", state("open"))
    assert (seen["next"], seen["attempts"]) == ("wait", 0)


def test_other_refusals_are_failures(aws: Any, aws_error: Any) -> None:
    """A missing right, say, comes not by waiting."""
    closed(aws, "open")
    aws.refusal = aws_error("AccessDeniedException", "not authorized")
    with pytest.raises(type(aws.refusal), match="not authorized"):
        look("open", state("open"))


@pytest.mark.parametrize(("request_", "patience"), [(None, 7200), (REQUEST, 2400)])
def test_an_opening_is_given_up_after_a_while(aws: Any, request_: Any, patience: int) -> None:
    """Sooner where CloudFormation waits, which does so for an hour."""
    closed(aws, "open")
    aws.serves("Creating")
    aws.stack = "UPDATE_IN_PROGRESS"
    seen = state("deploy", request=request_, waited=patience - 30)
    assert look("open", seen)["waited"] == patience
    with pytest.raises(steps.GivenUpError, match=f"0 failed starts in {patience} s: it takes too"):
        look("open", {**seen, "waited": patience})


@pytest.mark.parametrize("status", ["OutOfService", "UpdateRollbackFailed"])
def test_an_endpoint_that_others_broke_is_left_to_them(aws: Any, status: str) -> None:
    """It was not closed by the hours, so they do not delete it to make it anew."""
    closed(aws, "open")
    aws.serves(status)
    with pytest.raises(steps.NotAsExpectedError, match=f"shop is {status}, and was not closed"):
        look("open", state("open"))
    assert aws.calls == []


@pytest.mark.parametrize("record", [None, {**KEPT, "endpoint": "old-name"}])
def test_nothing_is_made_from_nothing(aws: Any, record: Any) -> None:
    """Nor from what was kept of an endpoint of another name."""
    aws.parameters[HOURS] = "open"
    if record:
        aws.parameters[RECORD] = json.dumps(record)
    with pytest.raises(steps.NotAsExpectedError, match=r"shop is Missing.*deploy its stack"):
        look("open", state("open"))


@pytest.mark.parametrize(
    ("action", "hours", "stack"),
    [
        ("open", "closed", "UPDATE_COMPLETE"),
        ("open", None, "DELETE_IN_PROGRESS"),
        ("deploy", "closed", "UPDATE_ROLLBACK_IN_PROGRESS"),
        ("deploy", "closed", "UPDATE_ROLLBACK_COMPLETE"),
        ("deploy", None, "DELETE_IN_PROGRESS"),
        ("leave", None, "DELETE_IN_PROGRESS"),
    ],
)
def test_an_opening_ends_when_its_reason_is_gone(
    aws: Any, action: str, hours: str | None, stack: str
) -> None:
    """The hours are over, the deployment is, or the stack goes: nothing is made any more."""
    closed(aws, "open")
    aws.parameters.pop(HOURS)
    if hours is not None:
        aws.parameters[HOURS] = hours
    aws.stack = stack
    assert look("open", state(action))["next"] == "overtaken"
    assert aws.calls == []


def test_scaling_waits_for_the_end_of_a_deployment(aws: Any) -> None:
    """Targets must not come into the way of a change of the fleet."""
    closed(aws, "open")
    aws.serves()
    aws.stack = "UPDATE_IN_PROGRESS"
    assert look("open", state("open"))["next"] == "wait"
    assert look("open", state("deploy"))["next"] == "opened"
    aws.stack = "UPDATE_ROLLBACK_FAILED"
    assert look("open", state("open"))["next"] == "opened"


@pytest.mark.parametrize("step", ["close", "delete"])
@pytest.mark.parametrize(
    ("status", "stack"),
    [
        ("Updating", "UPDATE_COMPLETE"),
        ("InService", "UPDATE_IN_PROGRESS"),
        ("InService", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("InService", "UPDATE_ROLLBACK_FAILED"),
    ],
)
def test_a_closing_waits_for_rest(aws: Any, step: str, status: str, stack: str) -> None:
    """Of the endpoint and of its stack; a stack that failed half-way is for someone to mend."""
    closed(aws, "closed")
    aws.serves(status)
    aws.stack = stack
    seen = look(step, state("close"))
    assert (seen["next"], seen["waited"]) == ("wait", 30)
    assert aws.calls == []
    with pytest.raises(steps.GivenUpError, match=f"not closed: it is {status}, and its stack"):
        look(step, state("close", waited=8 * 3600))


@pytest.mark.parametrize("step", ["close", "delete"])
def test_a_closing_ends_when_the_hours_have_begun(aws: Any, step: str) -> None:
    """It came late."""
    closed(aws, "open")
    aws.serves()
    assert look(step, state("close"))["next"] == "overtaken"
    assert aws.calls == []


def test_what_the_endpoint_has_is_kept_before_it_goes(aws: Any) -> None:
    """All pages of its tags, but those that only AWS may set."""
    aws.parameters[HOURS] = "closed"
    aws.serves(LastDeploymentConfig={"RollingUpdatePolicy": {}})
    aws.tags = [
        {"Key": "aws:cloudformation:stack-name", "Value": "shop"},
        {"Key": "team", "Value": "shop"},
    ]
    assert look("close", state("close"))["next"] == "ready"
    assert look("delete", state("close"))["next"] == "wait"
    assert aws.calls == [("put", RECORD), ("delete", "shop")]
    assert json.loads(aws.parameters[RECORD]) == {
        **KEPT,
        "deployment": {"RollingUpdatePolicy": {}},
    }
    aws.endpoint = None
    assert look("delete", state("close"))["next"] == "closed"


def test_a_start_that_failed_does_not_overwrite_what_was_kept(aws: Any) -> None:
    """It never had the tags."""
    closed(aws, "closed")
    aws.serves("Failed")
    look("delete", state("close"))
    assert json.loads(aws.parameters[RECORD]) == KEPT
    assert aws.calls == [("delete", "shop")]


@pytest.mark.parametrize(
    ("status", "expected"), [("Updating", "wait"), ("InService", "opened"), (None, "closed")]
)
def test_a_deployment_that_is_through_is_looked_after(
    aws: Any, status: str | None, expected: str
) -> None:
    """It has opened the endpoint, or given that up."""
    if status is not None:
        aws.serves(status)
    seen = look("settle", state("deploy"))
    assert (seen["next"], seen["action"]) == (expected, "settle")


@pytest.mark.parametrize(
    ("action", "hours", "expected"),
    [("open", "open", "checked"), ("settle", "open", "checked"), ("settle", "closed", "linger")],
)
def test_what_serves_as_it_should_is_closed_again_only_after_hours(
    aws: Any, action: str, hours: str, expected: str
) -> None:
    """A deployment may take until the morning."""
    closed(aws, hours)
    aws.serves()
    assert look("check", state(action))["next"] == expected


def test_an_endpoint_that_came_back_otherwise_is_a_failure(aws: Any) -> None:
    """With another config than it was closed with; after a deployment that is as it should be."""
    closed(aws, "open")
    aws.serves(EndpointConfigName="config-2")
    with pytest.raises(steps.NotAsExpectedError, match="serves config-2, and was closed with"):
        look("check", state("open"))
    assert look("check", state("settle"))["next"] == "checked"
    aws.serves("Failed")
    with pytest.raises(steps.NotAsExpectedError, match="shop is Failed"):
        look("check", state("open"))


def test_the_golden_request_is_asked(aws: Any) -> None:
    """What the endpoint does not answer raises an error of its own."""
    closed(aws, "open")
    aws.serves()
    golden = {"Body": "1,2", "ContentType": "text/csv"}
    look("check", state("open"), golden=golden)
    assert aws.calls == [("invoke", {"EndpointName": "shop", **golden})]


@pytest.mark.parametrize(
    ("stack", "expected"),
    [("UPDATE_ROLLBACK_IN_PROGRESS", "wait"), ("UPDATE_ROLLBACK_FAILED", "rested")],
)
def test_the_end_of_a_deployment_is_waited_for(aws: Any, stack: str, expected: str) -> None:
    """A good one or not."""
    aws.stack = stack
    assert look("rest", state("deploy"))["next"] == expected


def test_an_endpoint_that_changes_cannot_be_deleted_yet(aws: Any) -> None:
    """CloudFormation waits until it can."""
    aws.serves("Creating")
    assert look("steady", state("stop"))["next"] == "wait"
    aws.serves("Failed")
    assert look("steady", state("stop"))["next"] == "steady"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What CloudFormation was answered."""
    given: list[dict[str, Any]] = []

    def respond(event: dict[str, Any], handle: Any, *, physical_id: str) -> None:
        try:
            handle(event)
            given.append({"id": physical_id, "failure": None})
        except RuntimeError as error:
            given.append({"id": physical_id, "failure": str(error)})

    monkeypatch.setattr(steps, "respond", respond)
    return given


def test_cloudformation_is_answered_once(aws: Any, answers: list[dict[str, Any]]) -> None:
    """The request is not handed on."""
    assert look("answer", state("deploy", request=REQUEST))["request"] is None
    assert answers == [{"id": "office-hours", "failure": None}]


def test_office_hours_that_leave_forget_everything(aws: Any, answers: list[dict[str, Any]]) -> None:
    """Before CloudFormation deletes the rights to do so."""
    closed(aws, "closed")
    look("answer", state("leave", request=REQUEST))
    assert aws.parameters == {}
    assert len(answers) == 1


def test_cloudformation_is_told_why_it_may_not_go_on(
    aws: Any, answers: list[dict[str, Any]]
) -> None:
    """With the reason that SageMaker gave."""
    failure = {"Error": "GivenUpError", "Cause": "no capacity"}
    look("refuse", state("deploy", request=REQUEST, failure=failure))
    assert answers[0]["failure"] == (
        "endpoint shop is closed by its office hours, and could not be opened: no capacity"
    )
