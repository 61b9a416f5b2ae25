"""Tasks of a batch workflow, with the retries that all of them have."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

# Neither another attempt nor more time changes these.
_FINAL_ERRORS = ("RequestError", "States.Timeout", "Sandbox.Timedout")


def invoke(
    scope: Construct,
    state_id: str,
    function: lambda_.IFunction,
    *,
    payload: Mapping[str, Any],
    result_path: str,
) -> tasks.LambdaInvoke:
    """Makes a state that calls a function, for a quarter of an hour at most.

    Args:
        scope: its parent.
        state_id: its name.
        function: the function.
        payload: what the function gets.
        result_path: where its answer goes.
    """
    state = tasks.LambdaInvoke(
        scope,
        state_id,
        lambda_function=function,
        payload=sfn.TaskInput.from_object(payload),
        payload_response_only=True,
        result_path=result_path,
        retry_on_service_exceptions=False,
        task_timeout=sfn.Timeout.duration(Duration.minutes(15)),
    )
    state.add_retry(errors=list(_FINAL_ERRORS), max_attempts=0)
    retry(state)
    return state


def retry(task: sfn.TaskStateBase) -> None:
    """Tries a task three times more, at random moments that lie further and further apart."""
    task.add_retry(
        errors=["States.ALL"],
        interval=Duration.seconds(2),
        backoff_rate=2.5,
        max_attempts=3,
        jitter_strategy=sfn.JitterType.FULL,
    )
