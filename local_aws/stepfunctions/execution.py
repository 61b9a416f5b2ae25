"""An execution that others can see: its metrics, its event, its log."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.api import ExecutionStatus, LogLevel
from moto.stepfunctions.parser.asl.eval.event.logging import is_logging_enabled_for
from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped
from moto.stepfunctions.parser.backend.execution import (
    BaseExecutionWorkerCommunication,
    Execution,
)
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from local_aws.cloud import Cloud
from local_aws.cloudwatch.publish import publish
from local_aws.events.publish import publish_service_event
from local_aws.stepfunctions.clients import MachineRole
from local_aws.stepfunctions.traces import Trace

LOG = logging.getLogger(__name__)
NAMESPACE = "AWS/States"
ENDED = {
    ExecutionStatus.SUCCEEDED: "ExecutionsSucceeded",
    ExecutionStatus.FAILED: "ExecutionsFailed",
    ExecutionStatus.TIMED_OUT: "ExecutionsTimedOut",
    ExecutionStatus.ABORTED: "ExecutionsAborted",
}


class LiveExecution(Execution):
    """moto's execution, observed as AWS's are."""

    cloud: ClassVar[Cloud]

    def __init__(self, **given: Any) -> None:
        given["cloud_watch_logging_session"] = LogSession.of(
            self.cloud, given["state_machine"], given["exec_arn"]
        )
        super().__init__(**given)
        self.trace = Trace.of(self.cloud, given["state_machine"], given["exec_arn"])

    def start(self) -> None:
        """Begin; moto runs it in a thread."""
        self.count("ExecutionsStarted")
        # Before it begins: a short execution may have ended when the next line is reached.
        self.exec_status = ExecutionStatus.RUNNING
        self.announce()
        super().start()

    def _get_start_execution_worker_comm(self) -> BaseExecutionWorkerCommunication:
        return _Ending(self)

    def _get_start_execution_worker(self) -> ExecutionWorker:
        worker: ExecutionWorker = _in_context(
            super()._get_start_execution_worker(), self.state_machine_arn
        )
        return worker

    def describe(self) -> dict[str, Any]:
        """The response of DescribeExecution."""
        shown = {
            "executionArn": self.exec_arn,
            "stateMachineArn": self.state_machine_arn,
            "name": self.name,
            "status": self.status,
            "startDate": self.start_date,
            "stopDate": self.stop_date,
            "input": self.execution_input,
            "inputDetails": {"included": True},
            "error": self.error,
            "cause": self.cause,
            "redriveCount": 0,
            "traceHeader": None if self.trace is None else self.trace.header,
        }
        if self.exec_status == ExecutionStatus.SUCCEEDED:
            shown["output"] = json.dumps(self.output, separators=(",", ":"), ensure_ascii=False)
            shown["outputDetails"] = {"included": True}
        return {name: value for name, value in shown.items() if value is not None}

    def count(self, metric: str) -> None:
        """Publish 1 for one of the counting metrics."""
        publish(NAMESPACE, metric, {"StateMachineArn": self.state_machine_arn}, 1, "Count")

    def announce(self) -> None:
        """Send ``Step Functions Execution Status Change`` to EventBridge."""
        detail = {
            name: int(value.timestamp() * 1000) if isinstance(value, datetime) else value
            for name, value in self.describe().items()
        }
        publish_service_event(
            source="aws.states",
            detail_type="Step Functions Execution Status Change",
            resources=[self.exec_arn],
            detail={"stopDate": None, "output": None, "error": None, "cause": None, **detail},
            account=self.account_id,
            region=self.region_name,
        )


class _Ending(BaseExecutionWorkerCommunication):
    """What happens when an execution has ended."""

    execution: LiveExecution

    def terminated(self) -> None:
        """Keep how it ended, then tell it."""
        super().terminated()
        execution: Any = self.execution
        program = execution.exec_worker.env.program_state()
        if isinstance(program, ProgramStopped):
            execution.error, execution.cause = program.error, program.cause
        metric = ENDED.get(execution.exec_status)
        if metric is not None:
            execution.count(metric)
        elapsed = (execution.stop_date - execution.start_date).total_seconds() * 1000
        dimensions = {"StateMachineArn": execution.state_machine_arn}
        publish(NAMESPACE, "ExecutionTime", dimensions, elapsed, "Milliseconds")
        if execution.trace is not None:
            execution.trace.send(
                start=execution.start_date.timestamp(),
                end=execution.stop_date.timestamp(),
                failed=execution.exec_status != ExecutionStatus.SUCCEEDED,
            )
        execution.announce()


def _in_context(worker: Any, state_machine_arn: str) -> Any:
    """Complete what states see of their execution, and what their calls tell of the machine."""
    make = worker._get_evaluation_environment

    def environment() -> Any:
        env = make()
        data = env.states.context_object.context_object_data["Execution"]
        # 0 until redriven.
        data["RedriveCount"] = 0
        if isinstance(data["StartTime"], datetime):
            data["StartTime"] = data["StartTime"].strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        details = env.aws_execution_details
        details.role_arn = MachineRole.of(details.role_arn, state_machine_arn)
        return env

    worker._get_evaluation_environment = environment
    return worker


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
