"""Scheduled actions: when they run, and what they do to a target."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError

from local_aws.autoscaling.schedules import Clock

NIGHTLY = "cron(0 2 * * ? *)"
TOKYO = "Asia/Tokyo"


@pytest.fixture(scope="module")
def scaling(local_aws: Any) -> Any:
    """A client."""
    return local_aws.client("application-autoscaling")


@pytest.fixture(scope="module")
def variant(make_variant: Callable[..., Any]) -> Any:
    """A variant that gets no traffic."""
    return make_variant("scheduled")


@pytest.fixture
def target(scaling: Any, variant: Any) -> Iterator[Any]:
    """The same, registered with one instance at least and at most."""
    scaling.register_scalable_target(**variant.resource, MinCapacity=1, MaxCapacity=1)
    variant.wait_for(1)
    yield variant
    scaling.deregister_scalable_target(**variant.resource)


def put(scaling: Any, target: Any, name: str, **given: Any) -> None:
    """Put a scheduled action; nightly unless told otherwise."""
    scaling.put_scheduled_action(
        **target.resource, **{"ScheduledActionName": name, "Schedule": NIGHTLY, **given}
    )


def run(local_aws: Any, target: Any, name: str) -> int:
    """Run a scheduled action at once; the HTTP status."""
    url = f"{local_aws.url}/_local-aws/scheduled-actions/{target.resource['ResourceId']}/{name}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="POST")) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def bounds(scaling: Any, target: Any) -> tuple[int, int]:
    """Minimum and maximum of the target now."""
    (found,) = scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[target.resource["ResourceId"]]
    )["ScalableTargets"]
    return found["MinCapacity"], found["MaxCapacity"]


def test_a_scheduled_action_sets_the_bounds_and_brings_the_capacity_within_them(
    scaling: Any, target: Any
) -> None:
    """At its time in its time zone, once; each of the two changes is an activity."""
    due = datetime.now(ZoneInfo(TOKYO)) + timedelta(seconds=2)
    put(
        scaling,
        target,
        "morning",
        Schedule=f"at({due:%Y-%m-%dT%H:%M:%S})",
        Timezone=TOKYO,
        ScalableTargetAction={"MinCapacity": 2, "MaxCapacity": 3},
    )
    assert bounds(scaling, target) == (1, 1)
    target.wait_for(2)
    assert bounds(scaling, target) == (2, 3)
    capacity, change = target.activities()[:2]
    assert change["Description"] == "Setting min capacity to 2 and max capacity to 3"
    assert change["Cause"] == "scheduled action name morning was triggered"
    assert change["StatusMessage"] == ("Successfully set min capacity to 2 and max capacity to 3")
    assert (capacity["Description"], capacity["Cause"]) == (
        "Setting desired instance count to 2.",
        "minimum capacity was set to 2",
    )


def test_an_action_can_be_run_at_once_and_may_set_one_bound_only(
    local_aws: Any, scaling: Any, target: Any
) -> None:
    """The other bound stays; a change that would turn them around fails and changes nothing."""
    put(scaling, target, "wide", ScalableTargetAction={"MaxCapacity": 4})
    put(scaling, target, "impossible", ScalableTargetAction={"MinCapacity": 9})
    assert run(local_aws, target, "wide") == 202
    assert bounds(scaling, target) == (1, 4)
    assert target.activities()[0]["Description"] == "Setting max capacity to 4"
    assert run(local_aws, target, "impossible") == 202
    assert bounds(scaling, target) == (1, 4)
    failed = target.activities()[0]
    assert failed["StatusCode"] == "Failed"
    assert "Maximum capacity cannot be less than minimum capacity: 4 < 9" in failed["StatusMessage"]
    assert run(local_aws, target, "unknown") == 404


def test_suspended_scheduled_scaling_does_nothing(
    local_aws: Any, scaling: Any, target: Any
) -> None:
    """Not even to the bounds; scaling by policies has its own switches."""
    put(scaling, target, "wide", ScalableTargetAction={"MaxCapacity": 4})
    suspended = {"ScheduledScalingSuspended": True}
    scaling.register_scalable_target(**target.resource, SuspendedState=suspended)
    before = target.activities()
    run(local_aws, target, "wide")
    assert (bounds(scaling, target), target.activities()) == ((1, 1), before)
    suspended = {"ScheduledScalingSuspended": False, "DynamicScalingOutSuspended": True}
    scaling.register_scalable_target(**target.resource, SuspendedState=suspended)
    run(local_aws, target, "wide")
    assert bounds(scaling, target) == (1, 4)


def test_an_action_is_changed_by_its_name_and_goes_with_its_target(
    scaling: Any, variant: Any
) -> None:
    """What is not given stays, but for the times, as AWS has it."""
    scaling.register_scalable_target(**variant.resource, MinCapacity=1, MaxCapacity=1)
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    put(scaling, variant, "a", StartTime=start, ScalableTargetAction={"MaxCapacity": 4})
    put(scaling, variant, "b", ScalableTargetAction={"MinCapacity": 1})

    def found(**given: Any) -> list[dict[str, Any]]:
        answer = scaling.describe_scheduled_actions(**variant.resource, **given)
        return list(answer["ScheduledActions"])

    (action,) = found(ScheduledActionNames=["a"])
    assert (action["StartTime"], action["Schedule"]) == (start, NIGHTLY)
    scaling.put_scheduled_action(
        **variant.resource, ScheduledActionName="a", Schedule="rate(1 day)"
    )
    (action,) = found(ScheduledActionNames=["a"])
    assert "StartTime" not in action
    assert action["Schedule"] == "rate(1 day)"
    assert action["ScalableTargetAction"] == {"MaxCapacity": 4}
    scaling.delete_scheduled_action(**variant.resource, ScheduledActionName="a")
    assert [action["ScheduledActionName"] for action in found()] == ["b"]
    scaling.deregister_scalable_target(**variant.resource)
    assert found() == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"Schedule": "cron(0 2 * * *)"}, "Invalid schedule expression"),
        ({"Timezone": "Mars/Olympus"}, "Invalid schedule expression"),
        ({"ScalableTargetAction": {}}, "must set MinCapacity, MaxCapacity or both"),
        (
            {"ScalableTargetAction": {"MinCapacity": 3, "MaxCapacity": 2}},
            "Maximum capacity cannot be less than minimum capacity: 2 < 3",
        ),
        (
            {"StartTime": datetime(2030, 1, 2, tzinfo=UTC), "EndTime": datetime(2030, 1, 1)},
            "EndTime must be later than StartTime",
        ),
    ],
)
def test_an_action_that_could_do_nothing_is_refused(
    scaling: Any, target: Any, given: dict[str, Any], words: str
) -> None:
    """ValidationException, and nothing is kept."""
    with pytest.raises(ClientError, match=words) as raised:
        put(scaling, target, "bad", **{"ScalableTargetAction": {"MinCapacity": 1}, **given})
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    assert scaling.describe_scheduled_actions(**target.resource)["ScheduledActions"] == []


def test_an_action_needs_a_registered_target(scaling: Any, variant: Any) -> None:
    """ObjectNotFoundException, as for an action that is not there."""
    for call in (
        lambda: put(scaling, variant, "early", ScalableTargetAction={"MinCapacity": 1}),
        lambda: scaling.delete_scheduled_action(**variant.resource, ScheduledActionName="none"),
    ):
        with pytest.raises(ClientError) as raised:
            call()
        assert raised.value.response["Error"]["Code"] == "ObjectNotFoundException"


def test_start_and_end_bound_a_recurring_schedule() -> None:
    """Before the one and after the other nothing runs."""
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)

    def at(minutes: float) -> float:
        return (noon + timedelta(minutes=minutes)).timestamp()

    action: Any = SimpleNamespace(
        arn="arn",
        scalable_dimension="sagemaker:variant:DesiredInstanceCount",
        schedule="cron(* * * * ? *)",
        timezone="UTC",
        start_time=at(2.5),
        end_time=at(5),
        creation_time=at(-60),
    )
    ran: list[int] = []
    backend: Any = object()
    minute = 0
    clock = Clock(lambda *_: ran.append(minute), lambda: [(backend, action)])
    for minute in range(9):
        clock.tick(noon + timedelta(minutes=minute))
    assert ran == [3, 4, 5]
