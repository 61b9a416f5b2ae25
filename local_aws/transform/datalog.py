"""A job's data log: what happened to the files, in CloudWatch Logs."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

LOG_GROUP = "/aws/sagemaker/TransformJobs"


class DataLog:
    """The stream ``<job>/<instance id>/data-log``.

    It is written with the execution role's session. A role without permission to write logs loses
    them, as on AWS; the job goes on.
    """

    def __init__(self, logs: Any, stream: str) -> None:
        self._logs = logs
        self._stream = stream
        for create, arguments in (
            (logs.create_log_group, {}),
            (logs.create_log_stream, {"logStreamName": stream}),
        ):
            # It exists already, or the role may not.
            with contextlib.suppress(ClientError):
                create(logGroupName=LOG_GROUP, **arguments)

    def write(self, message: str, subject: str = "") -> None:
        """Write ``message``, each line with the time and, if given, the object it is about."""
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        prefix = f"{stamp}:[sagemaker logs]: " + (f"{subject}: " if subject else "")
        now = int(time.time() * 1000)
        lines = [
            {"timestamp": now, "message": f"{prefix}{line}"}
            for line in message.splitlines() or [""]
        ]
        with contextlib.suppress(ClientError):
            self._logs.put_log_events(
                logGroupName=LOG_GROUP, logStreamName=self._stream, logEvents=lines
            )
