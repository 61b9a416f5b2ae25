"""What schedules do in the course of a week."""

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

MINUTES_PER_WEEK: Final = 7 * 24 * 60
_DAY: Final = 24 * 60
_CRON: Final = re.compile(r"cron\(\s*([^()]+?)\s*\)")
_NAMES: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
# As EventBridge and Application Auto Scaling count them: Sunday is 1.
_DAYS: Final = {name: str(number) for number, name in enumerate(_NAMES, 1)}
_ANY: Final = {"*", "?"}

State = TypeVar("State")


def minutes_of_week(expression: str) -> list[int] | None:
    """When a schedule fires, in minutes since the midnight on which Sunday begins.

    https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html

    Args:
        expression: such as `cron(0 18 ? * MON-FRI *)`.

    Returns:
        The minutes in their order; None if it does not fire in every week alike, as `at` and `rate`
        and crons with days of the month do not.
    """
    found = _CRON.fullmatch(expression.strip())
    fields = found[1].upper().split() if found else []
    if len(fields) != 6 or not {fields[2], fields[3], fields[5]} <= _ANY:
        return None
    names = re.sub("|".join(_DAYS), lambda day: _DAYS[day[0]], fields[4])
    minutes, hours, days = (
        _values(fields[0], 0, 59),
        _values(fields[1], 0, 23),
        _values(names, 1, 7),
    )
    if minutes is None or hours is None or days is None:
        return None
    return sorted(
        (day - 1) * _DAY + hour * 60 + minute
        for day in days
        for hour in hours
        for minute in minutes
    )


def average(
    changes: Sequence[tuple[int, Callable[[State], State]]],
    start: State,
    measure: Callable[[State], float],
) -> float:
    """The average over a week that is like all others.

    Args:
        changes: the minutes of the week, and what changes then.
        start: how it is before the first change of all.
        measure: what is averaged.
    """
    spans = stretches(changes, start)
    return sum(minutes * measure(state) for minutes, state in spans) / MINUTES_PER_WEEK


def stretches(
    changes: Sequence[tuple[int, Callable[[State], State]]], start: State
) -> list[tuple[int, State]]:
    """The stretches of a week that is like all others: how long, and how it is.

    Args:
        changes: the minutes of the week, and what changes then.
        start: how it is before the first change of all.
    """
    ordered = sorted(changes, key=lambda change: change[0])
    state = start
    # The week before, so that Sunday begins as Saturday ends.
    for _, change in ordered:
        state = change(state)
    found, since = [], 0
    for minute, change in ordered:
        if minute > since:
            found.append((minute - since, state))
            since = minute
        state = change(state)
    return [*found, (MINUTES_PER_WEEK - since, state)]


def _values(field: str, lowest: int, highest: int) -> set[int] | None:
    """The values of one field; None if it says something else, such as `3#2`."""
    values: set[int] = set()
    for part in field.split(","):
        spread, _, step = part.partition("/")
        if spread in _ANY:
            first, last = lowest, highest
        else:
            ends = spread.split("-")
            if len(ends) > 2 or not all(end.isdigit() for end in ends):
                return None
            first, last = int(ends[0]), int(ends[-1])
            # In Quartz's manner 5/10 means from 5 on.
            last = highest if step and len(ends) == 1 else last
        if (step and not (step.isdigit() and int(step))) or not lowest <= first <= last <= highest:
            return None
        values.update(range(first, last + 1, int(step or 1)))
    return values
