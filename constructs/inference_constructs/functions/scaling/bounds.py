"""The bounds that a scheduled action has set by now."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

# With boto3 comes its own copy of the time zones, which a slim system may lack.
from dateutil import tz  # type: ignore[import-untyped]

from .cron import Cron

_BOUNDS = ("MinCapacity", "MaxCapacity")


def bounds_in_force(definition: Mapping[str, Any], now: datetime) -> dict[str, int]:
    """Minimum and maximum as they would be had the target always been registered.

    A target that is registered anew would have the code's own bounds until a schedule's next turn:
    at noon a fleet would shrink to the size of the night.

    Args:
        definition: a target with its scheduled actions, in CloudFormation's words.
        now: the moment.
    """
    bounds = {name: int(definition[name]) for name in _BOUNDS}
    if definition.get("SuspendedState", {}).get("ScheduledScalingSuspended") in (True, "true"):
        return bounds
    turns = []
    for position, action in enumerate(definition.get("ScheduledActions", ())):
        turn = last_turn(action, now)
        if turn is not None:
            turns.append((turn, position, action["ScalableTargetAction"]))
    in_force = dict(bounds)
    for _, _, capacity in sorted(turns, key=lambda found: found[:2]):
        in_force |= {name: int(capacity[name]) for name in _BOUNDS if name in capacity}
    return in_force if in_force["MinCapacity"] <= in_force["MaxCapacity"] else bounds


def last_turn(action: Mapping[str, Any], now: datetime) -> datetime | None:
    """When a scheduled action last had its turn; None if it had none yet.

    Args:
        action: in CloudFormation's words.
        now: the moment.
    """
    start, end = (_moment(action.get(name)) for name in ("StartTime", "EndTime"))
    latest = now if end is None else min(now, end)
    if start is not None and start > latest:
        return None
    kind, _, fields = str(action["Schedule"]).rstrip(")").partition("(")
    zone = tz.gettz(action.get("Timezone", "UTC"))
    if zone is None:
        raise ValueError(f"time zone {action['Timezone']!r} is not known")
    if kind == "rate":
        return latest
    if kind == "at":
        turn: datetime | None = datetime.fromisoformat(fields).replace(tzinfo=zone)
        return turn if turn is not None and turn <= now else None
    turn = Cron.parse(fields).last(latest.astimezone(zone))
    # A start is a turn of its own.
    turns = [found for found in (turn, start) if found is not None]
    return max(turns) if turns else None


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
