"""Durations and numbers that are known at synth.

A number that only the deployment will tell is a large negative one at synth. What cannot be less
than 0 otherwise needs no question to the CDK, each of which goes to another process. Durations
never change, so each is made and asked once, and those that are made here need not be asked.
"""

from functools import cache, lru_cache

from aws_cdk import Duration, Token

_SECOND, _MINUTE = 1000, 60_000
# The durations that were made here, in milliseconds.
_made: dict[Duration, int] = {}


def is_late(number: float) -> bool:
    """Whether only the deployment will tell a number.

    Args:
        number: the number, which must not be a NaN.
    """
    return number < 0 and Token.is_unresolved(number)


@cache
def minutes(count: int) -> Duration:
    """A number of minutes, for defaults.

    Args:
        count: how many.
    """
    made = Duration.minutes(count)
    _made[made] = count * _MINUTE
    return made


@cache
def millis(count: int) -> Duration:
    """A number of milliseconds, for defaults.

    Args:
        count: how many.
    """
    made = Duration.millis(count)
    _made[made] = count
    return made


@lru_cache(maxsize=256)
def whole_seconds(duration: Duration) -> float:
    """The length of a duration, for a template.

    Args:
        duration: a whole number of seconds.
    """
    if (length := _made.get(duration)) is not None and length % _SECOND == 0:
        return length // _SECOND
    return duration.to_seconds()


@lru_cache(maxsize=256)
def whole_millis(duration: Duration) -> float:
    """The length of a duration in milliseconds.

    Args:
        duration: a whole number of milliseconds.
    """
    if (length := _made.get(duration)) is not None:
        return length
    return duration.to_milliseconds()


@lru_cache(maxsize=256)
def known_seconds(duration: Duration) -> float | None:
    """The length of a duration.

    Args:
        duration: the duration.

    Returns:
        Seconds, or None if only the deployment will tell.
    """
    if (length := _made.get(duration)) is not None:
        return length / _SECOND
    seconds = duration.to_seconds(integral=False)
    return None if seconds < 0 else seconds


def range_fault(name: str, duration: Duration | None, least: int, most: int) -> list[str]:
    """Says whether a duration is out of its range, or no whole number of seconds.

    Args:
        name: what it is called in the message.
        duration: the duration; None is within any range.
        least: the shortest, in seconds.
        most: the longest, in seconds.
    """
    seconds = None if duration is None else known_seconds(duration)
    if seconds is None or (least <= seconds <= most and seconds % 1 == 0):
        return []
    return [f"{name} must be {least} to {most} whole seconds, not {seconds:g}"]
