"""Which requests a custom resource's function gets, and when, while stacks change and fail."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

FUNCTION = """
import json, os, urllib.request
import boto3

def handler(event, context):
    shown = {key: value for key, value in event.items() if key != "ResponseURL"}
    properties = event["ResourceProperties"]
    boto3.client("sqs").send_message(QueueUrl=properties["Queue"], MessageBody=json.dumps(shown))
    answer = {
        "Status": "SUCCESS",
        "PhysicalResourceId": "thing-" + properties["Shape"],
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    if event["RequestType"] == "Delete":
        answer["PhysicalResourceId"] = event["PhysicalResourceId"]
    if event["RequestType"] == properties.get("Fail"):
        answer |= {"Status": "FAILED", "Reason": "as told"}
        if properties.get("Nameless"):
            del answer["PhysicalResourceId"]
    urllib.request.urlopen(urllib.request.Request(
        event["ResponseURL"], data=json.dumps(answer).encode(), method="PUT"))
"""


class Requests:
    """What the function was asked."""

    def __init__(self, local_aws: Any) -> None:
        self._sqs = local_aws.client("sqs")
        self.queue = self._sqs.create_queue(QueueName=f"requests-{time.time_ns()}")["QueueUrl"]

    def taken(self) -> list[dict[str, Any]]:
        """Requests since the last time, in the order of their arrival."""
        found: list[dict[str, Any]] = []
        while messages := self._sqs.receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=10, AttributeNames=["SentTimestamp"]
        ).get("Messages"):
            found += messages
            for message in messages:
                self._sqs.delete_message(
                    QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"]
                )
        found.sort(key=lambda message: int(message["Attributes"]["SentTimestamp"]))
        return [json.loads(message["Body"]) for message in found]

    def told(self) -> list[tuple[str, str, str]]:
        """Logical id, type and physical id of each request since the last time."""
        return [
            (asked["LogicalResourceId"], asked["RequestType"], asked.get("PhysicalResourceId", ""))
            for asked in self.taken()
        ]


@pytest.fixture
def requests(local_aws: Any) -> Requests:
    """A queue of the test's own."""
    return Requests(local_aws)


@pytest.fixture(scope="module")
def function(local_aws: Any, make_role: Callable[..., str]) -> str:
    """Makes things whose shape is their physical id, and reports each request."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", FUNCTION)
    arn: str = local_aws.client("lambda").create_function(
        FunctionName="shapes",
        Role=make_role("lambda.amazonaws.com", "sqs:SendMessage"),
        Runtime="python3.13",
        Handler="index.handler",
        Code={"ZipFile": buffer.getvalue()},
        Timeout=20,
    )["FunctionArn"]
    return arn


@pytest.fixture
def thing(function: str, requests: Requests) -> Callable[..., dict[str, Any]]:
    """Makes a custom resource of a template."""

    def make(shape: str, *, after: list[str] | None = None, **properties: Any) -> dict[str, Any]:
        return {
            "Type": "Custom::Thing",
            "Properties": {
                "ServiceToken": function,
                "Queue": requests.queue,
                "Shape": shape,
                **properties,
            },
            "DependsOn": after or [],
        }

    return make


def statuses_before(stacks: Any, stack: Any, logical_id: str, status: str) -> list[str]:
    """The stack's own statuses up to a resource's event, the latest last."""
    events = stacks.events(stack)
    at = max(i for i, entry in enumerate(events) if entry[:2] == (logical_id, status))
    return [entry[1] for entry in events[:at] if entry[0] == stack["StackName"]]


def test_a_new_physical_id_has_the_old_one_deleted_when_the_update_is_through(
    stacks: Any, parameter: Any, thing: Any, requests: Requests
) -> None:
    """With the old properties, in the clean-up, after what depends on it was updated."""
    name = stacks.new_name()
    stacks.deploy(name, {"Thing": thing("a"), "User": parameter({"Ref": "Thing"})})
    assert requests.told() == [("Thing", "Create", "")]
    stack = stacks.deploy(name, {"Thing": thing("b"), "User": parameter({"Ref": "Thing"})})
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    update, delete = requests.taken()
    assert (update["RequestType"], update["PhysicalResourceId"]) == ("Update", "thing-a")
    assert update["OldResourceProperties"]["Shape"] == "a"
    assert (delete["RequestType"], delete["PhysicalResourceId"]) == ("Delete", "thing-a")
    assert delete["ResourceProperties"]["Shape"] == "a"
    assert stacks.physical_id(stack, "Thing") == "thing-b"
    before = statuses_before(stacks, stack, "Thing", "DELETE_IN_PROGRESS")
    assert before[-1] == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    stacks.delete(name)
    assert requests.told() == [("Thing", "Delete", "thing-b")]


def test_a_rollback_deletes_the_new_id_last_and_asks_nothing_of_what_was_not_reached(
    stacks: Any, parameter: Any, thing: Any, requests: Requests, ssm: Any
) -> None:
    """What was changed in place is changed back with the properties the other way round."""
    name = stacks.new_name()
    ssm.put_parameter(Name=f"/{name}/taken", Value="x", Type="String")
    first = {
        "Moved": thing("a"),
        "Changed": thing("c", Size=1),
        "Later": thing("l", Size=1, after=["Changed"]),
    }
    before = stacks.deploy(name, first, template={"Outputs": {"Id": {"Value": {"Ref": "Moved"}}}})
    requests.taken()
    after = stacks.deploy(
        name,
        {
            "Moved": thing("b"),
            "Changed": thing("c", Size=2, after=["Moved"]),
            "Bad": parameter(Name=f"/{name}/taken", DependsOn=["Changed"]),
            "Later": thing("l", Size=2, after=["Bad"]),
        },
        template={"Outputs": {"Id": {"Value": {"Ref": "Moved"}}}},
    )
    assert after["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    asked = requests.taken()
    assert [(one["LogicalResourceId"], one["RequestType"]) for one in asked] == [
        ("Moved", "Update"),
        ("Changed", "Update"),
        ("Changed", "Update"),
        ("Moved", "Delete"),
    ]
    back, deleted = asked[2:]
    assert back["ResourceProperties"]["Size"] == "1"
    assert back["OldResourceProperties"]["Size"] == "2"
    assert deleted["PhysicalResourceId"] == "thing-b"
    assert deleted["ResourceProperties"]["Shape"] == "b"
    assert stacks.physical_id(after, "Moved") == "thing-a"
    assert after["Outputs"] == before["Outputs"]
    assert statuses_before(stacks, after, "Moved", "DELETE_IN_PROGRESS")[-1] == (
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
    )
    assert [entry for entry in stacks.events(after) if entry[0] == "Later"][-1][1] == (
        "CREATE_COMPLETE"
    )
    ssm.delete_parameter(Name=f"/{name}/taken")


def test_an_update_that_fails_with_a_new_id_has_that_one_deleted(
    stacks: Any, thing: Any, requests: Requests
) -> None:
    """Had it kept its id, it would have been updated to its old properties."""
    name = stacks.new_name()
    stacks.deploy(name, {"Thing": thing("a")})
    requests.taken()
    stack = stacks.deploy(name, {"Thing": thing("b", Fail="Update")})
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert requests.told() == [("Thing", "Update", "thing-a"), ("Thing", "Delete", "thing-b")]
    assert stacks.physical_id(stack, "Thing") == "thing-a"


def test_a_creation_that_fails_without_an_id_is_deleted_by_one_that_was_made_up(
    stacks: Any, thing: Any, requests: Requests
) -> None:
    """The function is asked to delete what it may have left."""
    name = stacks.new_name()
    stack = stacks.deploy(name, {"Thing": thing("a", Fail="Create", Nameless="yes")})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    create, delete = requests.told()
    assert create == ("Thing", "Create", "")
    assert delete[:2] == ("Thing", "Delete")
    assert delete[2].startswith(f"{name}-Thing-")
