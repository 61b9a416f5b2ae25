"""Schedule expressions: ``rate(…)``, ``cron(…)`` and ``at(…)``.

See https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html.
"""

from __future__ import annotations

import calendar
import re
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_CALL = re.compile(r"(rate|cron|at)\((.*)\)")
_RATE = re.compile(r"(\d+) (minute|hour|day)s?")
_MONTHS = {name.upper(): index for index, name in enumerate(calendar.month_abbr) if name}
_DAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
# A leap year's day on a certain weekday can be 40 years away.
_HORIZON_DAYS = 366 * 41

_DayTest = Callable[[date], bool]


class ExpressionError(ValueError):
    """Not a schedule expression."""


class Expression:
    """When something is due."""

    @abstractmethod
    def next_after(self, moment: datetime, *, anchor: datetime) -> datetime | None:
        """The first time after ``moment``; None if there is none.

        Args:
            moment: with a time zone.
            anchor: what a rate counts from: the start date, or when the schedule was made.
        """


@dataclass(frozen=True, kw_only=True)
class Rate(Expression):
    """Every so often, counted from the anchor; the first time one interval after it."""

    interval: timedelta

    def next_after(self, moment: datetime, *, anchor: datetime) -> datetime | None:
        """The next whole number of intervals after the anchor."""
        passed = max(0, (moment - anchor) // self.interval)
        return anchor + (passed + 1) * self.interval


@dataclass(frozen=True, kw_only=True)
class At(Expression):
    """Once."""

    due: datetime

    def next_after(self, moment: datetime, *, anchor: datetime) -> datetime | None:
        """Its time, if that is still to come."""
        del anchor
        return self.due if self.due > moment else None


@dataclass(frozen=True, kw_only=True)
class Cron(Expression):
    """At certain minutes, hours and days of a time zone."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    years: frozenset[int]
    day: _DayTest
    zone: ZoneInfo

    def next_after(self, moment: datetime, *, anchor: datetime) -> datetime | None:
        """The next time that exists in the zone: one that the clock skips in spring is skipped."""
        del anchor
        today = moment.astimezone(self.zone).date()
        for day in self._days(today):
            for hour in self.hours:
                for minute in self.minutes:
                    # Without fold it is the first of two equal times in autumn: once, not twice.
                    due = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone)
                    if due.astimezone(UTC) > moment and self._exists(due):
                        return due.astimezone(UTC)
        return None

    def _days(self, first: date) -> Iterator[date]:
        for offset in range(_HORIZON_DAYS):
            day = first + timedelta(days=offset)
            if day.year > max(self.years):
                return
            if day.month in self.months and day.year in self.years and self.day(day):
                yield day

    def _exists(self, due: datetime) -> bool:
        again = due.astimezone(UTC).astimezone(self.zone)
        return again.replace(tzinfo=None) == due.replace(tzinfo=None)


def parse(expression: str, zone: str = "UTC") -> Expression:
    """Parse a schedule expression.

    Args:
        expression: as the API takes it.
        zone: the time zone's name, for ``cron`` and ``at``.

    Raises:
        ExpressionError: it is not one, or there is no such time zone.
    """
    try:
        time_zone = ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise ExpressionError(f"{zone!r} is not a time zone") from error
    call = _CALL.fullmatch(expression.strip())
    if call is None:
        raise ExpressionError(f"{expression!r} is not rate(…), cron(…) or at(…)")
    kind, inner = call.groups()
    if kind == "rate":
        return _rate(inner)
    if kind == "cron":
        return _cron(inner, time_zone)
    try:
        return At(due=datetime.fromisoformat(inner).replace(tzinfo=time_zone))
    except ValueError as error:
        raise ExpressionError(f"{inner!r} is not a time as 2026-01-31T08:00:00") from error


def _rate(inner: str) -> Rate:
    match = _RATE.fullmatch(inner)
    if match is None or int(match[1]) == 0:
        raise ExpressionError(f"{inner!r} is not a rate as '5 minutes'")
    return Rate(interval=timedelta(**{f"{match[2]}s": int(match[1])}))


def _cron(inner: str, zone: ZoneInfo) -> Cron:
    fields = inner.split()
    if len(fields) != 6:
        raise ExpressionError(
            f"{inner!r} has {len(fields)} fields, cron needs 6: "
            "minutes hours day-of-month month day-of-week year"
        )
    minute, hour, day_of_month, month, day_of_week, year = (field.upper() for field in fields)
    if (day_of_month == "?") == (day_of_week == "?"):
        raise ExpressionError(f"one of day-of-month and day-of-week in {inner!r} must be ?")
    return Cron(
        minutes=tuple(sorted(_numbers(minute, 0, 59))),
        hours=tuple(sorted(_numbers(hour, 0, 23))),
        months=frozenset(_numbers(month, 1, 12, _MONTHS)),
        years=frozenset(_numbers(year, _FIRST_YEAR, _LAST_YEAR)),
        day=_month_days(day_of_month) if day_of_week == "?" else _week_days(day_of_week),
        zone=zone,
    )


def _numbers(field: str, low: int, high: int, names: dict[str, int] | None = None) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        try:
            start = low if first == "*" else _number(first, names)
            end = _number(last, names) if dash else (high if slash or first == "*" else start)
            found.update(range(start, end + 1, int(step) if slash else 1))
        except ValueError as error:
            raise ExpressionError(f"{part!r} is not a value from {low} to {high}") from error
        if not low <= start <= end <= high:
            raise ExpressionError(f"{part!r} is not within {low} to {high}")
    return found


def _number(text: str, names: dict[str, int] | None) -> int:
    return names[text] if names and text in names else int(text)


def _month_days(field: str) -> _DayTest:
    if field == "L":
        return lambda day: day.day == _month_length(day)
    if field == "LW":
        return lambda day: day == _nearest_weekday(day, _month_length(day))
    if field.endswith("W"):
        wanted = min(_numbers(field.removesuffix("W"), 1, 31))
        return lambda day: wanted <= _month_length(day) and day == _nearest_weekday(day, wanted)
    days = _numbers(field, 1, 31)
    return lambda day: day.day in days


def _week_days(field: str) -> _DayTest:
    if "#" in field:
        name, _, nth = field.partition("#")
        weekday, count = min(_numbers(name, 1, 7, _DAYS)), min(_numbers(nth, 1, 5))
        return lambda day: _weekday(day) == weekday and (day.day - 1) // 7 + 1 == count
    if field == "L":
        return lambda day: _weekday(day) == 7
    if field.endswith("L"):
        weekday = min(_numbers(field.removesuffix("L"), 1, 7, _DAYS))
        return lambda day: _weekday(day) == weekday and day.day + 7 > _month_length(day)
    days = _numbers(field, 1, 7, _DAYS)
    return lambda day: _weekday(day) in days


def _weekday(day: date) -> int:
    return day.isoweekday() % 7 + 1


def _month_length(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _nearest_weekday(day: date, wanted: int) -> date:
    """The weekday nearest to a day of the month, without leaving the month."""
    nearest = day.replace(day=wanted)
    if nearest.isoweekday() == 6:
        nearest += timedelta(days=-1 if wanted > 1 else 2)
    elif nearest.isoweekday() == 7:
        nearest += timedelta(days=1 if wanted < _month_length(day) else -2)
    return nearest
