"""Bounds of a week follow its schedules, to the minute."""

from typing import Any

import pytest

from inference_ops.cost.capacity import Capacity
from inference_ops.cost.week import minutes_of_week, stretches

DAY = 24 * 60


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # Sunday is the first day.
        ("cron(30 7 ? * SUN *)", [7 * 60 + 30]),
        ("cron(0 0 ? * 1,7 *)", [0, 6 * DAY]),
        ("cron(0 18 ? * MON-FRI *)", [day * DAY + 18 * 60 for day in range(1, 6)]),
        ("cron(0 6 * * ? *)", [day * DAY + 6 * 60 for day in range(7)]),
        ("cron(0/30 12 ? * WED *)", [3 * DAY + 720, 3 * DAY + 750]),
        ("cron(10-12 0 ? * sun *)", [10, 11, 12]),
        # Not every week alike.
        ("cron(0 6 1 * ? *)", None),
        ("cron(0 6 ? 12 MON *)", None),
        ("cron(0 6 ? * MON 2027)", None),
        ("cron(0 6 ? * 2#1 *)", None),
        ("cron(0 6 ? * MONL *)", None),
        ("at(2027-01-01T00:00:00)", None),
        ("rate(1 day)", None),
        # Not a cron at all.
        ("cron(0 25 ? * MON *)", None),
        ("cron(0 6 ? * MON)", None),
        ("cron(0/0 6 ? * MON *)", None),
        ("", None),
    ],
)
def test_a_cron_fires_at_minutes_of_the_week(expression: str, expected: list[int] | None) -> None:
    """By hand, after the field tables of EventBridge Scheduler."""
    assert minutes_of_week(expression) == expected


def test_a_week_begins_as_the_one_before_ended() -> None:
    """What is set on Friday holds on Sunday."""
    spans = stretches([(DAY, lambda _: "on"), (3 * DAY, lambda _: "off")], "start")
    assert spans == [(DAY, "off"), (2 * DAY, "on"), (4 * DAY, "off")]


def action(schedule: str, **bounds: int) -> dict[str, Any]:
    """A scheduled action."""
    return {"Schedule": schedule, "ScalableTargetAction": bounds}


def target(*actions: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A scalable target from 2 to 6."""
    return {"MinCapacity": 2, "MaxCapacity": "6", "ScheduledActions": list(actions), **more}


WORKDAYS = (
    action("cron(0 8 ? * MON-FRI *)", MinCapacity=2, MaxCapacity=6),
    action("cron(0 20 ? * MON-FRI *)", MinCapacity=0, MaxCapacity=1),
)


def test_without_schedules_the_bounds_are_the_targets() -> None:
    """Numbers may be written as texts."""
    assert Capacity.of_target(target()) == Capacity.between(2, 6)


def test_schedules_count_for_as_long_as_they_hold() -> None:
    """5 days x 12 hours = 60 of 168 hours are from 2 to 6, the other 108 from 0 to 1."""
    capacity = Capacity.of_target(target(*WORKDAYS))
    assert capacity is not None
    assert capacity.least == pytest.approx(60 * 2 / 168)
    assert capacity.most == pytest.approx((60 * 6 + 108 * 1) / 168)
    assert (capacity.always, capacity.peak) == (0, 6)
    assert capacity.needed == pytest.approx(60 / 168)
    assert capacity.possible == 1


def test_a_schedule_leaves_the_bound_alone_that_it_does_not_name() -> None:
    """The minimum is 4 on one day of seven; the maximum is always 6."""
    capacity = Capacity.of_target(
        target(
            action("cron(0 0 ? * MON *)", MinCapacity=4),
            action("cron(0 0 ? * TUE *)", MinCapacity=2),
        )
    )
    assert capacity is not None
    assert capacity.least == pytest.approx((1 * 4 + 6 * 2) / 7)
    assert capacity.most == 6


@pytest.mark.parametrize(
    ("bounds", "extremes"),
    # Beside the target's own 2 to 6.
    [
        ({"MinCapacity": 1, "MaxCapacity": 9}, (1, 9)),
        ({"MinCapacity": 3, "MaxCapacity": 4}, (2, 6)),
    ],
)
@pytest.mark.parametrize(
    ("schedule", "more"),
    [
        ("at(2027-01-01T00:00:00)", {}),
        ("cron(0 0 1 * ? *)", {}),
        ("cron(0 0 ? * MON *)", {"EndTime": "2027-01-01T00:00:00Z"}),
        ("cron(0 0 ? * MON *)", {"StartTime": "2027-01-01T00:00:00Z"}),
    ],
)
def test_what_does_not_repeat_every_week_counts_with_its_extremes(
    schedule: str, more: dict[str, str], bounds: dict[str, int], extremes: tuple[int, int]
) -> None:
    """Nobody knows for how long it holds."""
    once = {**action(schedule, **bounds), **more}
    assert Capacity.of_target(target(once)) == Capacity.between(*extremes)


def test_suspended_schedules_set_nothing() -> None:
    """They stay configured, and rest."""
    suspended = target(*WORKDAYS, SuspendedState={"ScheduledScalingSuspended": True})
    assert Capacity.of_target(suspended) == Capacity.between(2, 6)


def test_bounds_that_only_a_deployment_tells_are_not_known() -> None:
    """Neither the target's nor a schedule's."""
    assert Capacity.of_target({"MinCapacity": 1, "MaxCapacity": {"Ref": "Most"}}) is None
    late = {"Schedule": "cron(0 8 ? * MON *)", "ScalableTargetAction": {"MinCapacity": "x"}}
    assert Capacity.of_target(target(late)) is None
