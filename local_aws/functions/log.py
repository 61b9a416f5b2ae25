"""A function's output on its way to CloudWatch Logs."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError

# One log record's own line breaks, see runtimes/bootstrap.py.
LINE_BREAK = "\x1e"
MARK = "\0"
TAIL_BYTES = 4096
DRAIN_SECONDS = 2.0


class Output:
    """Collects what a process prints, event by event."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._events: list[dict[str, Any]] = []
        self._marks: set[str] = set()
        self._changed = threading.Condition()
        self._closed = False
        threading.Thread(target=self._read, name="function-output", daemon=True).start()

    def write(self, message: str) -> None:
        """Add an event of the platform's."""
        with self._changed:
            self._events.append({"timestamp": int(time.time() * 1000), "message": message})

    def take(self, request_id: str) -> list[dict[str, Any]]:
        """The events up to the end of a request, which the process marks in its output."""
        with self._changed:
            self._changed.wait_for(
                lambda: request_id in self._marks or self._closed, timeout=DRAIN_SECONDS
            )
            self._marks.discard(request_id)
            events, self._events = self._events, []
        return events

    def _read(self) -> None:
        # The pipe breaks when the process is killed in the middle of a line.
        with contextlib.suppress(ValueError, OSError):
            for raw in self._pipe:
                line = raw.decode("utf-8", "replace").rstrip("\n")
                text, mark, request_id = line.partition(MARK)
                if text:
                    self.write(text.replace(LINE_BREAK, "\n"))
                if mark:
                    with self._changed:
                        self._marks.add(request_id)
                        self._changed.notify_all()
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class LogStream:
    """The log stream of one process, written with the function's role.

    A role that may not write leaves no log and no error, as on AWS.
    """

    def __init__(self, logs: Any, group: str, stream: str) -> None:
        self._logs = logs
        self._where = {"logGroupName": group, "logStreamName": stream}
        self._made = False

    def put(self, events: list[dict[str, Any]]) -> None:
        """Write events."""
        if not events:
            return
        with contextlib.suppress(ClientError, BotoCoreError):
            if not self._made:
                self._make()
            self._logs.put_log_events(**self._where, logEvents=events)

    def _make(self) -> None:
        with contextlib.suppress(ClientError):
            self._logs.create_log_group(logGroupName=self._where["logGroupName"])
        with contextlib.suppress(self._logs.exceptions.ResourceAlreadyExistsException):
            self._logs.create_log_stream(**self._where)
        self._made = True


def tail(events: list[dict[str, Any]]) -> bytes:
    """The last 4 KB, as `LogType=Tail` returns them."""
    return "".join(event["message"] + "\n" for event in events).encode()[-TAIL_BYTES:]
