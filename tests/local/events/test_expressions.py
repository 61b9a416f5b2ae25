"""Schedule expressions: times worked out with a calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from local_aws.events.expressions import ExpressionError, parse

# A Wednesday.
NOW = datetime(2026, 7, 15, 10, 30, 20, tzinfo=UTC)


def utc(text: str) -> datetime:
    """A time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "zone", "expected"),
    [
        ("cron(0 12 * * ? *)", "UTC", "2026-07-15T12:00"),
        ("cron(30 10 * * ? *)", "UTC", "2026-07-16T10:30"),
        ("cron(0/15 * * * ? *)", "UTC", "2026-07-15T10:45"),
        ("cron(5,35 10-11 * * ? *)", "UTC", "2026-07-15T10:35"),
        ("cron(0 8 1 * ? *)", "UTC", "2026-08-01T08:00"),
        ("cron(0 8 ? * MON-FRI *)", "UTC", "2026-07-16T08:00"),
        ("cron(0 8 ? * 1 *)", "UTC", "2026-07-19T08:00"),
        ("cron(0 8 ? * 6L *)", "UTC", "2026-07-31T08:00"),
        ("cron(0 8 ? * MON#3 *)", "UTC", "2026-07-20T08:00"),
        ("cron(0 8 L * ? *)", "UTC", "2026-07-31T08:00"),
        # 1 August 2026 is a Saturday: the nearest weekday in the month is Monday the 3rd.
        ("cron(0 8 1W * ? *)", "UTC", "2026-08-03T08:00"),
        # 31 January 2027 is a Sunday.
        ("cron(0 8 31W JAN ? 2027)", "UTC", "2027-01-29T08:00"),
        ("cron(0 0 29 2 ? *)", "UTC", "2028-02-29T00:00"),
        # Berlin is two hours ahead in summer.
        ("cron(0 14 * * ? *)", "Europe/Berlin", "2026-07-15T12:00"),
        ("at(2026-07-15T14:00:00)", "Europe/Berlin", "2026-07-15T12:00"),
    ],
)
def test_the_next_time_of_an_expression(expression: str, zone: str, expected: str) -> None:
    """Fields, steps, ranges, names, last and nearest days, and time zones."""
    found = parse(expression, zone).next_after(NOW, anchor=NOW)
    assert found == utc(expected)


@pytest.mark.parametrize(
    ("expression", "minutes"),
    [("rate(5 minutes)", 5), ("rate(1 hour)", 60), ("rate(2 days)", 2880)],
)
def test_a_rate_counts_from_its_anchor(expression: str, minutes: int) -> None:
    """The first time is one interval after it, whenever one looks."""
    interval = timedelta(minutes=minutes)
    rate = parse(expression)
    assert rate.next_after(NOW, anchor=NOW) == NOW + interval
    assert rate.next_after(NOW + 2.5 * interval, anchor=NOW) == NOW + 3 * interval
    assert rate.next_after(NOW + 3 * interval, anchor=NOW) == NOW + 4 * interval


def test_a_time_that_is_past_does_not_come_again() -> None:
    """``at`` once, and ``cron`` with a year that is over."""
    assert parse("at(2026-07-15T10:00:00)").next_after(NOW, anchor=NOW) is None
    assert parse("cron(0 0 1 1 ? 2026)").next_after(NOW, anchor=NOW) is None


def test_a_time_that_the_clock_skips_is_skipped() -> None:
    """In Berlin 2:30 does not exist on 29 March 2026."""
    before = utc("2026-03-28T12:00")
    found = parse("cron(30 2 * * ? *)", "Europe/Berlin").next_after(before, anchor=before)
    assert found == utc("2026-03-30T00:30")


def test_a_time_that_comes_twice_counts_once() -> None:
    """In Berlin 2:30 comes twice on 25 October 2026: at 0:30 and at 1:30 UTC."""
    cron = parse("cron(30 2 * * ? *)", "Europe/Berlin")
    before = utc("2026-10-24T12:00")
    first = cron.next_after(before, anchor=before)
    assert first == utc("2026-10-25T00:30")
    assert cron.next_after(first, anchor=before) == utc("2026-10-26T01:30")


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "daily",
        "rate(0 minutes)",
        "rate(5 weeks)",
        "at(tomorrow)",
        "cron(0 12 * * *)",
        "cron(0 12 * * * *)",
        "cron(0 12 ? * ? *)",
        "cron(60 12 * * ? *)",
        "cron(0 12 ? * MOON *)",
        "cron(9-5 12 * * ? *)",
    ],
)
def test_what_is_no_expression_is_refused(expression: str) -> None:
    """With wrong units, fields, values and ranges."""
    with pytest.raises(ExpressionError):
        parse(expression)


def test_an_unknown_time_zone_is_refused() -> None:
    """By its name."""
    with pytest.raises(ExpressionError, match="Europe/Atlantis"):
        parse("rate(5 minutes)", "Europe/Atlantis")
