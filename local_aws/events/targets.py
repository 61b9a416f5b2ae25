"""Sends something to a target of a rule or of a schedule."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore import xform_name

ClientOf = Callable[[str], Any]
_Sender = Callable[[ClientOf, str, str, Mapping[str, Any]], None]
UNIVERSAL = "arn:aws:scheduler:::aws-sdk:"
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
_UNIVERSAL_NAMES = {"sfn": "stepfunctions", "eventbridge": "events", "cloudwatchlogs": "logs"}


class UnknownTarget(Exception):
    """A kind of target that this AWS does not send to."""


def send(client: ClientOf, target: Mapping[str, Any], payload: str) -> None:
    """Send ``payload`` to ``target``.

    Args:
        client: gives a boto3 client of a service, with the rights that the call is to have.
        target: with ``Arn``, and parameters of its kind.
        payload: the text.

    Raises:
        UnknownTarget: there is no way to do it here.
        botocore.exceptions.ClientError: the target's service refused.
    """
    arn: str = target["Arn"]
    if arn.startswith(UNIVERSAL):
        _call(client, arn, payload)
        return
    sender = _SENDERS.get(kind_of(arn))
    if sender is None:
        raise UnknownTarget(f"no target of the local AWS: {arn}")
    sender(client, arn, payload, target)


def kind_of(arn: str) -> str:
    """The kind of a target: its service, with the resource where a service has several."""
    service, resource = arn.split(":")[2], arn.split(":")[5]
    return f"{service}:{resource.partition('/')[0]}" if service == "events" else service


def _start(client: ClientOf, arn: str, payload: str, _target: Mapping[str, Any]) -> None:
    client("stepfunctions").start_execution(stateMachineArn=arn, input=payload)


def _invoke(client: ClientOf, arn: str, payload: str, _target: Mapping[str, Any]) -> None:
    client("lambda").invoke(FunctionName=arn, InvocationType="Event", Payload=payload.encode())


def _publish(client: ClientOf, arn: str, payload: str, _target: Mapping[str, Any]) -> None:
    client("sns").publish(TopicArn=arn, Message=payload)


def _enqueue(client: ClientOf, arn: str, payload: str, target: Mapping[str, Any]) -> None:
    group = (target.get("SqsParameters") or {}).get("MessageGroupId")
    client("sqs").send_message(
        QueueUrl=queue_url(client("sqs"), arn),
        MessageBody=payload,
        **({"MessageGroupId": group} if group else {}),
    )


def _forward(client: ClientOf, arn: str, payload: str, target: Mapping[str, Any]) -> None:
    given = target.get("EventBridgeParameters")
    event = json.loads(payload)
    entry = {
        "Source": given["Source"] if given else event["source"],
        "DetailType": given["DetailType"] if given else event["detail-type"],
        "Detail": payload if given else json.dumps(event["detail"]),
        "EventBusName": arn,
    }
    client("events").put_events(Entries=[entry])


def _call(client: ClientOf, arn: str, payload: str) -> None:
    """A universal target: any operation, with its parameters as the payload."""
    service, _, action = arn.removeprefix(UNIVERSAL).partition(":")
    api = client(_UNIVERSAL_NAMES.get(service, service))
    known = {name.lower(): name for name in api.meta.method_to_api_mapping.values()}
    operation = known.get(action.lower())
    if operation is None:
        raise UnknownTarget(f"no such operation: {arn}")
    members = {
        name.lower(): name
        for name in api.meta.service_model.operation_model(operation).input_shape.members
    }
    given = {members.get(key.lower(), key): value for key, value in json.loads(payload).items()}
    getattr(api, xform_name(operation))(**given)


def queue_url(sqs: Any, arn: str) -> str:
    """The URL of a queue; made up of its ARN, as asking for it would need a permission more."""
    account, name = arn.split(":")[4:6]
    return f"{sqs.meta.endpoint_url}/{account}/{name}"


_SENDERS: dict[str, _Sender] = {
    "states": _start,
    "lambda": _invoke,
    "sns": _publish,
    "sqs": _enqueue,
    "events:event-bus": _forward,
}
