"""An execution's history in CloudWatch Logs."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.api import LogLevel
from moto.stepfunctions.parser.asl.eval.event.logging import is_logging_enabled_for

from local_aws.cloud import Cloud

LOG = logging.getLogger(__name__)


class LogSession:
    """Writes an execution's history to the log group that its state machine names.

    moto's interpreter calls it for each event.
    """

    def __init__(self, logs: Any, configuration: LogConfiguration, execution_arn: str) -> None:
        self._logs = logs
        self.configuration = configuration
        self.execution_arn = execution_arn
        self._is_ready = False

    @classmethod
    def of(cls, cloud: Cloud, state_machine: Any, execution_arn: str) -> LogSession | None:
        """A session if the state machine has a log group and a level other than OFF."""
        given: Mapping[str, Any] = state_machine.loggingConfiguration or {}
        destinations = given.get("destinations") or []
        if given.get("level", "OFF") == "OFF" or not destinations:
            return None
        arn: str = destinations[0]["cloudWatchLogsLogGroup"]["logGroupArn"]
        configuration = LogConfiguration(
            level=LogLevel(given["level"]),
            group=arn.split(":log-group:")[1].removesuffix(":*"),
            include_execution_data=bool(given.get("includeExecutionData", False)),
        )
        return cls(cloud.client("logs"), configuration, execution_arn)

    def log_level_filter(self, history_event_type: Any) -> bool:
        """Whether the configured level has events of this type."""
        return bool(is_logging_enabled_for(self.configuration.level, history_event_type))

    def publish_history_log(self, history_log: Mapping[str, Any]) -> None:
        """Write one event."""
        now = datetime.now(UTC)
        stamp = str(int(now.timestamp() * 1000))
        event = {**history_log, "event_timestamp": stamp, "type": str(history_log["type"].value)}
        message = json.dumps(event, default=str, separators=(",", ":"))
        try:
            self._ready()
            self._logs.put_log_events(
                logGroupName=self.configuration.group,
                logStreamName=self._stream,
                logEvents=[{"timestamp": int(stamp), "message": message}],
            )
        except ClientError as error:
            # Delivery is best effort: an execution goes on without its log.
            LOG.warning("execution log of %s: %s", self.execution_arn, error)

    @property
    def _stream(self) -> str:
        machine, name = self.execution_arn.split(":")[6:8]
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        return f"states/{machine}/{digest}"

    def _ready(self) -> None:
        if self._is_ready:
            return
        try:
            self._logs.create_log_stream(
                logGroupName=self.configuration.group, logStreamName=self._stream
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
                raise
        self._is_ready = True


class LogConfiguration:
    """Where and what a state machine logs."""

    def __init__(self, *, level: LogLevel, group: str, include_execution_data: bool) -> None:
        self.level = level
        self.group = group
        self.include_execution_data = include_execution_data
