"""An execution that others can see: its metrics, its event, its log; and its redrives."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from moto.stepfunctions.parser.api import (
    ExecutionNotRedrivable,
    ExecutionStatus,
    StateMachineType,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.state_map import StateMap
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.state_parallel import (
    StateParallel,
)
from moto.stepfunctions.parser.asl.eval.program_state import (
    ProgramEnded,
    ProgramError,
    ProgramStopped,
)
from moto.stepfunctions.parser.backend.execution import (
    BaseExecutionWorkerCommunication,
    Execution,
)

from local_aws.cloud import Cloud
from local_aws.cloudwatch.publish import publish
from local_aws.events.publish import publish_service_event
from local_aws.stepfunctions.clients import MachineRole
from local_aws.stepfunctions.execution_log import LogSession
from local_aws.stepfunctions.traces import Trace
from local_aws.stepfunctions.worker import Entered, LiveWorker, Redrive

NAMESPACE = "AWS/States"
ENDED = {
    ExecutionStatus.SUCCEEDED: "ExecutionsSucceeded",
    ExecutionStatus.FAILED: "ExecutionsFailed",
    ExecutionStatus.TIMED_OUT: "ExecutionsTimedOut",
    ExecutionStatus.ABORTED: "ExecutionsAborted",
}
REDRIVABLE_FOR = timedelta(days=14)
MAX_EVENTS = 24_999
_START_SECONDS = 10


class LiveExecution(Execution):
    """moto's execution, observed as AWS's are."""

    cloud: ClassVar[Cloud]

    def __init__(self, **given: Any) -> None:
        given["cloud_watch_logging_session"] = LogSession.of(
            self.cloud, given["state_machine"], given["exec_arn"]
        )
        super().__init__(**given)
        self.trace = Trace.of(self.cloud, given["state_machine"], given["exec_arn"])
        # The state machine's own; a child has one that is named after its map run.
        self.machine_arn: str = self.state_machine_arn
        self.entered: Entered | None = None
        self.redrive_count = 0
        self.redrive_date: datetime | None = None
        self.map_runs_by_state: dict[str, list[Any]] = {}
        self._state_to_redrive: str | None = None
        self._redrive: Redrive | None = None
        self.role: MachineRole

    def start(self) -> None:
        """Begin; moto runs it in a thread."""
        self.count("ExecutionsStarted")
        self._run()

    def _run(self) -> None:
        # Before it begins: a short execution may have ended when the next line is reached.
        self.exec_status = ExecutionStatus.RUNNING
        self.announce()
        super().start()

    def _get_start_execution_worker_comm(self) -> BaseExecutionWorkerCommunication:
        return _Ending(self)

    def _get_start_execution_worker(self) -> LiveWorker:
        stock = super()._get_start_execution_worker()
        worker = LiveWorker(
            evaluation_details=stock._evaluation_details,
            exec_comm=stock._execution_communication,
            cloud_watch_logging_session=self._cloud_watch_logging_session,
            activity_store=self._activity_store,
        )
        worker.live, worker.redrive = self, self._redrive
        return worker

    def machine_role(self) -> MachineRole:
        """The role that its states call with, each time it is started anew."""
        self.role = MachineRole.of(self.role_arn, self.machine_arn)
        return self.role

    def stop_when_begun(self, *, error: str | None, cause: str | None) -> None:
        """Abort it, even if it has hardly been started."""
        worker: Any = self.exec_worker
        deadline = time.monotonic() + _START_SECONDS
        while worker.env is None and time.monotonic() < deadline:
            time.sleep(0.01)
        self.stop(stop_date=datetime.now(UTC), error=error, cause=cause)

    # ------------------------------------------------------------------ redrive

    def not_redrivable_because(self) -> str | None:
        """Why RedriveExecution would refuse it; None if it would not."""
        if self.exec_status in (ExecutionStatus.RUNNING, ExecutionStatus.SUCCEEDED):
            return f"Execution is {self.status} and cannot be redriven."
        if self.sm_type == StateMachineType.EXPRESS:
            return "Execution is of type EXPRESS and cannot be redriven."
        if self.stop_date is not None and datetime.now(UTC) - self.stop_date > REDRIVABLE_FOR:
            return "Execution redrivable period exceeded."
        worker: Any = self.exec_worker
        # Not its copy: each description would copy the whole history.
        if len(worker.env.event_manager._history_event_list) >= MAX_EVENTS:
            return "Execution history event limit exceeded."
        return None

    def redrive(self) -> None:
        """Go on from the state that it ended in, with that state's input.

        Raises:
            ExecutionNotRedrivable: as the service refuses it.
            NotImplementedError: it ended in a state that the local AWS cannot continue.
        """
        reason = self.not_redrivable_because()
        if reason is not None:
            raise ExecutionNotRedrivable(reason)
        entered, worker = self.entered, self.exec_worker
        if entered is None or worker is None or worker.env is None:
            raise ExecutionNotRedrivable("Execution history event limit exceeded.")
        distributed = getattr(entered.state, "distributed", None) is not None
        if isinstance(entered.state, StateParallel | StateMap) and not distributed:
            raise NotImplementedError(
                f"RedriveExecution from inside the Parallel or inline Map state "
                f"{entered.state.name}"
            )
        self.redrive_count += 1
        self.redrive_date = datetime.now(UTC)
        self.stop_date = self.error = self.cause = self.output = None
        self._state_to_redrive = entered.state.name if distributed else None
        self._redrive = Redrive(
            entered=entered, events=worker.env.event_manager, count=self.redrive_count
        )
        self.exec_worker = None
        self.count("ExecutionsRedriven")
        self._run()

    def map_run_to_redrive(self, state: str) -> Any | None:
        """The map run that a redriven execution goes on with; only for the first evaluation."""
        if self._state_to_redrive != state:
            return None
        self._state_to_redrive = None
        runs = self.map_runs_by_state.get(state) or [None]
        # A run that never had children is begun anew.
        return runs[-1] if runs[-1] is not None and runs[-1].children else None

    def describe(self) -> dict[str, Any]:
        """The response of DescribeExecution."""
        reason = self.not_redrivable_because()
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
            "redriveCount": self.redrive_count,
            "redriveDate": self.redrive_date,
            "redriveStatus": "REDRIVABLE" if reason is None else "NOT_REDRIVABLE",
            "redriveStatusReason": reason,
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


def _keep_result(execution: Any) -> None:
    """What it gave, before its status tells that it has ended."""
    env = execution.exec_worker.env
    program: Any = env.program_state()
    if isinstance(program, ProgramStopped):
        execution.error, execution.cause = program.error, program.cause
    elif isinstance(program, ProgramError):
        told = program.error or {}
        execution.error, execution.cause = told.get("error"), told.get("cause")
    elif isinstance(program, ProgramEnded):
        execution.output = env.states.get_input()


class _Ending(BaseExecutionWorkerCommunication):
    """What happens when an execution has ended."""

    execution: LiveExecution

    def terminated(self) -> None:
        """Keep how it ended, then tell it."""
        execution: Any = self.execution
        _keep_result(execution)
        super().terminated()
        metric = ENDED.get(execution.exec_status)
        if metric is not None:
            execution.count(metric)
            if execution.redrive_count:
                execution.count(f"Redriven{metric}")
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


class ChildExecution(LiveExecution):
    """An execution that a map run started.

    It has a history of its own, but sends no event and counts in no metric; it is redriven by
    its map run.
    """

    def __init__(self, *, map_run: Any, parent: LiveExecution, program: Any, **given: Any) -> None:
        super().__init__(**given)
        self.machine_arn = parent.machine_arn
        self.trace = None
        self._map_run = map_run
        self._parent = parent
        self._program = program

    def machine_role(self) -> MachineRole:
        """The parent's, with its clients."""
        return self._parent.role

    def _get_start_execution_worker(self) -> LiveWorker:
        worker = super()._get_start_execution_worker()
        worker.program = self._program
        return worker

    def _get_start_execution_worker_comm(self) -> BaseExecutionWorkerCommunication:
        return _ChildEnding(self)

    def count(self, metric: str) -> None:
        """Nothing: the metrics are the parent's."""

    def announce(self) -> None:
        """Nothing: the events are the parent's."""

    def describe(self) -> dict[str, Any]:
        """The response of DescribeExecution."""
        shown = super().describe() | {"mapRunArn": self._map_run.arn}
        if shown["redriveStatus"] == "REDRIVABLE":
            shown["redriveStatus"] = "REDRIVABLE_BY_MAP_RUN"
        return shown


class _ChildEnding(BaseExecutionWorkerCommunication):
    execution: ChildExecution

    def terminated(self) -> None:
        """Keep how it ended, then tell the map run."""
        execution: Any = self.execution
        _keep_result(execution)
        super().terminated()
        execution._map_run.child_ended()
