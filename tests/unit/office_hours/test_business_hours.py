"""Business hours as cron expressions, in the time zone of those who work."""

from __future__ import annotations

from datetime import UTC, time
from typing import Any

import pytest
from aws_cdk import TimeZone

from inference_constructs import BusinessHours, Weekday

ZURICH = TimeZone.EUROPE_ZURICH


def hours(opens: time, closes: time, **given: Any) -> BusinessHours:
    """Hours in Zurich."""
    return BusinessHours(opens=opens, closes=closes, time_zone=ZURICH, **given)


def test_office_hours_are_on_workdays_unless_told_otherwise() -> None:
    """The expressions name the days, as EventBridge Scheduler wants them."""
    given = hours(time(7, 30), time(19))
    assert given.opening() == "cron(30 7 ? * MON,TUE,WED,THU,FRI *)"
    assert given.closing() == "cron(0 19 ? * MON,TUE,WED,THU,FRI *)"
    assert given.hours_per_week == 57.5
    assert given.closed_between == 12.5


def test_hours_over_midnight_close_on_the_next_day() -> None:
    """A night shift that begins on Sunday ends on Monday."""
    given = hours(time(22), time(6), days=[Weekday.FRIDAY, Weekday.SUNDAY])
    assert given.opening() == "cron(0 22 ? * FRI,SUN *)"
    assert given.closing() == "cron(0 6 ? * MON,SAT *)"
    assert given.hours_per_week == 16


def test_an_opening_ahead_of_the_hours_may_fall_on_the_day_before() -> None:
    """A quarter of an hour before midnight on Monday is Sunday."""
    given = hours(time(0), time(12), days=[Weekday.MONDAY])
    assert given.opening(minutes_before=15) == "cron(45 23 ? * SUN *)"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"opens": time(8), "closes": time(8)}, "both 08:00: leave the office hours out"),
        ({"opens": time(8, 0, 1), "closes": time(9)}, "opens must be a time of day to the minute"),
        ({"opens": time(8), "closes": time(9, tzinfo=UTC)}, "closes must be a time of day"),
        ({"opens": time(8), "closes": time(9), "days": []}, "at least one day"),
        ({"opens": time(8), "closes": time(9), "days": [Weekday.MONDAY] * 2}, "each once"),
        (
            {"opens": time(8), "closes": time(9), "time_zone": TimeZone.of("Europe/Züri")},
            "'Europe/Züri' is not in the IANA database",
        ),
    ],
)
def test_hours_that_no_schedule_could_follow_are_refused(
    given: dict[str, Any], message: str
) -> None:
    """With what to change."""
    with pytest.raises(ValueError, match=message):
        BusinessHours(**{"time_zone": ZURICH} | given)
