"""The tasks of the office hours' state machine.

Each looks once and does one thing, and can be run again: what it finds decides, not what another
execution did before. Two executions may so meet, an opening and a deployment's say, without a lock
between them. What the state machine hands on from task to task is one object:

- `action`: why it runs: `open` and `close` when the hours say so, `deploy` before CloudFormation
  changes the endpoint and `settle` after it did, `leave` when the office hours are taken out of the
  stack, `stop` when the stack is deleted;
- `request`: CloudFormation's, if it waits for an answer;
- `attempts`: how often a start has failed;
- `waited`: the seconds that were spent waiting for the present task's end;
- `wait`: the seconds to wait before it looks again;
- `reason`: why the last start failed;
- `next`: what the state machine does now.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3

from ..custom_resource import respond
from .endpoint import CHANGING, FAILED, IN_SERVICE, MISSING, Endpoint
from .memory import CLOSED, OPEN, Memory
from .stack import StackStatus

State = dict[str, Any]

ACTIONS = ("open", "close", "deploy", "leave", "stop")
# The physical id of both custom resources: there is nothing that could be replaced.
PHYSICAL_ID = "office-hours"

_POLL_SECONDS = 30
_FIRST_BACKOFF_SECONDS = 60
_LONGEST_BACKOFF_SECONDS = 600
# CloudFormation waits an hour for an answer, and looking takes time as well.
_PATIENCE_OF_A_DEPLOYMENT_SECONDS = 40 * 60
# Longer than any deployment; what has not been closed by then is for someone to look at.
_PATIENCE_OF_A_CLOSING_SECONDS = 8 * 3600


class GivenUpError(RuntimeError):
    """It was tried for as long as it was worth it."""


class NotAsExpectedError(RuntimeError):
    """The endpoint is in a state that the office hours do not change, or not what it was."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the state machine was deployed with.

    Attributes:
        endpoint: the endpoint.
        memory: what outlives it.
        stack_id: the ARN of its stack.
        give_up_after: seconds after which an opening is given up.
        golden: a request that the opened endpoint must answer: `Body` and `ContentType`.
    """

    endpoint: Endpoint
    memory: Memory
    stack_id: str
    give_up_after: int
    golden: dict[str, str] | None

    @property
    def stack(self) -> StackStatus:
        """The stack's status now."""
        return StackStatus.of(self.stack_id)


def handler(event: dict[str, Any], context: object) -> State:
    """Does one task.

    Args:
        event: `step`, the task; `state`, see above; `settings`, see `Settings`.
        context: Lambda's context; unused.

    Returns:
        The new state.
    """
    given = event["settings"]
    settings = Settings(
        endpoint=Endpoint.named(given["endpoint"]),
        memory=Memory.at(given["parameters"]),
        stack_id=given["stack"],
        give_up_after=given["give_up_after"],
        golden=given.get("golden"),
    )
    return _STEPS[event["step"]](settings, event["state"])


def begin(settings: Settings, state: State) -> State:
    """Starts from an execution's input, and keeps what the hours say.

    Args:
        settings: what the state machine was deployed with.
        state: the input: `action` and, from CloudFormation, `request`.

    Raises:
        ValueError: there is no such action.
    """
    action = state.get("action")
    if action not in ACTIONS:
        raise ValueError(f"action must be one of {', '.join(ACTIONS)}, not {action!r}")
    if action in ("open", "close"):
        settings.memory.say(OPEN if action == "open" else CLOSED)
    return {"action": action, "request": state.get("request"), "reason": "", **_FRESH, "next": ""}


def open_endpoint(settings: Settings, state: State) -> State:
    """Makes the endpoint again from what was kept, and looks whether it is in service.

    A start that failed is tried again, whatever the reason: a lack of capacity has no wording that
    could be relied on, and an endpoint that stays down is worse than a try in vain.

    Args:
        settings: what the state machine was deployed with.
        state: the state.

    Returns:
        `next` is `wait`; `tell` when the first start has failed; `opened`; or `overtaken`.

    Raises:
        GivenUpError: it has been tried for long enough.
        NotAsExpectedError: there is nothing to make it from, or it is broken.
    """
    if _overtaken(settings, state["action"]):
        return {**state, "next": "overtaken"}
    found = settings.endpoint.describe()
    status = found["EndpointStatus"]
    if status == IN_SERVICE:
        # Scalable targets must not come into the way of a deployment that changes the fleet.
        if state["action"] == "open" and settings.stack.is_busy:
            return {**state, "next": "wait", "wait": _POLL_SECONDS}
        return {**state, **_FRESH, "next": "opened"}
    if status in CHANGING:
        return _wait(settings, state, _POLL_SECONDS)
    return _start(settings, state, found)


def close(settings: Settings, state: State) -> State:
    """Looks whether the endpoint can be deleted now.

    Args:
        settings: what the state machine was deployed with.
        state: the state.

    Returns:
        `next` is `wait`, `ready`, `closed` or `overtaken`.

    Raises:
        GivenUpError: its stack has not come to rest.
    """
    return _closing(settings, state, settings.endpoint.describe())


def delete(settings: Settings, state: State) -> State:
    """Keeps what the endpoint is made again from, and deletes it.

    Args:
        settings: what the state machine was deployed with.
        state: the state.

    Returns:
        `next` is `wait`, `closed` or `overtaken`.

    Raises:
        GivenUpError: its stack has not come to rest.
    """
    found = settings.endpoint.describe()
    looked = _closing(settings, state, found)
    if looked["next"] != "ready":
        return looked
    # A start that failed has left nothing that would not be known.
    if found["EndpointStatus"] != FAILED or settings.memory.record(settings.endpoint.name) is None:
        settings.memory.keep(
            {
                "endpoint": settings.endpoint.name,
                "config": found["EndpointConfigName"],
                "tags": settings.endpoint.tags(found["EndpointArn"]),
                "deployment": found.get("LastDeploymentConfig"),
            }
        )
    settings.endpoint.delete()
    return _wait_to_close(settings, state, found["EndpointStatus"])


def rest(settings: Settings, state: State) -> State:
    """Looks whether CloudFormation is through with the stack.

    Args:
        settings: what the state machine was deployed with.
        state: the state.

    Returns:
        `next` is `wait` or `rested`.
    """
    busy = settings.stack.is_busy
    return {**state, "next": "wait" if busy else "rested", "wait": _POLL_SECONDS}


def settle(settings: Settings, state: State) -> State:
    """Looks what a deployment has left: it opened the endpoint, or gave that up.

    Args:
        settings: what the state machine was deployed with.
        state: the state.

    Returns:
        `next` is `wait`, `opened` or `closed`.
    """
    status = settings.endpoint.status()
    state = {**state, "action": "settle"}
    if status in CHANGING:
        return {**state, "next": "wait", "wait": _POLL_SECONDS}
    return {**state, "next": "closed" if status == MISSING else "opened"}


def steady(settings: Settings, state: State) -> State:
    """Looks whether the endpoint can be deleted: not while it is created or changed.

    Args:
        settings: what the state machine was deployed with.
        state: the state.

    Returns:
        `next` is `wait` or `steady`.
    """
    changing = settings.endpoint.status() in CHANGING
    return {**state, "next": "wait" if changing else "steady", "wait": _POLL_SECONDS}


def check(settings: Settings, state: State) -> State:
    """Looks whether the endpoint is what it was, and answers.

    Args:
        settings: what the state machine was deployed with.
        state: the state.

    Returns:
        `next` is `linger` if the hours are over, else `checked`.

    Raises:
        NotAsExpectedError: it is not in service, or with another config.
        ClientError: it did not answer the golden request.
    """
    found = settings.endpoint.describe()
    if found["EndpointStatus"] != IN_SERVICE:
        raise NotAsExpectedError(f"endpoint {settings.endpoint.name} is {found['EndpointStatus']}")
    record = settings.memory.record(settings.endpoint.name)
    # After a deployment it has another config, which CloudFormation waited for.
    if state["action"] != "settle" and record and found["EndpointConfigName"] != record["config"]:
        raise NotAsExpectedError(
            f"endpoint {settings.endpoint.name} serves {found['EndpointConfigName']}, and was "
            f"closed with {record['config']}"
        )
    if settings.golden is not None:
        boto3.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=settings.endpoint.name, **settings.golden
        )
    over = state["action"] == "settle" and settings.memory.hours() == CLOSED
    return {**state, "next": "linger" if over else "checked"}


def answer(settings: Settings, state: State) -> State:
    """Tells CloudFormation that it may go on.

    Args:
        settings: what the state machine was deployed with.
        state: the state.
    """
    if state["action"] == "leave":
        settings.memory.forget()
    respond(state["request"], lambda _: None, physical_id=PHYSICAL_ID)
    return {**state, "request": None}


def refuse(settings: Settings, state: State) -> State:
    """Tells CloudFormation why it may not go on.

    Args:
        settings: what the state machine was deployed with.
        state: the state, with `failure` as Step Functions caught it.
    """
    failure = state["failure"]
    error = GivenUpError(
        f"endpoint {settings.endpoint.name} is closed by its office hours, and could not be "
        f"opened: {failure.get('Cause') or failure['Error']}"
    )

    def fail(_: dict[str, Any]) -> None:
        raise error

    respond(state["request"], fail, physical_id=PHYSICAL_ID)
    return {**state, "request": None}


_FRESH = {"attempts": 0, "waited": 0, "wait": 0}
_STEPS: dict[str, Callable[[Settings, State], State]] = {
    "begin": begin,
    "open": open_endpoint,
    "close": close,
    "delete": delete,
    "rest": rest,
    "settle": settle,
    "steady": steady,
    "check": check,
    "answer": answer,
    "refuse": refuse,
}


def _overtaken(settings: Settings, action: str) -> bool:
    """Whether the reason to open is gone."""
    hours = settings.memory.hours()
    if hours is None:
        # The stack is being deleted.
        return True
    if action == "open":
        return hours != OPEN
    if action == "deploy":
        stack = settings.stack
        return stack.is_rolling_back or not stack.is_busy
    return False


def _closing(settings: Settings, state: State, found: dict[str, Any]) -> State:
    """Whether the endpoint may be deleted."""
    status = found["EndpointStatus"]
    if settings.memory.hours() != CLOSED:
        return {**state, "next": "overtaken"}
    if status == MISSING:
        return {**state, "next": "closed"}
    # The stack last of all: no deployment can have got far when the endpoint goes.
    if status in CHANGING or not settings.stack.is_at_rest:
        return _wait_to_close(settings, state, status)
    return {**state, "next": "ready"}


def _wait_to_close(settings: Settings, state: State, status: str) -> State:
    waited = state["waited"] + _POLL_SECONDS
    if waited > _PATIENCE_OF_A_CLOSING_SECONDS:
        raise GivenUpError(
            f"endpoint {settings.endpoint.name} was not closed: it is {status}, and its stack "
            f"{settings.stack.text}"
        )
    return {**state, "next": "wait", "wait": _POLL_SECONDS, "waited": waited}


def _start(settings: Settings, state: State, found: dict[str, Any]) -> State:
    """Starts an endpoint that there is not, or clears away one that failed to start."""
    status = found["EndpointStatus"]
    record = settings.memory.record(settings.endpoint.name)
    if record is None or status not in (MISSING, FAILED):
        raise NotAsExpectedError(
            f"endpoint {settings.endpoint.name} is {status}, and was not closed by its office "
            "hours: deploy its stack"
        )
    if status == FAILED:
        settings.endpoint.delete()
        return _failed(settings, state, found.get("FailureReason", "no reason was given"))
    refusal = settings.endpoint.create(record)
    if refusal is not None:
        return _failed(settings, state, refusal)
    return _wait(settings, state, _POLL_SECONDS)


def _wait(settings: Settings, state: State, seconds: int) -> State:
    waited = state["waited"] + seconds
    limit = settings.give_up_after
    if state["request"] is not None:
        limit = min(limit, _PATIENCE_OF_A_DEPLOYMENT_SECONDS)
    if waited > limit:
        raise GivenUpError(
            f"endpoint {settings.endpoint.name} is not in service after {state['attempts']} failed "
            f"starts in {state['waited']} s: {state['reason'] or 'it takes too long'}"
        )
    return {**state, "next": "wait", "wait": seconds, "waited": waited}


def _failed(settings: Settings, state: State, reason: str) -> State:
    attempts = state["attempts"] + 1
    backoff = min(_FIRST_BACKOFF_SECONDS * 2 ** (attempts - 1), _LONGEST_BACKOFF_SECONDS)
    state = _wait(settings, {**state, "attempts": attempts, "reason": reason}, backoff)
    return {**state, "next": "tell" if attempts == 1 else "wait"}
