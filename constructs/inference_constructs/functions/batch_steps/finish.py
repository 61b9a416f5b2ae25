"""Ends a run: what it made, what failed, what it cost, and who is told.

It is called by the state machine, and, for executions that were stopped or timed out and could not
call it themselves, by a rule.
"""

import os
from typing import Any

import boto3

from ..batch_checks.locations import Location
from .ending import Ending
from .run_folder import RunFolder

_STATUS_CHANGE = "Step Functions Execution Status Change"


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Ends a run, told by its state machine or by a rule.

    Args:
        event: `state`, in which `failure` stands if something failed, and `execution`, the ARN; or
            an event of EventBridge about an execution.
        context: Lambda's context; unused.

    Returns:
        The `status`, and the `subject` and the `message` of the notification.
    """
    if event.get("detail-type") == _STATUS_CHANGE:
        return _after_stop(event["detail"])
    state, execution = event["state"], event["execution"]
    ending = Ending(_folder(execution))
    if not ending.has_plan:
        return ending.refused(execution, state.get("request"), state["failure"])
    return ending.end(failure=state.get("failure"))


def _after_stop(detail: dict[str, Any]) -> dict[str, Any]:
    ending = Ending(_folder(detail["executionArn"]))
    if ending.is_over:
        return {"status": "OVER"}
    ended = ending.end(stopped=detail["status"])
    boto3.client("sns").publish(
        TopicArn=os.environ["TOPIC_ARN"], Subject=ended["subject"], Message=ended["message"]
    )
    return ended


def _folder(execution: str) -> RunFolder:
    s3 = boto3.client("s3")
    return RunFolder.of(s3, str(Location.parse(os.environ["OUTPUT"])), execution)
