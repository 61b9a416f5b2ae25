"""When a metric alarm changes its state, and how CloudWatch words why.

Follows https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
Treatment = Literal["missing", "ignore", "breaching", "notBreaching"]

# CloudWatch looks back further than the evaluation periods, for when some of them have no data. How
# far depends on the alarm; AWS documents the case of three periods, where it is five.
EXTRA_PERIODS = 2

_COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
}
COMPARISON_OPERATORS = tuple(_COMPARISONS)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What an alarm compares, and how many of how many periods must breach.

    Attributes:
        comparison: CloudWatch's comparison operator.
        threshold: the right side of the comparison.
        evaluation_periods: N.
        datapoints_to_alarm: M; N if None.
        treatment: of periods without data.
    """

    comparison: str
    threshold: float
    evaluation_periods: int
    datapoints_to_alarm: int | None = None
    treatment: Treatment = "missing"

    @property
    def needed(self) -> int:
        """M, the number of breaching datapoints that make an alarm."""
        return (
            self.evaluation_periods
            if self.datapoints_to_alarm is None
            else self.datapoints_to_alarm
        )

    @property
    def evaluation_range(self) -> int:
        """How many periods are looked at."""
        return self.evaluation_periods + EXTRA_PERIODS

    def breaches(self, value: float) -> bool:
        """Whether a datapoint breaches the threshold."""
        return _COMPARISONS[self.comparison][0](value, self.threshold)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A state and the reason for it.

    Attributes:
        state: the state.
        reason: as CloudWatch words it.
        evaluated: the datapoints that it stands on with their times, the newest first.
    """

    state: State
    reason: str
    evaluated: tuple[tuple[datetime, float], ...] = ()

    @property
    def values(self) -> tuple[float, ...]:
        """The datapoints, the oldest first."""
        return tuple(value for _, value in reversed(self.evaluated))


def judge(
    condition: Condition, datapoints: Sequence[tuple[datetime, float | None]]
) -> Verdict | None:
    """The state after looking at ``datapoints``, or None to retain the current one.

    Args:
        condition: the alarm's.
        datapoints: start and value of each period of the evaluation range, the oldest first.
    """
    real = [(at, value) for at, value in datapoints if value is not None]
    real = real[-condition.evaluation_periods :]
    missing = condition.evaluation_periods - len(real)
    breaching = sum(condition.breaches(value) for _, value in real)
    treatment = condition.treatment if missing else "missing"

    state: State
    counted = breaching + (missing if treatment == "breaching" else 0)
    if counted >= condition.needed:
        state = "ALARM"
    elif treatment in {"breaching", "notBreaching"} or breaching < len(real):
        state = "OK"
    elif treatment == "ignore":
        return None
    elif not real:
        state = "INSUFFICIENT_DATA"
    elif _is_old_enough(condition, datapoints):
        state = "ALARM"
    else:
        # A few breaching datapoints and nothing else: the next one may be within the threshold.
        return None
    return Verdict(
        state=state,
        reason=_reason(condition, state, tuple(reversed(real)), missing),
        evaluated=tuple(reversed(real)),
    )


def _is_old_enough(
    condition: Condition, datapoints: Sequence[tuple[datetime, float | None]]
) -> bool:
    """Whether the oldest datapoint, where all breach, is as old as the datapoints to alarm."""
    oldest = next(index for index, (_, value) in enumerate(datapoints) if value is not None)
    return len(datapoints) - oldest >= condition.needed


def _reason(
    condition: Condition,
    state: State,
    evaluated: Sequence[tuple[datetime, float]],
    missing: int,
) -> str:
    if state == "INSUFFICIENT_DATA":
        return f"Insufficient Data: {_count(missing, 'datapoint')} unknown."
    filling = {"breaching": "Breaching", "notBreaching": "NonBreaching"}.get(condition.treatment)
    filled = f"{_count(missing, 'missing datapoint')} treated as [{filling}]"
    if not evaluated:
        periods = "1 period" if missing == 1 else f"{missing} periods"
        return f"Threshold Crossed: no datapoints were received for {periods} and {filled}."
    agreeing = [
        (at, value) for at, value in evaluated if condition.breaches(value) == (state == "ALARM")
    ]
    values = ", ".join(f"{value} ({_stamp(at)})" for at, value in agreeing or evaluated)
    verb = "was" if len(agreeing) == 1 else "were"
    subject = f"{len(agreeing)} datapoint{'' if len(agreeing) == 1 else 's'} [{values}]"
    if condition.datapoints_to_alarm is not None:
        total = condition.evaluation_periods
        subject = f"{len(agreeing)} out of the last {total} datapoints [{values}]"
    negation = "" if state == "ALARM" else "not "
    text = (
        f"Threshold Crossed: {subject} {verb} {negation}"
        f"{_COMPARISONS[condition.comparison][1]} the threshold ({condition.threshold})"
    )
    if missing and filling:
        text += f" and {filled}"
    if condition.datapoints_to_alarm is not None:
        change = "OK -> ALARM" if state == "ALARM" else "ALARM -> OK"
        least = condition.needed
        if state == "OK":
            least = condition.evaluation_periods - condition.needed + 1
        text += f" (minimum {least} datapoint{'' if least == 1 else 's'} for {change} transition)"
    return text + "."


def _count(number: int, noun: str) -> str:
    return f"1 {noun} was" if number == 1 else f"{number} {noun}s were"


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%d/%m/%y %H:%M:%S")
