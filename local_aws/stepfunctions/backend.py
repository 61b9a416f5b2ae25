"""moto's Step Functions backend and responses, where they differ from AWS's."""

from __future__ import annotations

import re
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import moto.stepfunctions.parser.api as parser_api
import moto.stepfunctions.parser.models as parser_models
from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import ExecutionStatus, InvalidName
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from local_aws.cloud import Cloud
from local_aws.stepfunctions.authorization import check_definition, check_key
from local_aws.stepfunctions.execution import LiveExecution

_NAME = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")
_START_SECONDS = 10


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
        deadline = time.monotonic() + _START_SECONDS
        while execution.exec_worker.env is None and time.monotonic() < deadline:
            time.sleep(0.01)
        execution.stop(stop_date=datetime.now(UTC), error=error, cause=cause)
        return execution

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

    # moto's interpreter has error classes whose codes its server does not look for.
    for error in AWSError.__subclasses__():
        if error.__module__ == parser_api.__name__:
            error.TYPE = vars(error)["code"]

    for operation in (describe_execution, stop_execution):
        setattr(StepFunctionResponse, operation.__name__, operation)
