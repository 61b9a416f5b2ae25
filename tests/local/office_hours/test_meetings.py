"""Closings, openings, deployments and deletions that come at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.long


@pytest.fixture
def meeting(new_office: Callable[[str], Any], code: Any) -> Iterator[Any]:
    """A deployed stack of the test's own."""
    found = new_office("meeting")
    assert found.deploy(code()) == "CREATE_COMPLETE", found.failures()
    yield found
    if found.exists():
        assert found.at_rest(found.begin_to_destroy()) == "DELETE_COMPLETE"


def test_a_closing_waits_for_the_end_of_a_deployment(meeting: Any, code: Any) -> None:
    """The deployment succeeds, and then the endpoint is closed."""
    meeting.begin_to_deploy(code(version="2"))
    closing = meeting.fire("Closing")
    assert meeting.at_rest() == "UPDATE_COMPLETE", meeting.failures()
    assert meeting.end_of(closing) == "SUCCEEDED"
    assert meeting.status() == "Missing"
    meeting.open()
    assert meeting.answer() == "2"


def test_a_deployment_that_comes_upon_a_closing_opens_again(meeting: Any, code: Any) -> None:
    """Whichever was first, the deployment succeeds, and the endpoint is closed in the end."""
    closing = meeting.fire("Closing")
    assert meeting.deploy(code(version="2")) == "UPDATE_COMPLETE", meeting.failures()
    assert meeting.end_of(closing) == "SUCCEEDED"
    meeting.closed_again()
    meeting.open()
    assert meeting.answer() == "2"


def test_a_closing_overtakes_an_opening_without_capacity(meeting: Any) -> None:
    """At the end of the day nothing is opened any more."""
    meeting.close()
    meeting.capacity(0)
    opening = meeting.fire("Opening")
    meeting.until(lambda: meeting.told() == ["TRYING"])
    meeting.close()
    assert meeting.end_of(opening) == "SUCCEEDED"
    meeting.capacity(None)
    assert meeting.status() == "Missing"


def test_a_stack_is_deleted_while_its_endpoint_is_opened(meeting: Any) -> None:
    """An endpoint that is being created cannot be deleted, so the deletion waits for it."""
    meeting.close()
    meeting.fire("Opening")
    meeting.until(lambda: meeting.status() == "Creating")
    stack = meeting.begin_to_destroy()
    assert meeting.at_rest(stack) == "DELETE_COMPLETE"
    assert meeting.status() == "Missing"
    assert meeting.parameters() == []


def test_office_hours_that_are_taken_out_leave_the_endpoint_open(meeting: Any, code: Any) -> None:
    """With its scaling, and nothing of theirs behind."""
    scaling = meeting.scaling()
    meeting.close()
    assert meeting.deploy(code(hours=False)) == "UPDATE_COMPLETE", meeting.failures()
    assert meeting.status() == "InService"
    assert meeting.answer() == "1"
    assert meeting.scaling() == scaling
    assert meeting.parameters() == []
