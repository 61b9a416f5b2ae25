"""What containers logged."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from inference_ops.aws import aws_errors
from inference_ops.errors import CommandError, Exit

if TYPE_CHECKING:
    import boto3

TRANSFORM_JOBS = "/aws/sagemaker/TransformJobs"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
# A container's lines reach CloudWatch Logs some seconds after they were written.
_LATE = timedelta(seconds=10)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a log.

    Attributes:
        at: when it was written.
        stream: the stream: variant and instance, or job.
        text: the line.
    """

    at: datetime
    stream: str
    text: str


class Logs:
    """Reads the log groups of an endpoint or of transform jobs.

    Args:
        session: where they are.
        groups: their names.
        streams: how the names of the streams begin; None takes all.
    """

    def __init__(
        self, session: "boto3.Session", groups: list[str], *, streams: str | None = None
    ) -> None:
        self._api = session.client("logs")
        self._groups = groups
        self._streams = streams

    def since(self, start: datetime, pattern: str | None = None) -> list[Line]:
        """The lines since a time, the oldest first.

        Args:
            start: the time.
            pattern: a filter pattern of CloudWatch Logs; None takes every line.

        Raises:
            CommandError: none of the groups exists, or the pattern is none.
        """
        lines = [line for _, line in self._read(start, pattern)]
        return sorted(lines, key=lambda line: line.at)

    def follow(
        self, start: datetime, pattern: str | None = None, *, poll_seconds: float = 2.0
    ) -> Iterator[Line]:
        """The lines since a time, and for ever what comes.

        Args:
            start: the time.
            pattern: as `since` takes it.
            poll_seconds: how often it is looked.

        Raises:
            CommandError: as from `since`.
        """
        told: set[str] = set()
        while True:
            found = sorted(self._read(start, pattern), key=lambda each: each[1].at)
            for event_id, line in found:
                if event_id not in told:
                    told.add(event_id)
                    yield line
            if found:
                start = max(start, found[-1][1].at - _LATE)
            time.sleep(poll_seconds)

    def _read(self, start: datetime, pattern: str | None) -> Iterator[tuple[str, Line]]:
        missing = []
        for group in self._groups:
            given: dict[str, Any] = {
                "logGroupName": group,
                "startTime": int(start.timestamp() * 1000),
            }
            if pattern is not None:
                given["filterPattern"] = pattern
            if self._streams is not None:
                given["logStreamNamePrefix"] = self._streams
            with aws_errors(f"log group {group}"):
                try:
                    pages = self._api.get_paginator("filter_log_events").paginate(**given)
                    events = [event for page in pages for event in page["events"]]
                except self._api.exceptions.ResourceNotFoundException:
                    missing.append(group)
                    continue
            for event in events:
                # Asked for above, too, where a service looks at it.
                if not event["logStreamName"].startswith(self._streams or ""):
                    continue
                at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                text = event["message"].rstrip("\n")
                yield event["eventId"], Line(at=at, stream=event["logStreamName"], text=text)
        if len(missing) == len(self._groups):
            raise CommandError(
                f"there is no log group {' or '.join(missing)}: nothing has been logged there, or "
                "it is gone"
            )


def ago(text: str) -> timedelta:
    """How long ago: `90s`, `15m`, `2h` or `3d`.

    Args:
        text: a number and a unit.

    Raises:
        CommandError: it is no such time.
    """
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdigit() and unit in _UNITS):
        raise CommandError(
            f"--since takes a number and a unit, such as 90s, 15m, 2h or 3d, not {text!r}",
            Exit.USAGE,
        )
    return timedelta(**{_UNITS[unit]: int(number)})
