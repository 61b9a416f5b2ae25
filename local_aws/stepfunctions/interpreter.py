"""Where moto's interpreter of Amazon States Language differs from AWS's."""

from __future__ import annotations

import copy
import logging
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

from botocore.exceptions import ClientError
from moto.core.config import default_user_config
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import (
    CustomErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.query_language import QueryLanguageMode
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.retry.max_attempts_decl import (
    MaxAttemptsOutcome,
)
from moto.stepfunctions.parser.asl.component.common.retry.retrier_outcome import RetrierOutcome
from moto.stepfunctions.parser.asl.component.common.string.string_expression import (
    StringVariableSample,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.state_map import StateMap
from moto.stepfunctions.parser.asl.component.state.exec.state_task import state_task_factory
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_factory,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (  # noqa: E501
    StateTaskService,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (  # noqa: E501
    StateTaskServiceAwsSdk,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_dynamodb import (  # noqa: E501
    StateTaskServiceDynamoDB,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_events import (  # noqa: E501
    StateTaskServiceEvents,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_lambda import (  # noqa: E501
    StateTaskServiceLambda,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sns import (  # noqa: E501
    StateTaskServiceSns,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import (
    Timestamp,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import (
    WaitFunction,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped, ProgramTimedOut
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils.json_path import extract_json

from local_aws.cloud import Cloud
from local_aws.stepfunctions import names, shapes
from local_aws.stepfunctions.distributed import definition, state
from local_aws.stepfunctions.jobs import NestedTask, SageMakerTask
from local_aws.stepfunctions.worker import remember_states

_WAKE_SECONDS = 0.25


def install(cloud: Cloud) -> None:
    """Change moto's interpreter; called once, before its first use."""
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    # It logs the syntax tree of each failed state; the history tells what failed.
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
    _integrations()
    _errors()
    _spelling()
    _waits(cloud)
    _ends()
    _variables()
    _replace(AmazonStateLanguageParser, "parse", staticmethod(definition.parse))
    _replace(StateMap, "_eval_execution", state.evaluate)
    remember_states(_replace)


def _integrations() -> None:
    stock = state_task_service_factory.state_task_service_for
    own: dict[str, Callable[[], Any]] = {"sagemaker": SageMakerTask, "states": NestedTask}

    def state_task_service_for(service_name: str) -> Any:
        return own[service_name]() if service_name in own else stock(service_name)

    for module in (state_task_service_factory, state_task_factory):
        vars(module)["state_task_service_for"] = state_task_service_for
    StateTaskService._SERVICE_NAME_SFN_TO_BOTO_OVERRIDES.update(names.boto_services())


def _errors() -> None:
    """Names of errors that state machines catch."""

    def sdk_failure(task: Any, env: Any, ex: Exception) -> Any:
        if not isinstance(ex, ClientError):
            return super(StateTaskServiceAwsSdk, task)._from_error(env=env, ex=ex)
        service = task._get_boto_service_name()
        error = names.sdk_error(service, task._get_boto_service_action(), ex)
        metadata = ex.response.get("ResponseMetadata", {})
        cause = (
            f"{ex.response['Error']['Message']} (Service: {names.error_prefix(service)}, "
            f"Status Code: {metadata.get('HTTPStatusCode')}, "
            f"Request ID: {metadata.get('RequestId')})"
        )
        return task._get_task_failure_event(env=env, error=error, cause=cause)

    def lambda_failure(ex: ClientError) -> tuple[str, str]:
        error = names.optimized_error("Lambda", "AWSLambdaException", ex)
        return error, names.cause("AWSLambda", ex)

    def dynamodb_failure(ex: ClientError) -> tuple[str, str]:
        error = names.optimized_error("DynamoDB", "AmazonDynamoDBException", ex)
        return error, names.cause("AmazonDynamoDBv2", ex)

    stock_events = StateTaskServiceEvents._from_error

    def events_failure(task: Any, env: Any, ex: Exception) -> Any:
        if not isinstance(ex, ClientError):
            return stock_events(task, env=env, ex=ex)
        error = names.optimized_error("EventBridge", "AmazonEventBridgeException", ex)
        cause = names.cause("AmazonEventBridge", ex)
        details = TaskFailedEventDetails(
            error=error,
            cause=cause,
            resource=task._get_sfn_resource(),
            resourceType=task._get_sfn_resource_type(),
        )
        return FailureEvent(
            env=env,
            error_name=CustomErrorName(error),
            event_type=HistoryEventType.TaskFailed,
            event_details=cast(EventDetails, {"taskFailedEventDetails": details}),
        )

    stock_sns = StateTaskServiceSns._from_error

    def sns_failure(task: Any, env: Any, ex: Exception) -> Any:
        if not isinstance(ex, ClientError):
            return stock_sns(task, env=env, ex=ex)
        failure: Any = stock_sns(task, env=env, ex=ex)
        error = names.optimized_error("SNS", "AmazonSNSException", ex)
        failure.error_name.error_name = error
        failure.event_details["taskFailedEventDetails"]["error"] = error
        return failure

    # A Fail state may hand on an error of the service's own, and so may a branch or an iteration.
    _replace(CustomErrorName, "__init__", ErrorName.__init__)
    _replace(StateTaskServiceAwsSdk, "_from_error", sdk_failure)
    _replace(StateTaskServiceLambda, "_error_cause_from_client_error", staticmethod(lambda_failure))
    _replace(StateTaskServiceSns, "_from_error", sns_failure)
    _replace(
        StateTaskServiceDynamoDB,
        "_error_cause_from_client_error",
        staticmethod(dynamodb_failure),
    )
    _replace(StateTaskServiceEvents, "_from_error", events_failure)


def _spelling() -> None:
    """Names and values as the service's API has them; moto passes them on as they are."""

    def model_of(task: Any, service: str | None, action: str | None) -> Any:
        return shapes.operation(
            task._get_boto_service_name(service), task._get_boto_service_action(action)
        )

    def normalise_parameters(
        task: Any,
        parameters: dict[str, Any],
        boto_service_name: str | None = None,
        service_action_name: str | None = None,
    ) -> None:
        found = model_of(task, boto_service_name, service_action_name)
        if found is not None:
            converted = shapes.to_request(parameters, found.input_shape)
            # The caller keeps the object that it passed.
            parameters.clear()
            parameters.update(converted)

    def normalise_response(
        task: Any,
        response: Any,
        boto_service_name: str | None = None,
        service_action_name: str | None = None,
    ) -> None:
        found = model_of(task, boto_service_name, service_action_name)
        if found is not None and isinstance(response, dict):
            converted = shapes.from_response(response, found.output_shape)
            response.clear()
            response.update(converted)

    _replace(StateTaskService, "_normalise_parameters", normalise_parameters)
    _replace(StateTaskService, "_normalise_response", normalise_response)


def _waits(cloud: Cloud) -> None:
    """Waits for a number of seconds pass at the local AWS's speed.

    That is a Wait state's Seconds and a Retry's interval: nothing happens in them. Timestamps are
    kept, and so are timeouts: what they limit works at its own speed.
    """

    def wait(env: Any, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while env.is_running() and (left := deadline - time.monotonic()) > 0:
            # An event that ends the execution may come just before one listens for it.
            env.program_state_event.wait(min(left, _WAKE_SECONDS))

    def wait_interval(function: Any, env: Any, wait_seconds: float) -> None:
        by_clock = isinstance(function, Timestamp)
        wait(env, wait_seconds if by_clock else wait_seconds / cloud.speed)

    def seconds_until(function: Any, env: Any) -> float:
        # moto compares with the machine's local time, and in whole seconds.
        function.string.eval(env=env)
        text = env.stack.pop()
        if function._from_timestamp_string(text) is None:
            raise FailureEventException(function._create_failure_event(env, text))
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return (moment - datetime.now(UTC)).total_seconds()

    def retry(retrier: Any, env: Any) -> None:
        retrier.error_equals.eval(env)
        if not env.stack.pop():
            env.stack.append(RetrierOutcome.Skipped)
            return
        retrier.max_attempts.eval(env=env)
        if env.stack.pop() == MaxAttemptsOutcome.EXHAUSTED:
            env.stack.append(RetrierOutcome.Failed)
            return
        # Each takes the seconds that the one before it left on the stack.
        for part in (
            retrier.interval_seconds,
            retrier.backoff_rate,
            retrier.max_delay_seconds,
            retrier.jitter_strategy,
        ):
            part.eval(env=env)
        wait(env, env.stack.pop() / cloud.speed)
        env.stack.append(RetrierOutcome.Executed)

    _replace(WaitFunction, "_wait_interval", wait_interval)
    _replace(Timestamp, "_get_wait_seconds", seconds_until)
    _replace(retrier_decl.RetrierDecl, "_eval_body", retry)


def _ends() -> None:
    """An execution that was stopped or timed out has not failed, whatever its tasks then do."""
    stock = Environment.set_error

    def set_error(env: Any, error: Any) -> None:
        if not isinstance(env._program_state, ProgramStopped | ProgramTimedOut):
            stock(env, error)

    _replace(Environment, "set_error", set_error)


def _variables() -> None:
    """``$name.path`` in a state of JSONPath; moto has it evaluated as JSONata."""

    def sample(expression: Any, env: Any) -> None:
        if expression.query_language_mode != QueryLanguageMode.JSONPath:
            raise NotImplementedError("JSONata")
        name, rest = re.findall(r"^\$(\w+)(.*)", expression.expression, re.DOTALL)[0]
        value = env.variable_store.get(name)
        env.stack.append(copy.deepcopy(extract_json(f"${rest}", value) if rest else value))

    _replace(StringVariableSample, "_eval_body", sample)


def _replace(owner: type, name: str, value: Any) -> None:
    """Put ``value`` in the place of a method that exists; a renamed one would go unnoticed."""
    if not hasattr(owner, name):
        raise AttributeError(f"moto's {owner.__name__} has no {name}")
    setattr(owner, name, value)
