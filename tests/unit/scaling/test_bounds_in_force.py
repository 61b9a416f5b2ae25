"""Which bounds schedules have set by a moment."""

from datetime import UTC, datetime
from typing import Any

import pytest

from inference_constructs.functions.scaling.bounds import bounds_in_force
from inference_constructs.functions.scaling.cron import Cron


def last(expression: str, now: str) -> str | None:
    """The last turn before a moment in UTC."""
    found = Cron.parse(expression).last(datetime.fromisoformat(now).replace(tzinfo=UTC))
    return None if found is None else found.isoformat(timespec="minutes")[:16]


# Sunday 22 November 2026; the expressions and their meanings are those of
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html.
@pytest.mark.parametrize(
    ("expression", "now", "turn"),
    [
        ("0 10 * * ? *", "2026-11-22T12:00", "2026-11-22T10:00"),
        ("0 10 * * ? *", "2026-11-22T10:00", "2026-11-22T10:00"),
        ("0 10 * * ? *", "2026-11-22T09:59", "2026-11-21T10:00"),
        ("15 12 * * ? *", "2026-11-22T12:30", "2026-11-22T12:15"),
        ("0 18 ? * MON-FRI *", "2026-11-22T12:00", "2026-11-20T18:00"),
        ("0 18 ? * 2-6 *", "2026-11-22T12:00", "2026-11-20T18:00"),
        ("0 8 1 * ? *", "2026-11-22T12:00", "2026-11-01T08:00"),
        ("0/15 * * * ? *", "2026-11-22T12:44", "2026-11-22T12:30"),
        ("0/10 * ? * MON-FRI *", "2026-11-22T12:44", "2026-11-20T23:50"),
        ("0/5 8-17 ? * MON-FRI *", "2026-11-22T12:44", "2026-11-20T17:55"),
        ("0 9 ? * 2#1 *", "2026-11-22T12:00", "2026-11-02T09:00"),
        ("0 9 ? * MON,WED *", "2026-11-22T12:00", "2026-11-18T09:00"),
        ("0 9 ? * 6L *", "2026-11-22T12:00", "2026-10-30T09:00"),
        ("0 9 ? * L *", "2026-11-22T12:00", "2026-11-21T09:00"),
        ("0 9 L * ? *", "2026-11-22T12:00", "2026-10-31T09:00"),
        # 15 November is a Sunday, 1 November as well, 31 October a Saturday.
        ("0 9 15W * ? *", "2026-11-22T12:00", "2026-11-16T09:00"),
        ("0 9 1W * ? *", "2026-11-22T12:00", "2026-11-02T09:00"),
        ("0 9 LW 10 ? *", "2026-11-22T12:00", "2026-10-30T09:00"),
        ("0 9 1 JAN,JUL ? *", "2026-11-22T12:00", "2026-07-01T09:00"),
        ("0 9 29 2 ? *", "2026-11-22T12:00", "2024-02-29T09:00"),
        ("0 9 ? * FRI-MON *", "2026-11-18T12:00", "2026-11-16T09:00"),
        ("0 9 1 1 ? 2020-2024", "2026-11-22T12:00", "2024-01-01T09:00"),
        ("0 9 1 1 ? 2030", "2026-11-22T12:00", None),
    ],
)
def test_a_schedules_last_turn_is_found(expression: str, now: str, turn: str | None) -> None:
    """With lists, ranges, steps, last days, weekdays and ordinals."""
    assert last(expression, now) == turn


def action(schedule: str, zone: str | None = None, **given: Any) -> dict[str, Any]:
    """A scheduled action as CloudFormation hands it to a function: all scalars are texts."""
    times = {name: given.pop(name) for name in ("StartTime", "EndTime") if name in given}
    capacity = {name: str(value) for name, value in given.items()}
    told: dict[str, Any] = {"Schedule": schedule, "ScalableTargetAction": capacity} | times
    return told if zone is None else {**told, "Timezone": zone}


def in_force(now: datetime, *actions: dict[str, Any], **given: Any) -> tuple[int, int]:
    """Minimum and maximum of a target of 1 to 4."""
    target = {"MinCapacity": "1", "MaxCapacity": "4", "ScheduledActions": list(actions), **given}
    bounds = bounds_in_force(target, now)
    return bounds["MinCapacity"], bounds["MaxCapacity"]


NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)
MORNING = action("cron(0 8 ? * MON-FRI *)", MinCapacity=6, MaxCapacity=9)
EVENING = action("cron(0 20 ? * MON-FRI *)", MinCapacity=1, MaxCapacity=4)


def test_a_target_that_is_registered_at_noon_is_as_the_morning_left_it() -> None:
    """Else a change of the instance type would shrink the fleet until the next morning."""
    assert in_force(NOON, MORNING, EVENING) == (6, 9)
    assert in_force(NIGHT, MORNING, EVENING) == (1, 4)
    assert in_force(NOON) == (1, 4)


def test_the_clock_is_that_of_the_time_zone() -> None:
    """In November 8:00 in Berlin is 7:00 UTC, in July 6:00."""
    early = action("cron(0 8 * * ? *)", "Europe/Berlin", MinCapacity=3)
    late = action("cron(0 20 * * ? *)", "Europe/Berlin", MinCapacity=1)
    winter = datetime(2026, 11, 20, 6, 59, tzinfo=UTC)
    assert in_force(winter, early, late) == (1, 4)
    assert in_force(winter.replace(hour=7, minute=0), early, late) == (3, 4)
    assert in_force(datetime(2026, 7, 20, 6, 0, tzinfo=UTC), early, late) == (3, 4)


def test_a_bound_that_no_schedule_sets_stays() -> None:
    """Each schedule leaves alone what it does not name."""
    assert in_force(NOON, action("cron(0 8 * * ? *)", MaxCapacity=8)) == (1, 8)
    lower = action("cron(0 9 * * ? *)", MinCapacity=2)
    assert in_force(NOON, action("cron(0 8 * * ? *)", MaxCapacity=8), lower) == (2, 8)


def test_a_single_moment_counts_once_it_is_over() -> None:
    """In its own time zone: noon in Berlin is 11:00 UTC."""
    once = action("at(2026-11-20T12:00:00)", "Europe/Berlin", MinCapacity=4)
    assert in_force(NOON.replace(hour=10, minute=59), once) == (1, 4)
    assert in_force(NOON.replace(hour=11), once) == (4, 4)


def test_a_rate_is_always_in_force() -> None:
    """It has its turn again and again."""
    assert in_force(NOON, action("rate(5 minutes)", MinCapacity=2)) == (2, 4)


def test_a_schedule_counts_from_its_start_to_its_end() -> None:
    """The start is a turn of its own; what was set by the end stays."""
    start, end = "2026-11-20T10:00:00+00:00", "2026-11-21T10:00:00+00:00"
    begins = action("cron(0 8 * * ? *)", MinCapacity=3, StartTime=start)
    assert in_force(NOON.replace(hour=9), begins) == (1, 4)
    assert in_force(NOON, begins) == (3, 4)
    ends = action("cron(0 8 * * ? *)", MinCapacity=3, EndTime=end)
    assert in_force(datetime(2026, 12, 24, tzinfo=UTC), ends, EVENING) == (1, 4)
    assert in_force(datetime(2026, 12, 24, tzinfo=UTC), ends) == (3, 4)


def test_schedules_that_rest_change_nothing() -> None:
    """The bounds are then the code's own."""
    resting = {"SuspendedState": {"ScheduledScalingSuspended": "true"}}
    assert in_force(NOON, MORNING, **resting) == (1, 4)
    awake = {"SuspendedState": {"ScheduledScalingSuspended": "false"}}
    assert in_force(NOON, MORNING, **awake) == (6, 9)


def test_bounds_that_contradict_each_other_are_the_codes() -> None:
    """AWS refuses to carry such an action out."""
    assert in_force(NOON, action("cron(0 8 * * ? *)", MinCapacity=6)) == (1, 4)


def test_a_time_zone_that_is_not_known_is_told() -> None:
    """Application Auto Scaling would refuse the schedule as well."""
    nowhere = action("cron(0 8 * * ? *)", "Europe/Nowhere", MinCapacity=2)
    with pytest.raises(ValueError, match="time zone 'Europe/Nowhere' is not known"):
        in_force(NOON, nowhere)
