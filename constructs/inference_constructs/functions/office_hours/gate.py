"""The custom resources that keep deployments and office hours out of each other's way.

`Before` comes before the endpoint and all that it is made of, and changes whenever one of them does
in the template. A closed endpoint is opened then, with the config, the model and the rights that it
was closed with, and CloudFormation finds what it expects; nothing else of a deployment needs the
endpoint. `After` comes after it, so that it is deleted before it.

What takes longer than a look is an execution of the state machine, which answers CloudFormation.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
"""

import json

import boto3

from ..custom_resource import Event, respond
from .endpoint import CHANGING, FAILED, MISSING, Endpoint
from .memory import Memory
from .stack import StackStatus
from .steps import PHYSICAL_ID

# What an answer needs of a request.
_KEPT = (
    "RequestType",
    "ResponseURL",
    "StackId",
    "RequestId",
    "LogicalResourceId",
    "PhysicalResourceId",
)


def handler(event: Event, context: object) -> None:
    """Lets CloudFormation go on, or has the state machine prepare the endpoint first.

    Args:
        event: the request; the properties are `Position` (`Before` or `After`), `EndpointName`,
            `Parameters` and `StateMachine`.
        context: Lambda's context; unused.
    """
    failure: Exception | None = None
    try:
        action = needed_action(event)
        if action is not None:
            _start(event, action)
            return
    except Exception as error:  # whatever it is, CloudFormation must be told
        failure = error

    def outcome(_: Event) -> None:
        if failure is not None:
            raise failure

    respond(event, outcome, physical_id=PHYSICAL_ID)


def needed_action(event: Event) -> str | None:
    """Finds out what has to happen before CloudFormation may go on.

    Args:
        event: the request.

    Returns:
        The state machine's action; None if CloudFormation may go on at once.
    """
    request, properties = event["RequestType"], event["ResourceProperties"]
    endpoint = Endpoint.named(properties["EndpointName"])
    memory = Memory.at(properties["Parameters"])
    stack = StackStatus.of(event["StackId"])
    if request == "Create":
        return None
    if properties["Position"] == "After":
        if request != "Delete" or not stack.is_going:
            return None
        # From now on there is nothing that anyone could make the endpoint from.
        memory.forget()
        return "stop" if endpoint.status() in CHANGING else None
    if request == "Update":
        # A rollback changes the endpoint only if the deployment did, which had it open.
        return "deploy" if not stack.is_rolling_back and _is_down(endpoint, memory) else None
    if not stack.is_going and _is_down(endpoint, memory):
        return "leave"
    memory.forget()
    return None


def _is_down(endpoint: Endpoint, memory: Memory) -> bool:
    """Whether the office hours have closed it, or are closing or opening it."""
    record = memory.record(endpoint.name)
    if record is None:
        return False
    found = endpoint.describe()
    if found["EndpointStatus"] == FAILED:
        return bool(found["EndpointConfigName"] == record["config"])
    return found["EndpointStatus"] in (MISSING, "Creating", "Deleting")


def _start(event: Event, action: str) -> None:
    request = {name: event[name] for name in _KEPT if name in event}
    boto3.client("stepfunctions").start_execution(
        stateMachineArn=event["ResourceProperties"]["StateMachine"],
        # CloudFormation may send a request twice; one execution is enough.
        name=f"{action}-{event['RequestId']}",
        input=json.dumps({"action": action, "request": request}),
    )
