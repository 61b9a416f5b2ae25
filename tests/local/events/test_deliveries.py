"""Rules and schedules reach their targets, with the rights that they need on AWS."""

from __future__ import annotations

import itertools
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "123456789012"
OFF = {"Mode": "OFF"}
_numbers = itertools.count(1)


class Queue:
    """A queue and what it received."""

    def __init__(self, local_aws: Any, *senders: str) -> None:
        self._sqs = local_aws.client("sqs")
        name = f"deliveries-{next(_numbers)}"
        self.url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
        if senders:
            statement = {
                "Effect": "Allow",
                "Principal": {"Service": list(senders)},
                "Action": "sqs:SendMessage",
                "Resource": self.arn,
            }
            policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            self._sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})

    def receive(self, seconds: int = 10) -> dict[str, Any] | None:
        """The next message; None if none comes."""
        answer = self._sqs.receive_message(
            QueueUrl=self.url, WaitTimeSeconds=seconds, MessageAttributeNames=["All"]
        )
        messages = answer.get("Messages", [])
        if not messages:
            return None
        self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=messages[0]["ReceiptHandle"])
        message: dict[str, Any] = messages[0]
        return message


@pytest.fixture
def queue(local_aws: Any) -> Queue:
    """A queue that EventBridge may send to."""
    return Queue(local_aws, "events.amazonaws.com")


@pytest.fixture
def rule(local_aws: Any) -> Callable[..., str]:
    """Makes a rule for events of a source of its own; the source."""
    events = local_aws.client("events")

    def make(*targets: dict[str, Any], **settings: Any) -> str:
        source = f"test.source-{next(_numbers)}"
        pattern = json.dumps({"source": [source]})
        events.put_rule(Name=source, **{"EventPattern": pattern, **settings})
        events.put_targets(
            Rule=source, Targets=[{"Id": str(i), **target} for i, target in enumerate(targets)]
        )
        return source

    return make


@pytest.fixture
def emit(local_aws: Any) -> Callable[..., None]:
    """Puts an event on the default bus."""

    def put(source: str, **detail: Any) -> None:
        entry = {"Source": source, "DetailType": "Test", "Detail": json.dumps(detail)}
        local_aws.client("events").put_events(Entries=[entry])

    return put


@pytest.fixture
def machine(local_aws: Any, make_role: Callable[..., str]) -> tuple[str, Callable[[], list[Any]]]:
    """A state machine, and a function that gives the inputs of its executions."""
    states = local_aws.client("stepfunctions")
    definition = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    arn: str = states.create_state_machine(
        name=f"target-{next(_numbers)}",
        roleArn=make_role("states.amazonaws.com"),
        definition=json.dumps(definition),
    )["stateMachineArn"]

    def inputs() -> list[Any]:
        found = states.list_executions(stateMachineArn=arn)["executions"]
        return [
            json.loads(states.describe_execution(executionArn=each["executionArn"])["input"])
            for each in found
        ]

    return arn, inputs


def test_a_rule_sends_the_event_to_a_queue(rule: Any, emit: Any, queue: Queue) -> None:
    """The whole event, with its account and an ISO time."""
    emit(rule({"Arn": queue.arn}), answer=42)
    message = queue.receive()
    assert message is not None
    event = json.loads(message["Body"])
    assert event["detail"] == {"answer": 42}
    assert event["account"] == ACCOUNT
    sent = datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
    assert abs(datetime.now(UTC) - sent) < timedelta(minutes=1)


def test_a_rule_starts_a_state_machine_with_its_role(
    rule: Any, emit: Any, machine: Any, make_role: Callable[..., str]
) -> None:
    """The input transformer makes the execution's input."""
    arn, inputs = machine
    role = make_role("events.amazonaws.com", "states:StartExecution", resource=arn)
    transformer = {"InputPathsMap": {"key": "$.detail.key"}, "InputTemplate": '{"object": <key>}'}
    emit(rule({"Arn": arn, "RoleArn": role, "InputTransformer": transformer}), key="in/a.csv")
    _eventually(lambda: inputs() == [{"object": "in/a.csv"}])


def test_a_rule_publishes_to_a_topic_that_lets_it(local_aws: Any, rule: Any, emit: Any) -> None:
    """The topic's policy must name EventBridge."""
    sns = local_aws.client("sns")
    topic = sns.create_topic(Name=f"deliveries-{next(_numbers)}")["TopicArn"]
    received = Queue(local_aws, "sns.amazonaws.com")
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=received.arn,
        Attributes={"RawMessageDelivery": "true"},
    )
    source = rule({"Arn": topic, "InputPath": "$.detail"})

    def let(service: str) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sns:Publish",
            "Resource": topic,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)

    let("cloudwatch.amazonaws.com")
    emit(source, first=1)
    assert received.receive(seconds=1) is None
    let("events.amazonaws.com")
    emit(source, second=2)
    message = received.receive()
    assert message is not None
    assert json.loads(message["Body"]) == {"second": 2}


def test_a_disabled_rule_sends_nothing(rule: Any, emit: Any, queue: Queue) -> None:
    """Nor does one whose pattern does not match."""
    emit(rule({"Arn": queue.arn}, State="DISABLED"), a=1)
    rule({"Arn": queue.arn})
    emit("test.another-source", a=1)
    assert queue.receive(seconds=1) is None


def test_what_a_policy_forbids_goes_to_the_dead_letter_queue(
    local_aws: Any, rule: Any, emit: Any, queue: Queue
) -> None:
    """A queue without a policy refuses; the reason stands beside the event."""
    closed = Queue(local_aws)
    emit(rule({"Arn": closed.arn, "DeadLetterConfig": {"Arn": queue.arn}}), a=1)
    message = queue.receive()
    assert message is not None
    assert json.loads(message["Body"])["detail"] == {"a": 1}
    attributes = {k: v["StringValue"] for k, v in message["MessageAttributes"].items()}
    assert attributes["TARGET_ARN"] == closed.arn
    assert "sqs:SendMessage" in attributes["ERROR_MESSAGE"]


def test_a_schedule_fires_at_its_time_and_goes(
    local_aws: Any, machine: Any, make_role: Callable[..., str]
) -> None:
    """``at`` in a time zone; the target's input has the scheduled time; DELETE after completion."""
    arn, inputs = machine
    scheduler = local_aws.client("scheduler")
    due = (datetime.now(UTC) + timedelta(seconds=2)).replace(microsecond=0)
    # Tokyo has been nine hours ahead of UTC since 1951.
    local = (due + timedelta(hours=9)).strftime("%Y-%m-%dT%H:%M:%S")
    name = f"once-{next(_numbers)}"
    scheduler.create_schedule(
        Name=name,
        ScheduleExpression=f"at({local})",
        ScheduleExpressionTimezone="Asia/Tokyo",
        FlexibleTimeWindow=OFF,
        ActionAfterCompletion="DELETE",
        Target={
            "Arn": arn,
            "RoleArn": make_role("scheduler.amazonaws.com", "states:StartExecution"),
            "Input": '{"due": "<aws.scheduler.scheduled-time>"}',
        },
    )
    _eventually(lambda: inputs() == [{"due": due.strftime("%Y-%m-%dT%H:%M:%SZ")}])
    assert datetime.now(UTC) >= due
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.get_schedule(Name=name)


def test_a_schedule_can_be_fired_by_hand(
    local_aws: Any, make_role: Callable[..., str], queue: Queue
) -> None:
    """Whatever its time; a universal target calls any operation with the schedule's role."""
    name = f"by-hand-{next(_numbers)}"
    local_aws.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression="rate(10 days)",
        FlexibleTimeWindow=OFF,
        Target={
            "Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
            "RoleArn": make_role("scheduler.amazonaws.com", "sqs:SendMessage"),
            "Input": json.dumps({"QueueUrl": queue.url, "MessageBody": "now"}),
        },
    )
    assert _fire(local_aws, f"default/{name}") == 202
    message = queue.receive()
    assert message is not None
    assert message["Body"] == "now"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        _fire(local_aws, "default/no-such-schedule")


def test_a_schedule_whose_role_may_not_writes_a_dead_letter(
    local_aws: Any, machine: Any, make_role: Callable[..., str]
) -> None:
    """The dead-letter queue needs no policy: the schedule's role sends to it."""
    arn, inputs = machine
    letters = Queue(local_aws)
    name = f"forbidden-{next(_numbers)}"
    local_aws.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression="rate(10 days)",
        FlexibleTimeWindow=OFF,
        Target={
            "Arn": arn,
            "RoleArn": make_role("scheduler.amazonaws.com", "sqs:SendMessage"),
            "DeadLetterConfig": {"Arn": letters.arn},
        },
    )
    _fire(local_aws, f"default/{name}")
    message = letters.receive()
    assert message is not None
    assert "states:StartExecution" in message["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
    assert inputs() == []


@pytest.mark.parametrize("expression", ["rate(0 minutes)", "cron(0 8 * * * *)", "every day"])
def test_a_wrong_expression_is_refused(local_aws: Any, expression: str) -> None:
    """By the schedule and by the rule."""
    with pytest.raises(ClientError) as refused:
        local_aws.client("scheduler").create_schedule(
            Name="wrong",
            ScheduleExpression=expression,
            FlexibleTimeWindow=OFF,
            Target={"Arn": "arn:aws:sqs:us-east-1:1:q", "RoleArn": "arn:aws:iam::1:role/r"},
        )
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError) as refused:
        local_aws.client("events").put_rule(Name="wrong", ScheduleExpression=expression)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def _fire(local_aws: Any, path: str) -> int:
    url = f"{local_aws.url}/_local-aws/schedules/{path}"
    with urllib.request.urlopen(urllib.request.Request(url, method="POST")) as answer:
        status: int = answer.status
        return status


def _eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
