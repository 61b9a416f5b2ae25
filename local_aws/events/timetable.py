"""When things with a schedule expression are due, in real time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from local_aws.events.expressions import parse

TICK_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Recurrence:
    """What decides when something is due.

    Attributes:
        expression: ``rate(…)``, ``cron(…)`` or ``at(…)``.
        zone: the time zone in which it is read.
        enabled: whether it is to fire at all.
        begin: what a rate counts from; nothing is due before it.
    """

    expression: str
    zone: str
    enabled: bool
    begin: datetime


@dataclass
class _Due:
    recurrence: Recurrence
    at: datetime | None


class Timetable:
    """Remembers when each thing is due next; asked once a second."""

    def __init__(self) -> None:
        self._due: dict[str, _Due] = {}

    def begin_of(self, key: str, now: datetime) -> datetime:
        """Since when ``key`` is known here: now, if it is not."""
        return self._due[key].recurrence.begin if key in self._due else now

    def due(self, key: str, recurrence: Recurrence, now: datetime) -> datetime | None:
        """The time at which ``key`` became due, if it did; works out the next one."""
        known = self._due.get(key)
        parsed = parse(recurrence.expression, recurrence.zone)
        if known is None or known.recurrence != recurrence:
            # A time that passed before anyone looked is gone, but for the tick that just ended.
            since = max(
                recurrence.begin - timedelta(microseconds=1),
                now - timedelta(seconds=TICK_SECONDS),
            )
            at = parsed.next_after(since, anchor=recurrence.begin)
            known = self._due[key] = _Due(recurrence, at)
        if not recurrence.enabled or known.at is None or known.at > now:
            return None
        due = known.at
        known.at = parsed.next_after(max(now, due), anchor=recurrence.begin)
        return due
