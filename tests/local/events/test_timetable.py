"""When something with a schedule expression is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from local_aws.events.timetable import Recurrence, Timetable

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def times(recurrence: Recurrence, *, since: datetime, hours: float) -> list[datetime]:
    """What becomes due to somebody who asks each minute."""
    timetable = Timetable()
    steps = int(hours * 60) + 1
    found = [timetable.due("x", recurrence, since + timedelta(minutes=n)) for n in range(steps)]
    return [due for due in found if due is not None]


def test_a_rate_counts_from_its_beginning() -> None:
    """The first time is one interval after it."""
    every = Recurrence(expression="rate(2 hours)", zone="UTC", enabled=True, begin=NOON)
    assert times(every, since=NOON, hours=5) == [
        NOON + timedelta(hours=2),
        NOON + timedelta(hours=4),
    ]


def test_a_cron_expression_is_read_in_its_time_zone() -> None:
    """18:00 in Berlin is 16:00 UTC in summer."""
    evening = Recurrence(
        expression="cron(0 18 * * ? *)", zone="Europe/Berlin", enabled=True, begin=NOON
    )
    assert times(evening, since=NOON, hours=5) == [NOON + timedelta(hours=4)]


def test_nothing_is_due_before_its_beginning_or_while_it_is_disabled() -> None:
    """Nor does what passed meanwhile come later."""
    later = Recurrence(
        expression="cron(0 * * * ? *)",
        zone="UTC",
        enabled=True,
        begin=NOON + timedelta(hours=2, minutes=30),
    )
    assert times(later, since=NOON, hours=3) == [NOON + timedelta(hours=3)]
    off = Recurrence(expression="rate(1 minute)", zone="UTC", enabled=False, begin=NOON)
    assert times(off, since=NOON, hours=1) == []


def test_what_passed_before_anyone_looked_is_gone() -> None:
    """A server that starts late does not catch up on what it missed."""
    once = Recurrence(expression="at(2026-07-01T12:00:00)", zone="UTC", enabled=True, begin=NOON)
    assert Timetable().due("x", once, NOON + timedelta(minutes=5)) is None
    assert Timetable().due("x", once, NOON) == NOON


def test_another_expression_is_worked_out_anew() -> None:
    """What the earlier one would have done is forgotten."""
    timetable = Timetable()
    slow = Recurrence(expression="rate(1 hour)", zone="UTC", enabled=True, begin=NOON)
    quick = Recurrence(expression="rate(1 minute)", zone="UTC", enabled=True, begin=NOON)
    assert timetable.due("x", slow, NOON) is None
    assert timetable.due("x", quick, NOON + SECOND) is None
    assert timetable.due("x", quick, NOON + 60 * SECOND) == NOON + 60 * SECOND
