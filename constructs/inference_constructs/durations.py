"""Durations whose length is known at synth."""

from aws_cdk import Duration


def known_seconds(duration: Duration) -> float | None:
    """The length of a duration.

    Args:
        duration: the duration.

    Returns:
        Seconds, or None if only the deployment will tell.
    """
    return None if duration.is_unresolved() else duration.to_seconds(integral=False)


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
