"""Functions as tasks of a state machine."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

FUNCTION = """
class NotYetError(Exception):
    pass

def handler(event, context):
    if event.get("fail"):
        raise NotYetError("not yet")
    return {"doubled": 2 * event["number"]}
"""


@pytest.fixture(scope="module")
def function(local_aws: Any, make_role: Callable[..., str]) -> str:
    """A function that doubles, or fails as it is told; its ARN."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", FUNCTION)
    arn: str = local_aws.client("lambda").create_function(
        FunctionName="doubles",
        Role=make_role("lambda.amazonaws.com"),
        Runtime="python3.13",
        Handler="index.handler",
        Code={"ZipFile": buffer.getvalue()},
    )["FunctionArn"]
    return arn


def task(function: str, **more: Any) -> dict[str, Any]:
    """A state machine of one call of the function, as the CDK writes it."""
    invoke = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload.$": "$"},
        "End": True,
    }
    return {"Invoke": {**invoke, **more}, "Caught": {"Type": "Pass", "End": True}}


def test_a_function_gets_the_state_and_gives_its_payload(
    machines: Any, function: str, make_role: Callable[..., str]
) -> None:
    """With a role that may invoke this function and nothing else."""
    role = make_role("states.amazonaws.com", "lambda:InvokeFunction", resource=function)
    run = machines.run(task(function), {"number": 21}, role=role)
    assert run.status == "SUCCEEDED", run.failure
    assert (run.output["StatusCode"], run.output["Payload"]) == (200, {"doubled": 42})
    selected = task(function, ResultSelector={"of.$": "$.Payload.doubled"}, OutputPath="$.of")
    assert machines.run(selected, {"number": 4}, role=role).output == 8


def test_a_functions_own_error_is_caught_by_its_name(machines: Any, function: str) -> None:
    """After the retries that the task allows."""
    states = task(
        function,
        Retry=[{"ErrorEquals": ["NotYetError"], "IntervalSeconds": 1, "MaxAttempts": 2}],
        Catch=[{"ErrorEquals": ["NotYetError"], "Next": "Caught"}],
    )
    run = machines.run(states, {"fail": True})
    assert run.status == "SUCCEEDED"
    assert run.output["Error"] == "NotYetError"
    assert "not yet" in run.output["Cause"]
    begun = [event["type"] for event in run.history() if event["type"] == "TaskStarted"]
    assert len(begun) == 3


def test_a_function_is_not_invoked_without_the_right_to(
    machines: Any, function: str, make_role: Callable[..., str]
) -> None:
    """The state machine's role is judged."""
    run = machines.run(task(function), {"number": 1}, role=make_role("states.amazonaws.com"))
    assert run.failure[0] == "Lambda.AWSLambdaException"
    assert "is not authorized to perform: lambda:InvokeFunction" in run.failure[1]
