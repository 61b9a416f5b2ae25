"""The engine on a resource type of the test's own, which fails and waits as it is told."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local_aws.cloud import Cloud
from local_aws.cloudformation.provider import (
    Context,
    Created,
    Properties,
    Provider,
    ResourceError,
)
from local_aws.cloudformation.providers import providers
from local_aws.cloudformation.service import Service
from local_aws.cloudformation.stack import Stack

THING = "Test::Unit::Thing"
SECONDS = 10


@dataclass
class Things(Provider):
    """Things by physical id; ``Fail`` in a thing's properties names what it refuses."""

    type_names = (THING,)
    standing: dict[str, Properties] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    waiting: threading.Event = field(default_factory=threading.Event)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make a thing; ``Wait`` keeps it until the gate opens, ``Leave`` leaves a failed one."""
        self.calls.append(("create", context.logical_id))
        name = f"{context.logical_id}-{context.token}"
        if properties.get("Wait"):
            self.waiting.set()
            self.gate.wait(SECONDS)
        elif properties.get("AfterWaiting"):
            self.waiting.wait(SECONDS)
        if properties.get("Fail") == "create":
            if properties.get("Leave"):
                self.standing[name] = properties
            raise ResourceError(
                "no thing today", physical_id=name if properties.get("Leave") else None
            )
        self.standing[name] = properties
        return Created(physical_id=name, attributes={"Size": properties.get("Size", 0)})

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change a thing; ``Move`` makes another one, as a custom resource may."""
        self.calls.append(("update", context.logical_id))
        if new.get("Fail") == "update" or old.get("Fail") == "restore":
            raise ResourceError("no change today")
        if new.get("Move"):
            physical_id = f"{context.logical_id}-{new['Move']}"
        self.standing[physical_id] = new
        return Created(physical_id=physical_id, attributes={"Size": new.get("Size", 0)})

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete a thing; ``Fail`` with a number refuses that many times."""
        self.calls.append(("delete", context.logical_id))
        left = properties.get("Refuse", 0)
        if left > sum(call == ("delete", context.logical_id) for call in self.calls) - 1:
            raise ResourceError("not yet")
        self.standing.pop(physical_id, None)

    def replaces(self, old: Properties, new: Properties) -> bool:
        """``Key`` cannot be changed in place."""
        return old.get("Key") != new.get("Key")

    @property
    def names(self) -> list[str]:
        """Logical ids of what stands, once for each thing."""
        return sorted(name.partition("-")[0] for name in self.standing)


class Engine:
    """Stacks of things."""

    def __init__(self, state: Path, things: Things) -> None:
        self.things = things
        cloud = Cloud(port=9, state=state, speed=1000)
        self.service = Service(cloud, "123456789012", "us-east-1")

    def begin(self, things: dict[str, Any], **more: Any) -> Stack:
        """Create or update the one stack; returns at once."""
        resources = {
            name: {"Type": THING, "Properties": properties} for name, properties in things.items()
        }
        request = {
            "StackName": "unit",
            "TemplateBody": json.dumps({"Resources": resources, **more.pop("template", {})}),
            **more,
        }
        exists = self.service.find("unit") is not None
        return (self.service.update_stack if exists else self.service.create_stack)(request)

    def deploy(self, things: dict[str, Any], **more: Any) -> Stack:
        """Create or update the one stack; returns when it is through."""
        return self.settle(self.begin(things, **more))

    @staticmethod
    def settle(stack: Stack) -> Stack:
        """The stack, when nothing runs any more."""
        deadline = time.monotonic() + SECONDS
        while stack.in_progress:
            assert time.monotonic() < deadline, stack.status
            time.sleep(0.005)
        return stack

    @staticmethod
    def told(stack: Stack, logical_id: str) -> list[str]:
        """Statuses of a resource in the order of its events."""
        return [event.status for event in stack.events if event.logical_id == logical_id]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine without a server, which knows the type of the test."""
    things = Things()
    monkeypatch.setitem(providers(), THING, things)
    return Engine(tmp_path, things)


@pytest.mark.parametrize("ending", [{}, {"Fail": "create", "Leave": True}], ids=["done", "failed"])
def test_what_is_underway_when_another_resource_fails_is_cancelled_and_cleaned_up(
    engine: Engine, ending: dict[str, Any]
) -> None:
    """It is told as cancelled at once, and deleted whatever became of it later."""
    stack = engine.begin(
        {"Slow": {"Wait": True, **ending}, "Bad": {"AfterWaiting": True, "Fail": "create"}}
    )
    deadline = time.monotonic() + SECONDS
    while "CREATE_FAILED" not in engine.told(stack, "Slow"):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert stack.status == "CREATE_IN_PROGRESS"
    engine.things.gate.set()
    engine.settle(stack)
    assert stack.status == "ROLLBACK_COMPLETE"
    (cancelled,) = [
        event.reason
        for event in stack.events
        if (event.logical_id, event.status) == ("Slow", "CREATE_FAILED")
    ]
    assert cancelled == "Resource creation cancelled"
    assert engine.told(stack, "Slow") == [
        "CREATE_IN_PROGRESS",
        "CREATE_FAILED",
        "DELETE_IN_PROGRESS",
        "DELETE_COMPLETE",
    ]
    assert engine.things.standing == {}


def test_a_failed_resource_that_exists_nevertheless_is_deleted(engine: Engine) -> None:
    """An endpoint that is Failed stands in the account until somebody deletes it."""
    stack = engine.deploy({"Bad": {"Fail": "create", "Leave": True}})
    assert stack.status == "ROLLBACK_COMPLETE"
    assert engine.things.standing == {}
    assert engine.told(stack, "Bad") == [
        "CREATE_IN_PROGRESS",
        "CREATE_FAILED",
        "DELETE_IN_PROGRESS",
        "DELETE_COMPLETE",
    ]


def test_a_failed_replacement_leaves_the_old_one_in_its_place(engine: Engine) -> None:
    """Also when the failed new one exists."""
    stack = engine.deploy({"A": {"Key": 1}})
    before = stack.resources["A"].physical_id
    engine.deploy({"A": {"Key": 2, "Fail": "create", "Leave": True}})
    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.resources["A"].physical_id == before
    assert list(engine.things.standing) == [before]


def test_a_provider_that_moves_the_resource_has_the_old_one_deleted_at_the_end(
    engine: Engine,
) -> None:
    """A custom resource may answer an update with another physical id."""
    stack = engine.deploy({"A": {"Size": 1}, "User": {"Of": {"Ref": "A"}}})
    engine.deploy({"A": {"Size": 1, "Move": "moved"}, "User": {"Of": {"Ref": "A"}}})
    assert stack.status == "UPDATE_COMPLETE"
    assert stack.resources["A"].physical_id == "A-moved"
    assert stack.resources["User"].properties == {"Of": "A-moved"}
    assert engine.things.names == ["A", "User"]
    assert engine.things.calls.index(("update", "User")) < engine.things.calls.index(
        ("delete", "A")
    )


def test_an_attribute_that_an_update_changes_reaches_what_uses_it(engine: Engine) -> None:
    """Properties are resolved when their turn comes, not beforehand."""
    user = {"Size": {"Fn::GetAtt": ["A", "Size"]}}
    stack = engine.deploy({"A": {"Size": 1}, "User": user})
    engine.deploy({"A": {"Size": 2}, "User": user})
    assert stack.resources["User"].properties == {"Size": 2}


def test_a_rollback_that_fails_says_so_and_can_be_continued(engine: Engine) -> None:
    """It leads to UPDATE_ROLLBACK_FAILED, and on from there, skipping what cannot be helped."""
    stack = engine.deploy({"A": {"Size": 1}, "B": {"Of": {"Ref": "A"}}})
    engine.deploy(
        {"A": {"Size": 2, "Fail": "restore"}, "B": {"Of": {"Ref": "A"}, "Fail": "update"}}
    )
    assert stack.status == "UPDATE_ROLLBACK_FAILED"
    assert stack.reason == "The following resource(s) failed to update: [A]. "
    engine.service.roll_back(stack, skip=frozenset({"A"}))
    engine.settle(stack)
    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"


def test_a_deletion_is_tried_again(engine: Engine) -> None:
    """A service may need a while to let go of what depended on the resource."""
    stack = engine.deploy({"A": {"Refuse": 2}, "B": {"Of": {"Ref": "A"}}})
    engine.service.delete_stack({"StackName": "unit"})
    engine.settle(stack)
    assert stack.status == "DELETE_COMPLETE"
    assert engine.told(stack, "A")[-2:] == ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    assert [name for call, name in engine.things.calls if call == "delete"] == ["B", "A", "A", "A"]


def test_what_cannot_be_deleted_after_an_update_does_not_fail_it(engine: Engine) -> None:
    """The stack forgets it and tells it."""
    stack = engine.deploy({"A": {"Refuse": 99}, "B": {}})
    engine.deploy({"B": {}})
    assert stack.status == "UPDATE_COMPLETE"
    assert engine.told(stack, "A")[-1] == "DELETE_FAILED"
    assert list(stack.resources) == ["B"]


def test_two_deployments_of_one_stack_do_not_overlap(engine: Engine) -> None:
    """The second one is refused while the first one runs."""
    stack = engine.begin({"Slow": {"Wait": True}})
    assert engine.things.waiting.wait(SECONDS)
    with pytest.raises(Exception, match="CREATE_IN_PROGRESS state and can not be updated"):
        engine.begin({"Slow": {}})
    engine.things.gate.set()
    assert engine.settle(stack).status == "CREATE_COMPLETE"


def test_a_missing_attribute_fails_the_resource_that_asks_for_it(engine: Engine) -> None:
    """With AWS's words for it."""
    stack = engine.deploy({"A": {}, "User": {"Of": {"Fn::GetAtt": ["A", "Colour"]}}})
    assert stack.status == "ROLLBACK_COMPLETE"
    (reason,) = [event.reason for event in stack.events if event.status == "CREATE_FAILED"]
    assert reason == (
        "Template error: resource A does not support attribute type Colour in Fn::GetAtt"
    )


def test_a_fault_of_a_provider_is_a_failure_and_not_a_standstill(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stack rolls back and names the exception."""

    def broken(*_: Any) -> Created:
        raise KeyError("Missing")

    monkeypatch.setattr(engine.things, "create", broken)
    stack = engine.deploy({"A": {}})
    assert stack.status == "ROLLBACK_COMPLETE"
    assert any("Internal Failure (KeyError: 'Missing')" in str(e.reason) for e in stack.events)


def test_on_failure_delete_leaves_no_stack(engine: Engine) -> None:
    """The name is free again."""
    stack = engine.deploy({"A": {"Fail": "create"}}, OnFailure="DELETE")
    assert stack.status == "DELETE_COMPLETE"
    assert engine.service.find("unit") is None


def test_events_of_a_stack_differ_in_time_to_the_millisecond(engine: Engine) -> None:
    """Clients sort them by time."""
    stack = engine.deploy({f"R{number}": {} for number in range(30)})
    times = [int(event.at.timestamp() * 1000) for event in stack.events]
    assert times == sorted(set(times))


def test_the_resources_of_a_stack_have_tokens_of_their_own(engine: Engine) -> None:
    """Generated names neither clash between resources nor with the one that is replaced."""
    stack = engine.deploy({"A": {"Key": 1}, "B": {}})
    first = {name: found.token for name, found in stack.resources.items()}
    engine.deploy({"A": {"Key": 2}, "B": {"Size": 2}})
    second = {name: found.token for name, found in stack.resources.items()}
    assert len({*first.values(), *second.values()}) == 3
    assert second["B"] == first["B"]
