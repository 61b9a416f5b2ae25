"""Runs an execution's program, from its beginning or, redriven, from where it ended."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from moto.stepfunctions.parser.api import (
    ExecutionStartedEventDetails,
    HistoryEventExecutionDataDetails,
    HistoryEventType,
)
from moto.stepfunctions.parser.asl.component.common.flow.start_at import StartAt
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

_stock_state = CommonStateField._eval_body


@dataclass(frozen=True, kw_only=True)
class Entered:
    """A state that an execution was last in.

    Attributes:
        state: moto's object of it.
        given: its input.
        variables: as they stood when it was entered.
    """

    state: Any
    given: Any
    variables: Any


@dataclass(frozen=True, kw_only=True)
class Redrive:
    """What an execution goes on from.

    Attributes:
        entered: the state.
        events: its history so far.
        count: how many times it was redriven.
    """

    entered: Entered
    events: Any
    count: int


class LiveWorker(ExecutionWorker):
    """moto's worker, which completes what states see of their execution."""

    live: Any
    redrive: Redrive | None = None
    program: Any = None

    def _get_evaluation_entrypoint(self) -> Any:
        return self.program or super()._get_evaluation_entrypoint()

    def _get_evaluation_environment(self) -> Any:
        env = super()._get_evaluation_environment()
        data: Any = env.states.context_object.context_object_data["Execution"]
        data["RedriveCount"] = 0 if self.redrive is None else self.redrive.count
        if isinstance(data["StartTime"], datetime):
            data["StartTime"] = data["StartTime"].strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        if self.redrive is not None:
            data["RedriveTime"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        details: Any = env.aws_execution_details
        details.role_arn = self.live.machine_role()
        details.live = self.live
        return env

    def _execution_logic(self) -> None:
        program, env = self._get_evaluation_entrypoint(), self._get_evaluation_environment()
        if self.redrive is None:
            details = ExecutionStartedEventDetails(
                input=to_json_str(self._evaluation_details.execution_details.inpt),
                inputDetails=HistoryEventExecutionDataDetails(truncated=False),
                roleArn=self._evaluation_details.aws_execution_details.role_arn,
            )
            self._event(
                env, HistoryEventType.ExecutionStarted, {"executionStartedEventDetails": details}
            )
        else:
            entered = self.redrive.entered
            env.event_manager = self.redrive.events
            env.states.reset(entered.given)
            env.variable_store = entered.variables
            self._event(
                env,
                HistoryEventType.ExecutionRedriven,
                {"executionRedrivenEventDetails": {"redriveCount": self.redrive.count}},
            )
            program = Program(
                query_language=program.query_language,
                start_at=StartAt(start_at_name=entered.state.name),
                states=program.states,
                timeout_seconds=program.timeout_seconds,
            )
        # Running from here: who stops it may come before the program's thread.
        env.next_state_name = program.start_at.start_at_name
        self.env = env
        try:
            program.eval(env)
        except RuntimeError:
            # It was stopped before its first state, which moto takes for an error of its own.
            if env.is_running():
                raise
        self._execution_communication.terminated()

    @staticmethod
    def _event(env: Any, event_type: HistoryEventType, details: Any) -> None:
        env.event_manager.add_event(
            context=env.event_history_context,
            event_type=event_type,
            event_details=cast(EventDetails, details),
            update_source_event_id=False,
        )


def remember_states(replace: Callable[[type, str, Any], None]) -> None:
    """Let every execution remember which of its states it is in."""

    def eval_body(state: Any, env: Any) -> None:
        # Branches and iterations have frames of their own.
        if not env.is_frame():
            env.aws_execution_details.live.entered = Entered(
                state=state,
                given=env.states.get_input(),
                variables=copy.deepcopy(env.variable_store),
            )
        _stock_state(state, env)

    replace(CommonStateField, "_eval_body", eval_body)
