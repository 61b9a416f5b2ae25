"""An endpoint is deleted after hours, and comes back as it was."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_new_stack_is_open_whatever_the_hour(office: Any) -> None:
    """Who deploys it can look at it; the first closing closes it."""
    assert office.status() == "InService"
    assert office.answer() == "1"


def test_an_endpoint_comes_back_as_it_was(office: Any) -> None:
    """With config, tags, also one given by hand, targets, policies, schedules and suspension."""
    office.tag("owner", "someone")
    tags, config, scaling = office.tags(), office.config(), office.scaling()
    assert {"team", "owner"} < tags.keys()
    assert [found["MinCapacity"] for found in scaling["targets"]] == [1]
    assert len(scaling["policies"]) == len(scaling["schedules"]) == 1

    office.close()
    assert office.status() == "Missing"
    assert config in office.configs()
    assert office.scaling() == {"targets": [], "policies": [], "schedules": []}

    office.open()
    assert office.status() == "InService"
    assert office.config() == config
    assert office.tags() == tags
    assert office.scaling() == scaling
    assert office.answer() == "1"
    assert office.alarms_raised() == []
    assert office.told() == []


def test_a_deployment_opens_a_closed_endpoint_and_closes_it_again(office: Any, code: Any) -> None:
    """CloudFormation finds the endpoint that it wants to change, and the night goes on."""
    office.close()
    assert office.deploy(code(version="2")) == "UPDATE_COMPLETE", office.failures()
    assert office.answer() == "2"
    office.closed_again()
    office.open()
    assert office.answer() == "2"
    assert len(office.scaling()["policies"]) == 1
    assert office.told() == []


def test_a_deployment_that_leaves_the_endpoint_alone_leaves_it_closed(
    office: Any, code: Any
) -> None:
    """Nothing is started for a change beside it."""
    office.close()
    assert office.deploy(code(version="2", note="two")) == "UPDATE_COMPLETE", office.failures()
    assert office.status() == "Missing"
    assert not office.running()


@pytest.mark.long
def test_a_deployment_that_fails_while_closed_leaves_what_was(office: Any, code: Any) -> None:
    """CloudFormation rolls back to the old model, on an endpoint that it finds."""
    before = office.answer()
    office.close()
    failing = code(version="3", note="two", breaks=True)
    assert office.deploy(failing) == "UPDATE_ROLLBACK_COMPLETE", office.failures()
    assert office.answer() == before
    office.closed_again()
    office.open()
    assert office.answer() == before
    assert len(office.scaling()["policies"]) == 1


@pytest.mark.long
def test_an_opening_without_capacity_is_repeated_and_told(office: Any) -> None:
    """Until there are instances; those who are subscribed know that it takes longer."""
    before = office.answer()
    office.close()
    office.capacity(0)
    execution = office.fire("Opening")
    office.until(lambda: office.told() == ["TRYING"])
    office.capacity(None)
    assert office.end_of(execution) == "SUCCEEDED"
    assert office.answer() == before


@pytest.mark.long
def test_an_opening_that_is_given_up_raises_an_alarm(office: Any, code: Any) -> None:
    """It is told in so many words, too, and a later opening succeeds."""
    given = code(version="2", note="two", give_up_after_minutes=10)
    assert office.deploy(given) == "UPDATE_COMPLETE", office.failures()
    office.close()
    office.capacity(0)
    execution = office.fire("Opening")
    assert office.end_of(execution) == "FAILED"
    assert "InsufficientInstanceCapacity" in office.failed_execution(execution)
    office.until(lambda: any("Failed" in name for name in office.alarms_raised()))
    assert office.told() == ["TRYING", "FAILED"]
    office.capacity(None)
    office.open()
    assert office.status() == "InService"


@pytest.mark.long
def test_a_deployment_that_cannot_open_the_endpoint_fails_and_leaves_it_closed(
    office: Any, code: Any
) -> None:
    """It says why; the rollback needs no endpoint, and a later opening finds what was."""
    before = office.answer()
    office.close()
    office.capacity(0)
    given = code(version="3", note="two", give_up_after_minutes=10)
    assert office.deploy(given) == "UPDATE_ROLLBACK_COMPLETE"
    assert "could not be opened: " in office.failures()[0]
    assert "InsufficientInstanceCapacity" in office.failures()[0]
    assert office.status() == "Missing"
    assert office.told() == ["TRYING", "FAILED"]
    office.capacity(None)
    office.open()
    assert office.answer() == before


@pytest.mark.long
def test_a_stack_is_deleted_while_its_endpoint_is_closed(office: Any) -> None:
    """Nothing is left, and nothing is made any more."""
    office.close()
    stack = office.begin_to_destroy()
    assert office.at_rest(stack) == "DELETE_COMPLETE"
    assert office.status() == "Missing"
    assert office.configs() == []
    assert office.parameters() == []
