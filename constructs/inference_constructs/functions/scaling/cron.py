"""EventBridge's cron expressions, which scheduled actions use, looked at backwards.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_YEARS = (1970, 2199)
# Longer ago than the longest time between two leap years.
_MOST_DAYS = 8 * 366 + 1


@dataclass(frozen=True, kw_only=True)
class Cron:
    """A schedule: `minutes hours day-of-month month day-of-week year`.

    Attributes:
        times: of a day, the latest first.
        days_of_month: the field as written.
        months: 1 to 12.
        days_of_week: the field as written.
        years: the years.
    """

    times: Sequence[time]
    days_of_month: str
    months: frozenset[int]
    days_of_week: str
    years: frozenset[int]

    @classmethod
    def parse(cls, fields: str) -> Cron:
        """Reads an expression.

        Args:
            fields: the six fields.
        """
        minutes, hours, days_of_month, months, days_of_week, years = fields.upper().split()
        return cls(
            times=[
                time(hour, minute)
                for hour in sorted(_values(hours, 0, 23), reverse=True)
                for minute in sorted(_values(minutes, 0, 59), reverse=True)
            ],
            days_of_month=days_of_month,
            months=frozenset(_values(months, 1, 12, _MONTHS)),
            days_of_week=days_of_week,
            years=frozenset(_values(years, *_YEARS)),
        )

    def last(self, now: datetime) -> datetime | None:
        """The last turn up to a moment; None if it is years ago.

        Args:
            now: the moment, in the schedule's time zone.
        """
        for back in range(_MOST_DAYS):
            day = now.date() - timedelta(days=back)
            if not self._includes(day):
                continue
            for turn in self.times:
                moment = datetime.combine(day, turn, tzinfo=now.tzinfo)
                if moment <= now:
                    return moment
        return None

    def _includes(self, day: date) -> bool:
        return (
            day.year in self.years
            and day.month in self.months
            and any(_day_of_month(part, day) for part in self.days_of_month.split(","))
            and any(_day_of_week(part, day) for part in self.days_of_week.split(","))
        )


def _day_of_month(part: str, day: date) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    if part == "L":
        return day.day == last
    if part.endswith("W"):
        wanted = last if part == "LW" else int(part[:-1])
        return wanted <= last and day == _nearest_weekday(day.replace(day=wanted), last)
    return day.day in set(_values(part, 1, 31))


def _nearest_weekday(day: date, last: int) -> date:
    """The day, or the next to it that is no weekend day and in the same month."""
    match day.isoweekday():
        case 6:
            return day + timedelta(days=-1 if day.day > 1 else 2)
        case 7:
            return day + timedelta(days=1 if day.day < last else -2)
        case _:
            return day


def _day_of_week(part: str, day: date) -> bool:
    weekday = day.isoweekday() % 7 + 1
    if part == "L":
        return weekday == len(_WEEKDAYS)
    if part.endswith("L"):
        last = calendar.monthrange(day.year, day.month)[1]
        return weekday == _number(part[:-1], _WEEKDAYS) and day.day + 7 > last
    if "#" in part:
        name, _, which = part.partition("#")
        return weekday == _number(name, _WEEKDAYS) and (day.day - 1) // 7 + 1 == int(which)
    return weekday in set(_values(part, 1, 7, _WEEKDAYS))


def _values(field: str, least: int, most: int, names: Sequence[str] = ()) -> Iterator[int]:
    for part in field.split(","):
        spread, _, step = part.partition("/")
        first, _, last = spread.partition("-")
        if spread in {"*", "?"}:
            begin, end = least, most
        else:
            begin = _number(first, names)
            end = _number(last, names) if last else (most if step else begin)
        if end < begin:
            # Over the end of the week or the year, such as FRI-MON.
            yield from range(begin, most + 1)
            begin = least
        yield from range(begin, end + 1, int(step or 1))


def _number(text: str, names: Sequence[str]) -> int:
    return names.index(text) + 1 if text in names else int(text)
