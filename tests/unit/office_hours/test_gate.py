"""What CloudFormation has to wait for, and what it need not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inference_constructs.functions.office_hours import gate

STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/shop/1"
RECORD = "/office-hours/shop/record"
HOURS = "/office-hours/shop/hours"
KEPT = {"endpoint": "shop", "config": "config-1", "tags": {}, "deployment": None}


def request(kind: str, position: str = "Before") -> dict[str, Any]:
    """A request of CloudFormation's."""
    return {
        "RequestType": kind,
        "ResponseURL": "https://answer",
        "StackId": STACK,
        "RequestId": "id-1",
        "LogicalResourceId": "Gate",
        "ResourceProperties": {
            "Position": position,
            "EndpointName": "shop",
            "Parameters": "/office-hours/shop",
            "StateMachine": "machine",
        },
    }


@pytest.fixture
def closed(aws: Any) -> Any:
    """An endpoint that was closed."""
    aws.parameters = {HOURS: "closed", RECORD: json.dumps(KEPT)}
    aws.stack = "UPDATE_IN_PROGRESS"
    return aws


@pytest.mark.parametrize("position", ["Before", "After"])
def test_a_new_stack_waits_for_nothing(aws: Any, position: str) -> None:
    """There is no endpoint, and nothing kept."""
    aws.stack = "CREATE_IN_PROGRESS"
    assert gate.needed_action(request("Create", position)) is None


@pytest.mark.parametrize("status", [None, "Creating", "Deleting", "Failed"])
def test_a_change_of_a_closed_endpoint_has_it_opened_first(closed: Any, status: str | None) -> None:
    """Also of one that is being closed or opened, or failed to open."""
    if status is not None:
        closed.serves(status)
    assert gate.needed_action(request("Update")) == "deploy"


@pytest.mark.parametrize(
    ("status", "config"),
    [
        ("InService", "config-1"),
        ("Updating", "config-1"),
        ("UpdateRollbackFailed", "config-1"),
        # It failed on a config that it was not closed with.
        ("Failed", "config-2"),
    ],
)
def test_a_change_of_an_endpoint_that_is_there_goes_on(
    closed: Any, status: str, config: str
) -> None:
    """CloudFormation updates it, or says what is wrong."""
    closed.serves(status, EndpointConfigName=config)
    assert gate.needed_action(request("Update")) is None


def test_an_endpoint_that_somebody_deleted_is_not_opened(aws: Any) -> None:
    """The hours know nothing of it; CloudFormation says that it is missing."""
    aws.stack = "UPDATE_IN_PROGRESS"
    assert gate.needed_action(request("Update")) is None


def test_an_endpoint_of_a_new_name_is_not_opened(closed: Any) -> None:
    """CloudFormation makes it, and deletes the old one, which is not there."""
    closed.parameters[RECORD] = json.dumps({**KEPT, "endpoint": "old"})
    assert gate.needed_action(request("Update")) is None


@pytest.mark.parametrize(
    "status", ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"]
)
def test_a_rollback_opens_nothing(closed: Any, status: str) -> None:
    """What could not be opened for the deployment would fail the rollback as well."""
    closed.stack = status
    assert gate.needed_action(request("Update")) is None


def test_office_hours_that_are_taken_out_open_the_endpoint_for_good(closed: Any) -> None:
    """Nobody else would."""
    closed.stack = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    assert gate.needed_action(request("Delete")) == "leave"
    closed.serves()
    assert gate.needed_action(request("Delete")) is None
    assert closed.parameters == {}


@pytest.mark.parametrize("status", ["DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"])
def test_a_stack_that_goes_leaves_nothing_behind(closed: Any, status: str) -> None:
    """Its endpoint need not be opened to be deleted."""
    closed.stack = status
    assert gate.needed_action(request("Delete", "After")) is None
    assert closed.parameters == {}
    assert gate.needed_action(request("Delete")) is None


def test_a_deletion_waits_for_an_endpoint_that_is_being_made(closed: Any) -> None:
    """SageMaker deletes none that is Creating."""
    closed.stack = "DELETE_IN_PROGRESS"
    closed.serves("Creating")
    assert gate.needed_action(request("Delete", "After")) == "stop"


@pytest.mark.parametrize("kind", ["Update", "Delete"])
def test_what_comes_after_the_endpoint_matters_in_a_deletion_only(closed: Any, kind: str) -> None:
    """An update of the endpoint is the business of what comes before."""
    closed.serves("Creating")
    assert gate.needed_action(request(kind, "After")) is None


def test_what_takes_time_is_an_execution_that_answers(closed: Any) -> None:
    """Of one name for a request, which CloudFormation may send twice."""
    gate.handler(request("Update"), None)
    ((call, started),) = closed.calls
    assert (call, started["stateMachineArn"], started["name"]) == (
        "start",
        "machine",
        "deploy-id-1",
    )
    assert started["input"] == {
        "action": "deploy",
        "request": {
            "RequestType": "Update",
            "ResponseURL": "https://answer",
            "StackId": STACK,
            "RequestId": "id-1",
            "LogicalResourceId": "Gate",
        },
    }


def test_a_failure_to_look_is_answered(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the deployment would wait for an hour."""
    answered = []

    def respond(event: Any, handle: Any, *, physical_id: str) -> None:
        with pytest.raises(AttributeError):
            handle(event)
        answered.append(physical_id)

    monkeypatch.setattr(gate, "respond", respond)
    monkeypatch.delattr(type(aws), "describe_stacks")
    gate.handler(request("Update"), None)
    assert answered == ["office-hours"]
