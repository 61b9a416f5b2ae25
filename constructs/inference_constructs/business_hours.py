"""`BusinessHours`: when an endpoint is needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from typing import Final
from zoneinfo import available_timezones

from aws_cdk import TimeZone

from inference_constructs.faults import refuse

HOURS_PER_WEEK: Final = 7 * 24
_MINUTES_PER_DAY: Final = 24 * 60


class Weekday(StrEnum):
    """A day, as cron expressions name it."""

    MONDAY = "MON"
    TUESDAY = "TUE"
    WEDNESDAY = "WED"
    THURSDAY = "THU"
    FRIDAY = "FRI"
    SATURDAY = "SAT"
    SUNDAY = "SUN"


_WEEK = tuple(Weekday)
WORKDAYS: Final = _WEEK[:5]


@dataclass(frozen=True, kw_only=True)
class BusinessHours:
    """The same hours on certain days of the week.

    Where the clocks change, the hours follow the clocks.

    Attributes:
        opens: the time of day, to the minute, at which it is needed.
        closes: the time of day after which it is not; on the next day if it is not after `opens`.
        time_zone: the zone of both.
        days: the days on which it opens.
    """

    opens: time
    closes: time
    time_zone: TimeZone
    days: Sequence[Weekday] = WORKDAYS

    def __post_init__(self) -> None:
        """Refuses hours that no schedule could follow.

        Raises:
            ValueError: names all that is wrong.
        """
        faults = [
            f"{name} must be a time of day to the minute without a zone, not {value}"
            for name, value in (("opens", self.opens), ("closes", self.closes))
            if value.tzinfo is not None or value.second or value.microsecond
        ]
        if self.opens == self.closes:
            faults.append(
                f"opens and closes are both {self.opens:%H:%M}: leave the office hours out for an "
                "endpoint that is always open"
            )
        if not self.days or len(set(self.days)) != len(self.days):
            faults.append("days must name at least one day, and each once")
        zones = available_timezones()
        # Where Python brings no zones along, the deployment tells.
        if zones and self.time_zone.timezone_name not in zones:
            faults.append(
                f"time zone {self.time_zone.timezone_name!r} is not in the IANA database: use one "
                "of aws_cdk.TimeZone"
            )
        refuse("business hours", faults)

    @property
    def hours_per_week(self) -> float:
        """The hours of a week in which it is needed."""
        window = (_minutes(self.closes) - _minutes(self.opens)) % _MINUTES_PER_DAY
        return len(self.days) * window / 60

    @property
    def closed_between(self) -> float:
        """The hours from the closing of a day to the opening of the next."""
        window = (_minutes(self.closes) - _minutes(self.opens)) % _MINUTES_PER_DAY
        return (_MINUTES_PER_DAY - window) / 60

    def opening(self, *, minutes_before: int = 0) -> str:
        """A cron expression of EventBridge Scheduler and Application Auto Scaling.

        Args:
            minutes_before: how long before it is needed; less than a day.
        """
        return self._cron(_minutes(self.opens) - minutes_before)

    def closing(self, *, minutes_after: int = 0) -> str:
        """A cron expression of EventBridge Scheduler and Application Auto Scaling.

        Args:
            minutes_after: how long after it was needed.
        """
        overnight = _MINUTES_PER_DAY if self.closes <= self.opens else 0
        return self._cron(_minutes(self.closes) + overnight + minutes_after)

    def _cron(self, minutes: int) -> str:
        """At minutes after the midnight on which its days begin."""
        shift, minute = divmod(minutes, _MINUTES_PER_DAY)
        chosen = {(_WEEK.index(day) + shift) % len(_WEEK) for day in self.days}
        days = ",".join(_WEEK[index] for index in sorted(chosen))
        return f"cron({minute % 60} {minute // 60} ? * {days} *)"


def _minutes(moment: time) -> int:
    return moment.hour * 60 + moment.minute
