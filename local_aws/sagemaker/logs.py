"""Ships a container's output to CloudWatch Logs, in batches, as its execution role."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws.cloud import Cloud, Credentials

_INTERVAL = 0.5
# PutLogEvents takes 10,000 events and 1 MiB, 26 bytes of each event's own included.
_MAX_EVENTS = 5_000
_MAX_BYTES = 1_000_000
_MAX_LINE = 250_000


class LogShipper:
    """Reads lines from a pipe and puts them into one log stream.

    What the role may not do does not happen: without ``logs:CreateLogStream`` or
    ``logs:PutLogEvents`` there are no logs, as on AWS.
    """

    def __init__(
        self, cloud: Cloud, session: Credentials, *, group: str, stream: str, source: IO[bytes]
    ) -> None:
        self._cloud = cloud
        self._session = session
        self._group = group
        self._stream = stream
        self._source = source
        self._lines: list[tuple[int, str]] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read, name="container-output", daemon=True)
        self._sender = threading.Thread(target=self._send, name="container-logs", daemon=True)
        self._reader.start()
        self._sender.start()

    def flush(self, *, timeout: float = 5.0) -> None:
        """Wait until everything that the ended container wrote has been sent."""
        self._reader.join(timeout)
        self._ended.set()
        self._sender.join(timeout)

    def _read(self) -> None:
        with contextlib.suppress(ValueError, OSError):
            for line in self._source:
                text = line.decode(errors="replace").rstrip("\n")[:_MAX_LINE]
                with self._lock:
                    self._lines.append((time.time_ns() // 1_000_000, text or " "))
        self._ended.set()

    def _send(self) -> None:
        client = self._cloud.client("logs", self._session)
        created = False
        while True:
            ended = self._ended.wait(_INTERVAL)
            with self._lock:
                lines, self._lines = self._lines, []
            if lines:
                with contextlib.suppress(ClientError, BotoCoreError):
                    if not created:
                        self._create(client)
                        created = True
                    for batch in _batches(lines):
                        self._put(client, batch)
            if ended:
                return

    def _create(self, client: Any) -> None:
        """Make the stream, and the group if it is missing and the role may make it."""
        name = {"logGroupName": self._group, "logStreamName": self._stream}
        try:
            client.create_log_stream(**name)
        except client.exceptions.ResourceAlreadyExistsException:
            return
        except client.exceptions.ResourceNotFoundException:
            with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
                client.create_log_group(logGroupName=self._group)
            client.create_log_stream(**name)

    def _put(self, client: Any, lines: list[tuple[int, str]]) -> None:
        client.put_log_events(
            logGroupName=self._group,
            logStreamName=self._stream,
            logEvents=[{"timestamp": at, "message": text} for at, text in lines],
        )


def _batches(lines: list[tuple[int, str]]) -> list[list[tuple[int, str]]]:
    batches: list[list[tuple[int, str]]] = [[]]
    size = 0
    for at, text in lines:
        length = len(text.encode()) + 26
        if size + length > _MAX_BYTES or len(batches[-1]) == _MAX_EVENTS:
            batches.append([])
            size = 0
        batches[-1].append((at, text))
        size += length
    return batches
