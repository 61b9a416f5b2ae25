"""How much capacity there is: the bounds of scaling, and what schedules make of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

from inference_ops.cost.week import average, minutes_of_week, stretches


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """How many instances, copies or provisioned concurrencies there are.

    Attributes:
        least: the fewest, on an average over the week.
        most: the most, on an average over the week.
        always: how many there are at every time.
        smallest: the fewest while it is open; the same as `always` without office hours.
        peak: the most that there are at any time.
        needed: the share of the week in which there is one for certain.
        possible: the share of the week in which there may be one.
    """

    least: float
    most: float
    always: int
    smallest: int
    peak: int
    needed: float
    possible: float

    @classmethod
    def fixed(cls, count: int) -> Self:
        """Neither scaled nor scheduled.

        Args:
            count: how many.
        """
        return cls.between(count, count)

    @classmethod
    def between(cls, least: int, most: int) -> Self:
        """Scaled, and not scheduled.

        Args:
            least: the fewest.
            most: the most.
        """
        return cls(
            least=least,
            most=most,
            always=least,
            smallest=least,
            peak=most,
            needed=float(least > 0),
            possible=float(most > 0),
        )

    @classmethod
    def of_target(cls, target: Mapping[str, Any]) -> Self | None:
        """That of a scalable target.

        Schedules that do not repeat every week count with whatever they may set: then the bounds
        are the lowest and the highest of all.

        Args:
            target: resolved properties of `AWS::ApplicationAutoScaling::ScalableTarget`.

        Returns:
            The capacity; None if a bound is known at deployment only.
        """
        lowest, highest = whole(target.get("MinCapacity")), whole(target.get("MaxCapacity"))
        if lowest is None or highest is None:
            return None
        start = _Bounds(lowest, highest)
        suspended = mapping(target.get("SuspendedState")).get("ScheduledScalingSuspended")
        if suspended is True or str(suspended).lower() == "true":
            return cls.between(lowest, highest)
        changes: list[tuple[int, Callable[[_Bounds], _Bounds]]] = []
        others, weekly = [start], True
        for action in mappings(target.get("ScheduledActions")):
            change = _change(mapping(action.get("ScalableTargetAction")))
            if change is None:
                return None
            others.append(change(start))
            minutes = minutes_of_week(str(action.get("Schedule", "")))
            if minutes is None or action.keys() & {"StartTime", "EndTime"}:
                weekly = False
                continue
            changes += [(minute, change) for minute in minutes]
        if not weekly:
            return cls.between(
                min(bounds.least for bounds in others), max(bounds.most for bounds in others)
            )
        states = [state for _, state in stretches(changes, start)]
        smallest = min(state.least for state in states)
        return cls(
            least=average(changes, start, lambda bounds: bounds.least),
            most=average(changes, start, lambda bounds: bounds.most),
            always=smallest,
            smallest=smallest,
            peak=max(state.most for state in states),
            needed=average(changes, start, lambda bounds: bounds.least > 0),
            possible=average(changes, start, lambda bounds: bounds.most > 0),
        )

    def open_for(self, share: float) -> Self:
        """The same, if it is there for a share of the week only.

        Args:
            share: of the week, from 0 to 1.
        """
        if share >= 1:
            return self
        return replace(
            self,
            least=self.least * share,
            most=self.most * share,
            always=0,
            needed=self.needed * share,
            possible=self.possible * share,
        )


class _Bounds(NamedTuple):
    least: int
    most: int


def _change(action: Mapping[str, Any]) -> Callable[[_Bounds], _Bounds] | None:
    values = {
        name: whole(action[name]) for name in ("MinCapacity", "MaxCapacity") if name in action
    }
    if None in values.values():
        return None
    least, most = values.get("MinCapacity"), values.get("MaxCapacity")
    return lambda bounds: _Bounds(
        bounds.least if least is None else least, bounds.most if most is None else most
    )


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping of a template; an empty one if only a deployment tells it.

    Args:
        value: the resolved value.
    """
    return value if isinstance(value, Mapping) else {}


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """A list of mappings of a template, without what only a deployment tells.

    Args:
        value: the resolved value.
    """
    members = value if isinstance(value, list) else []
    return [member for member in members if isinstance(member, Mapping)]


def whole(value: Any) -> int | None:
    """A number of a template, which may be written as a text.

    Args:
        value: the resolved value.

    Returns:
        The number; None if it is none, or known at deployment only.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return int(float(value))
    except (ValueError, OverflowError):
        return None
