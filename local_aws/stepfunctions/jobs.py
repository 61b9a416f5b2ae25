"""Tasks that run a job and wait for it: the pattern ``.sync``.

See https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync.
moto's own pattern cannot wait without a task token, and leaves a job running when its execution
stops.
"""

from __future__ import annotations

import json
import time
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, cast

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.api import (
    ExecutionStatus,
    HistoryEventType,
    TaskFailedEventDetails,
)
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import (
    CustomErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import (
    StatesErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_sfn,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import (
    ResourceCondition,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (  # noqa: E501
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from local_aws.stepfunctions import names

POLL_SECONDS = 0.25


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a job ended.

    Attributes:
        result: its description: the state's result, or the cause of its error.
        succeeded: whether the state goes on.
    """

    result: Any
    succeeded: bool


class Job:
    """A job that a task started."""

    @abstractmethod
    def poll(self) -> Outcome | None:
        """How it ended; None while it runs."""

    @abstractmethod
    def cancel(self) -> None:
        """Ask the service to end it."""


class RunAJob(StateTaskServiceCallback):
    """A service integration with the pattern ``.sync`` (or ``.sync:2``).

    Attributes:
        client_for: a function of region, service and role that makes a client with the role's
            session.
    """

    client_for: ClassVar[Any]

    @abstractmethod
    def _job(self, client: Any, parameters: Mapping[str, Any], submitted: Any) -> Job:
        """The job that was submitted."""

    @abstractmethod
    def _polling_client(self, runtime: Any, credentials: Any) -> Any:
        """A client of the service, with the role's session."""

    def _eval_integration_pattern(
        self,
        env: Any,
        resource_runtime_part: Any,
        normalised_parameters: dict[str, Any],
        state_credentials: Any,
    ) -> None:
        """Wait for the job; called by moto when it was submitted."""
        if self.resource.condition == ResourceCondition.WaitForTaskToken:
            super()._eval_integration_pattern(
                env, resource_runtime_part, normalised_parameters, state_credentials
            )
            return
        client = self._polling_client(resource_runtime_part, state_credentials)
        job = self._job(client, normalised_parameters, env.stack.pop())
        # The environment stops running when the execution is stopped or times out, when the state
        # times out, and when a sibling branch fails: the job then has no one left to wait for it.
        while env.is_running():
            outcome = job.poll()
            if outcome is not None:
                if not outcome.succeeded:
                    raise self._failed(env, _json(outcome.result))
                env.stack.append(outcome.result)
                return
            time.sleep(POLL_SECONDS)
        with suppress(ClientError):
            job.cancel()
        raise self._failed(env, "the task was aborted", HistoryEventType.TaskStateAborted)

    def _failed(
        self,
        env: Any,
        cause: str,
        event_type: HistoryEventType = HistoryEventType.TaskFailed,
    ) -> FailureEventException:
        error = StatesErrorName(typ=StatesErrorNameType.StatesTaskFailed)
        return FailureEventException(self._failure(env, error, cause, event_type))

    def _failure(
        self,
        env: Any,
        error: ErrorName,
        cause: str,
        event_type: HistoryEventType = HistoryEventType.TaskFailed,
    ) -> FailureEvent:
        details = TaskFailedEventDetails(
            error=error.error_name,
            cause=cause,
            resource=self._get_sfn_resource(),
            resourceType=self._get_sfn_resource_type(),
        )
        return FailureEvent(
            env=env,
            error_name=error,
            event_type=event_type,
            event_details=cast(EventDetails, {"taskFailedEventDetails": details}),
        )


@dataclass(frozen=True, kw_only=True)
class JobKind:
    """A kind of SageMaker job.

    Attributes:
        describe: the operation that tells its status.
        stop: the operation that ends it.
        key: the parameter that names it.
        status: the member of the description that holds its status.
    """

    describe: str
    stop: str
    key: str
    status: str


def _kind(name: str) -> JobKind:
    snake = "_".join(_words(name))
    return JobKind(
        describe=f"describe_{snake}",
        stop=f"stop_{snake}",
        key=f"{name}Name",
        status=f"{name}Status",
    )


def _words(name: str) -> list[str]:
    if name == "HyperParameterTuningJob":
        return ["hyper", "parameter", "tuning", "job"]
    return [name.removesuffix("Job").lower(), "job"]


SAGEMAKER_JOBS = {
    f"create{name}": _kind(name)
    for name in ("TransformJob", "TrainingJob", "ProcessingJob", "HyperParameterTuningJob")
}
SAGEMAKER_REQUESTS = {
    *SAGEMAKER_JOBS,
    "addTags",
    "createEndpoint",
    "createEndpointConfig",
    "createModel",
    "updateEndpoint",
}
_FAILED = {"Failed", "Stopped"}
# The service marks what it waits for; its managed rule looks for the mark. Seen in
# https://github.com/aws/aws-cdk/issues/26012
_MARK = {"Key": "MANAGED_BY_AWS", "Value": "STARTED_BY_STEP_FUNCTIONS"}


@dataclass(frozen=True, kw_only=True)
class SageMakerJob(Job):
    """A job of SageMaker."""

    client: Any
    kind: JobKind
    name: str

    def poll(self) -> Outcome | None:
        """Describe it."""
        found = getattr(self.client, self.kind.describe)(**{self.kind.key: self.name})
        status = found[self.kind.status]
        if status != "Completed" and status not in _FAILED:
            return None
        found.pop("ResponseMetadata", None)
        return Outcome(result=json.loads(_json(found)), succeeded=status == "Completed")

    def cancel(self) -> None:
        """Stop it."""
        getattr(self.client, self.kind.stop)(**{self.kind.key: self.name})


class SageMakerTask(RunAJob):
    """``arn:aws:states:::sagemaker:…``.

    See https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html.
    """

    def __init__(self) -> None:
        super().__init__(supported_integration_patterns={ResourceCondition(ResourceCondition.Sync)})

    def _validate_service_integration_is_supported(self) -> None:
        action = self.resource.api_action
        known = SAGEMAKER_JOBS if self.resource.condition else SAGEMAKER_REQUESTS
        if action not in known or self.resource.condition not in (None, ResourceCondition.Sync):
            raise ValueError(
                f"The resource provided {self.resource.resource_arn} not recognized. The value is "
                "not a valid resource ARN, or the resource is not available in this region."
            )

    def _polling_client(self, runtime: Any, credentials: Any) -> Any:
        return self.client_for(runtime.region, "sagemaker", credentials.role_arn)

    def _eval_service_task(
        self,
        env: Any,
        resource_runtime_part: Any,
        normalised_parameters: dict[str, Any],
        state_credentials: Any,
    ) -> None:
        client = self._polling_client(resource_runtime_part, state_credentials)
        request = dict(normalised_parameters)
        if self.resource.condition == ResourceCondition.Sync:
            request["Tags"] = [*(request.get("Tags") or []), _MARK]
        response = getattr(client, self._get_boto_service_action())(**request)
        response.pop("ResponseMetadata", None)
        env.stack.append(response)

    def _job(self, client: Any, parameters: Mapping[str, Any], submitted: Any) -> Job:
        del submitted
        kind = SAGEMAKER_JOBS[self.resource.api_action]
        return SageMakerJob(client=client, kind=kind, name=parameters[kind.key])

    def _from_error(self, env: Any, ex: Exception) -> FailureEvent:
        if isinstance(ex, ClientError):
            error = names.optimized_error("SageMaker", "AmazonSageMakerException", ex)
            return self._failure(env, CustomErrorName(error), names.cause("AmazonSageMaker", ex))
        return super()._from_error(env=env, ex=ex)


@dataclass(frozen=True, kw_only=True)
class NestedExecution(Job):
    """An execution that another one started.

    Attributes:
        client: a client with the outer execution's role.
        arn: the execution.
        parsed: whether input and output are shown as JSON (``.sync:2``) or as text (``.sync``).
    """

    client: Any
    arn: str
    parsed: bool

    def poll(self) -> Outcome | None:
        """Describe it."""
        found = self.client.describe_execution(executionArn=self.arn)
        if found["status"] == ExecutionStatus.RUNNING:
            return None
        found.pop("ResponseMetadata", None)
        shown = {name[0].upper() + name[1:]: value for name, value in found.items()}
        for name in ("Input", "Output"):
            if self.parsed and name in shown:
                shown[name] = json.loads(shown[name])
        return Outcome(
            result=json.loads(_json(shown)), succeeded=found["status"] == ExecutionStatus.SUCCEEDED
        )

    def cancel(self) -> None:
        """Stop it."""
        self.client.stop_execution(executionArn=self.arn)


class NestedTask(RunAJob, state_task_service_sfn.StateTaskServiceSfn):
    """``arn:aws:states:::states:startExecution``, with ``.sync``, ``.sync:2`` and task tokens.

    See https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html.
    """

    def _polling_client(self, runtime: Any, credentials: Any) -> Any:
        return self.client_for(runtime.region, "stepfunctions", credentials.role_arn)

    def _job(self, client: Any, parameters: Mapping[str, Any], submitted: Any) -> Job:
        del parameters
        return NestedExecution(
            client=client,
            arn=submitted["ExecutionArn"],
            parsed=self.resource.condition == ResourceCondition.Sync2,
        )


def _json(value: Any) -> str:
    return json.dumps(value, default=_milliseconds, separators=(",", ":"))


def _milliseconds(value: Any) -> int:
    # Times in a job's description are numbers, as its service's own API sends them.
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} is not JSON")
    return int(value.timestamp() * 1000)
