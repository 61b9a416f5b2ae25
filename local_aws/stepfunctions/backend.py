"""moto's Step Functions backend and responses, where they differ from AWS's."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import moto.stepfunctions.parser.api as parser_api
import moto.stepfunctions.parser.models as parser_models
from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult, EmptyResult
from moto.stepfunctions.exceptions import InvalidToken
from moto.stepfunctions.parser.api import (
    ExecutionNotRedrivable,
    ExecutionStatus,
    InvalidName,
    ResourceNotFound,
)
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from local_aws.cloud import Cloud
from local_aws.stepfunctions.authorization import check_definition, check_key
from local_aws.stepfunctions.distributed.map_run import MapRun, map_runs
from local_aws.stepfunctions.execution import ChildExecution, LiveExecution

_NAME = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")
DEFAULT_RESULTS = 100


class LiveStepFunctionsBackend(StepFunctionsParserBackend):
    """Checks roles as the service does, and names executions."""

    # moto finds a backend's URLs by the name of the module that its class is in.
    __module__ = "moto.stepfunctions.parser.models"

    def create_state_machine(self, *_: Any, **given: Any) -> Any:
        """CreateStateMachine: the definition must parse, and the role must be able to run it."""
        self._validate_definition(definition=given["definition"])
        place = f"arn:{self.partition}:states:{self.region_name}:{self.account_id}"
        check_definition(
            role_arn=given["roleArn"],
            definition=given["definition"],
            logging=given.get("loggingConfiguration"),
            state_machine_arn=f"{place}:stateMachine:{given['name']}",
        )
        return super().create_state_machine(**given)

    def update_state_machine(self, *_: Any, **given: Any) -> Any:
        """UpdateStateMachine: the same checks; running executions keep what they started with."""
        arn = given["arn"]
        found = self.describe_state_machine(arn)
        definition = given.get("definition") or found.definition
        self._validate_definition(definition=definition)
        check_definition(
            role_arn=given.get("role_arn") or found.roleArn,
            definition=definition,
            logging=given.get("logging_configuration") or found.loggingConfiguration,
            state_machine_arn=arn,
        )
        return super().update_state_machine(**given)

    def start_execution(
        self,
        state_machine_arn: str,
        name: Any = None,
        execution_input: Any = None,
        trace_header: Any = None,
    ) -> Any:
        """StartExecution: a name of the service's own where none is given."""
        if name is not None and not _NAME.fullmatch(name):
            raise InvalidName(f"Invalid Name: '{name}'")
        machine = self.describe_state_machine(state_machine_arn)
        check_key(
            role_arn=machine.roleArn,
            encryption=machine.encryptionConfiguration,
            state_machine_arn=machine.arn,
        )
        return super().start_execution(
            state_machine_arn, name or str(uuid.uuid4()), execution_input, trace_header
        )

    def stop(self, execution_arn: str, error: str | None, cause: str | None) -> Any:
        """StopExecution: what runs is aborted; what has ended stays as it is."""
        execution: Any = self.describe_execution(execution_arn)
        execution.stop_when_begun(error=error, cause=cause)
        return execution

    def describe_execution(self, execution_arn: str) -> Any:
        """An execution, also one that a map run started."""
        for run in list(map_runs.values()):
            child = run.find_child(execution_arn)
            if child is not None:
                return child
        return super().describe_execution(execution_arn)

    def redrive(self, execution_arn: str) -> datetime:
        """RedriveExecution: go on from the state that failed; the time of it."""
        execution = self.describe_execution(execution_arn)
        if isinstance(execution, ChildExecution):
            raise ExecutionNotRedrivable(
                "Execution was started by a Map Run and can only be redriven by it."
            )
        execution.redrive()
        when: datetime = execution.redrive_date
        return when

    def map_run(self, map_run_arn: str) -> MapRun:
        """A map run.

        Raises:
            ResourceNotFound: there is none.
        """
        if map_run_arn not in map_runs:
            raise ResourceNotFound(f"Resource not found: '{map_run_arn}'")
        return map_runs[map_run_arn]

    def stop_all(self) -> None:
        """Abort everything that runs, as the server ends."""
        for execution in self._get_executions(ExecutionStatus.RUNNING):
            self.stop(execution.execution_arn, None, None)


def install(cloud: Cloud) -> None:
    """Let moto use these classes; called before its first use."""
    LiveExecution.cloud = cloud
    vars(parser_models)["Execution"] = LiveExecution
    parser_models.stepfunctions_parser_backends.backend = LiveStepFunctionsBackend

    def describe_execution(response: Any) -> ActionResult:
        arn = response._get_param("executionArn")
        return ActionResult(response.stepfunction_backend.describe_execution(arn).describe())

    def stop_execution(response: Any) -> ActionResult:
        execution = response.stepfunction_backend.stop(
            response._get_param("executionArn"),
            response._get_param("error"),
            response._get_param("cause"),
        )
        return ActionResult({"stopDate": execution.stop_date or datetime.now(UTC)})

    def redrive_execution(response: Any) -> ActionResult:
        when = response.stepfunction_backend.redrive(response._get_param("executionArn"))
        return ActionResult({"redriveDate": when})

    # moto's interpreter has error classes whose codes its server does not look for.
    for error in AWSError.__subclasses__():
        if error.__module__ == parser_api.__name__:
            error.TYPE = vars(error)["code"]

    for operation in (describe_execution, stop_execution, redrive_execution):
        setattr(StepFunctionResponse, operation.__name__, operation)
    _map_run_operations()


def _map_run_operations() -> None:
    stock_list = StepFunctionResponse.list_executions

    def list_executions(response: Any) -> ActionResult:
        arn = response._get_param("mapRunArn")
        if arn is None:
            return stock_list(response)
        children = response.stepfunction_backend.map_run(arn).children
        wanted = response._get_param("statusFilter")
        found = [child.describe() for child in children if wanted in (None, child.status)]
        found.sort(key=lambda child: child.get("stopDate", child["startDate"]), reverse=True)
        names = ("executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate")
        more = ("mapRunArn", "redriveCount", "redriveDate")
        shown = [
            {name: child[name] for name in (*names, *more) if name in child} for child in found
        ]
        return ActionResult(_page(response, "executions", shown))

    def list_map_runs(response: Any) -> ActionResult:
        arn = response._get_param("executionArn")
        response.stepfunction_backend.describe_execution(arn)
        found = [run.summary() for run in map_runs.values() if run.execution_arn == arn]
        return ActionResult(_page(response, "mapRuns", found))

    def describe_map_run(response: Any) -> ActionResult:
        run = response.stepfunction_backend.map_run(response._get_param("mapRunArn"))
        return ActionResult(run.describe())

    def update_map_run(response: Any) -> EmptyResult:
        limits = response.stepfunction_backend.map_run(response._get_param("mapRunArn")).limits
        for name, parameter in (
            ("concurrency", "maxConcurrency"),
            ("tolerated_count", "toleratedFailureCount"),
            ("tolerated_percentage", "toleratedFailurePercentage"),
        ):
            value = response._get_param(parameter)
            if value is not None:
                setattr(limits, name, value)
        return EmptyResult()

    for operation in (list_executions, list_map_runs, describe_map_run, update_map_run):
        setattr(StepFunctionResponse, operation.__name__, operation)


def _page(response: Any, name: str, found: Sequence[Any]) -> dict[str, Any]:
    """One page of a list, with the token of the next one."""
    token = response._get_param("nextToken") or "0"
    if not token.isdigit() or int(token) > len(found):
        raise InvalidToken(f"Invalid Token: '{token}'")
    start = int(token)
    end = start + (response._get_int_param("maxResults") or DEFAULT_RESULTS)
    page: dict[str, Any] = {name: found[start:end]}
    if end < len(found):
        page["nextToken"] = str(end)
    return page
