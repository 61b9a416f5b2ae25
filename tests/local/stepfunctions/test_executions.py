"""Executions: what they give, what others see of them, and how they end."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

PASS = {"P": {"Type": "Pass", "End": True}}
LONG_WAIT = {"W": {"Type": "Wait", "Seconds": 36000, "End": True}}


def test_an_execution_hands_its_input_from_state_to_state(machines: Any) -> None:
    """Intrinsics and the context object are evaluated; the output is the last state's."""
    run = machines.run(
        {
            "P": {
                "Type": "Pass",
                "Parameters": {
                    "sum.$": "States.MathAdd($.a, 2)",
                    "name.$": "$$.Execution.Name",
                    "redrives.$": "$$.Execution.RedriveCount",
                    "started.$": "$$.Execution.StartTime",
                },
                "End": True,
            }
        },
        {"a": 40},
    )
    assert run.output["sum"] == 42
    assert run.arn.endswith(f":{run.output['name']}")
    assert run.output["redrives"] == 0
    started = datetime.fromisoformat(run.output["started"].replace("Z", "+00:00"))
    assert abs(datetime.now(UTC) - started) < timedelta(minutes=1)


def test_executions_without_a_name_get_one_each(machines: Any) -> None:
    """Two starts of one machine are two executions."""
    arn = machines.create(PASS)
    first, second = machines.start(arn).wait(), machines.start(arn).wait()
    assert first.arn != second.arn
    listed = machines.states.list_executions(stateMachineArn=arn)["executions"]
    assert {found["executionArn"] for found in listed} == {first.arn, second.arn}


def test_a_name_can_be_used_once(machines: Any) -> None:
    """A second execution of a name is refused; so is a name with spaces."""
    arn = machines.create(PASS)
    machines.start(arn, name="nightly").wait()
    with pytest.raises(ClientError) as refused:
        machines.start(arn, {"other": "input"}, name="nightly")
    assert refused.value.response["Error"]["Code"] == "ExecutionAlreadyExists"
    with pytest.raises(ClientError) as refused:
        machines.start(arn, name="two words")
    assert refused.value.response["Error"]["Code"] == "InvalidName"


def test_waits_pass_at_the_speed_of_the_local_aws(machines: Any) -> None:
    """A minute's wait and two retries after 30 and 60 seconds: seconds at 60 times the speed."""
    waited = machines.run({"W": {"Type": "Wait", "Seconds": 60, "End": True}})
    assert waited.status == "SUCCEEDED"
    assert 0.9 < waited.seconds < 10
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Parameters": {"Bucket": "no-such-bucket-anywhere", "Key": "k"},
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 30, "MaxAttempts": 2}],
        "End": True,
    }
    retried = machines.run({"T": task})
    assert retried.status == "FAILED"
    assert 1.4 < retried.seconds < 15
    assert [e["type"] for e in retried.history()].count("TaskFailed") == 3


def test_a_wait_until_a_time_keeps_to_the_clock(machines: Any) -> None:
    """A timestamp is not divided by the speed."""
    until = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    run = machines.run({"W": {"Type": "Wait", "Timestamp": until, "End": True}})
    assert run.described["stopDate"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") >= until


def test_an_execution_that_takes_too_long_times_out(machines: Any) -> None:
    """TIMED_OUT with a stop date; timeouts are real time."""
    run = machines.run(LONG_WAIT, TimeoutSeconds=1)
    assert run.status == "TIMED_OUT"
    assert run.described["stopDate"] > run.described["startDate"]
    assert run.history()[-1]["type"] == "ExecutionTimedOut"


def test_a_stopped_execution_says_why(machines: Any) -> None:
    """ABORTED with the error and the cause of who stopped it, in the history as well."""
    run = machines.start(machines.create(LONG_WAIT))
    machines.states.stop_execution(executionArn=run.arn, error="Enough", cause="tired")
    run.wait()
    assert run.status == "ABORTED"
    assert run.failure == ("Enough", "tired")
    assert run.history()[-1]["executionAbortedEventDetails"] == {
        "error": "Enough",
        "cause": "tired",
    }


def test_a_fail_state_may_hand_on_an_error_of_the_service(machines: Any) -> None:
    """ErrorPath may name ``States.TaskFailed``, as a catch of all errors leaves it."""
    run = machines.run(
        {"F": {"Type": "Fail", "ErrorPath": "$.Error", "CausePath": "$.Cause"}},
        {"Error": "States.TaskFailed", "Cause": "a job"},
    )
    assert run.failure == ("States.TaskFailed", "a job")


def test_a_machine_waits_for_a_nested_execution(machines: Any) -> None:
    """``.sync:2`` gives the inner output as JSON, ``.sync`` as text."""
    inner = machines.create({"P": {"Type": "Pass", "Result": {"answer": 42}, "End": True}})
    for pattern, expected in (("sync:2", {"answer": 42}), ("sync", '{"answer":42}')):
        run = machines.run(
            {
                "N": {
                    "Type": "Task",
                    "Resource": f"arn:aws:states:::states:startExecution.{pattern}",
                    "Parameters": {"StateMachineArn": inner, "Input": {"asked": True}},
                    "End": True,
                }
            }
        )
        assert run.output["Status"] == "SUCCEEDED"
        assert run.output["Output"] == expected


def test_stopping_the_outer_execution_stops_the_inner_one(machines: Any) -> None:
    """Nothing that an execution started and waits for goes on without it."""
    inner = machines.create(LONG_WAIT)
    run = machines.start(
        machines.create(
            {
                "N": {
                    "Type": "Task",
                    "Resource": "arn:aws:states:::states:startExecution.sync:2",
                    "Parameters": {"StateMachineArn": inner, "Input": {}},
                    "End": True,
                }
            }
        )
    )

    def inner_statuses() -> list[str]:
        listed = machines.states.list_executions(stateMachineArn=inner)["executions"]
        return [found["status"] for found in listed]

    _eventually(lambda: inner_statuses() == ["RUNNING"])
    machines.states.stop_execution(executionArn=run.arn)
    assert run.wait().status == "ABORTED"
    _eventually(lambda: inner_statuses() == ["ABORTED"])


def test_metrics_count_how_executions_end(local_aws: Any, machines: Any) -> None:
    """Started, Succeeded, Failed, Aborted, TimedOut and the time, by state machine."""
    ends = {
        "Succeeded": machines.create(PASS),
        "Failed": machines.create({"F": {"Type": "Fail"}}),
        "TimedOut": machines.create(LONG_WAIT, TimeoutSeconds=1),
        "Aborted": machines.create(LONG_WAIT),
    }
    runs = {how: machines.start(arn) for how, arn in ends.items()}
    machines.states.stop_execution(executionArn=runs["Aborted"].arn)
    for run in runs.values():
        run.wait()
    for how, arn in ends.items():
        assert _total(local_aws, "ExecutionsStarted", arn) == 1
        assert _total(local_aws, f"Executions{how}", arn) == 1
    assert _total(local_aws, "ExecutionTime", ends["TimedOut"]) >= 1000


def test_a_change_of_status_is_an_event(local_aws: Any, machines: Any) -> None:
    """RUNNING and SUCCEEDED arrive where a rule sends them, with input and output."""
    arn = machines.create(PASS)
    queue = local_aws.client("sqs").create_queue(QueueName="executions")["QueueUrl"]
    queue_arn = f"arn:aws:sqs:us-east-1:123456789012:{queue.rpartition('/')[2]}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
    }
    local_aws.client("sqs").set_queue_attributes(
        QueueUrl=queue,
        Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})},
    )
    pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": [arn]}}
    events = local_aws.client("events")
    events.put_rule(Name="executions", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="executions", Targets=[{"Id": "queue", "Arn": queue_arn}])
    machines.start(arn, {"a": 1}).wait()
    details: dict[str, Any] = {}

    def both() -> bool:
        received = local_aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        for message in received.get("Messages", []):
            detail = json.loads(message["Body"])["detail"]
            details[detail["status"]] = detail
        return len(details) == 2

    _eventually(both)
    assert details["SUCCEEDED"]["output"] == '{"a":1}'
    assert details["RUNNING"]["stopDate"] is None


@pytest.mark.parametrize(("level", "count"), [("ALL", 4), ("ERROR", 0)])
def test_the_history_is_logged_at_the_configured_level(
    local_aws: Any, machines: Any, level: str, count: int
) -> None:
    """Each event of a level is a JSON line in the log group, with its data if asked for."""
    group = f"/states/{level}"
    logs = local_aws.client("logs")
    logs.create_log_group(logGroupName=group)
    log_arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{group}:*"
    configuration = {
        "level": level,
        "includeExecutionData": True,
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": log_arn}}],
    }
    run = machines.run(PASS, {"x": 1}, settings={"loggingConfiguration": configuration})
    lines = [
        json.loads(event["message"])
        for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]
        for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])[
            "events"
        ]
    ]
    assert len(lines) == count
    if lines:
        assert [line["type"] for line in lines] == [event["type"] for event in run.history()]
        assert lines[0]["details"]["input"] == '{"x": 1}'


def test_a_running_execution_keeps_the_definition_it_started_with(machines: Any) -> None:
    """An update in the middle of a run changes later ones only."""
    first = {
        "W": {"Type": "Wait", "Seconds": 60, "Next": "P"},
        "P": {"Type": "Pass", "Result": "old", "End": True},
    }
    arn = machines.create(first)
    running = machines.start(arn)
    definition = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": "new", "End": True}}}
    machines.states.update_state_machine(stateMachineArn=arn, definition=json.dumps(definition))
    assert machines.start(arn).wait().output == "new"
    assert running.wait().output == "old"


def _eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _total(local_aws: Any, metric: str, arn: str) -> float:
    now = datetime.now(UTC)
    found = local_aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/States",
        MetricName=metric,
        Dimensions=[{"Name": "StateMachineArn", "Value": arn}],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=10),
        Period=1200,
        Statistics=["Sum"],
    )["Datapoints"]
    return sum(point["Sum"] for point in found)


def test_a_variable_is_read_with_or_without_a_path(machines: Any) -> None:
    """``$name`` and ``$name.path``, also after the state that assigned it has ended."""
    run = machines.run(
        {
            "A": {"Type": "Pass", "Assign": {"kept.$": "$", "fixed": [1, 2]}, "Next": "B"},
            "B": {
                "Type": "Pass",
                "Parameters": {"a.$": "$kept.x.y", "b.$": "$fixed", "c.$": "$fixed[1]"},
                "End": True,
            },
        },
        {"x": {"y": 7}},
    )
    assert run.output == {"a": 7, "b": [1, 2], "c": 2}


def test_retries_back_off_up_to_their_longest_delay(machines: Any) -> None:
    """20 and 60 seconds, then 80 instead of 180 between tries; the context counts the retries."""
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Parameters": {
            "Bucket": "no-such-bucket-anywhere",
            "Key.$": "States.Format('try-{}', $$.State.RetryCount)",
        },
        "Retry": [
            {
                "ErrorEquals": ["S3.S3Exception"],
                "IntervalSeconds": 20,
                "BackoffRate": 3,
                "MaxDelaySeconds": 80,
                "MaxAttempts": 3,
            }
        ],
        "End": True,
    }
    run = machines.run({"T": task})
    asked = [
        event["taskScheduledEventDetails"]
        for event in run.history()
        if event["type"] == "TaskScheduled"
    ]
    assert [json.loads(details["parameters"])["Key"] for details in asked] == [
        f"try-{number}" for number in range(4)
    ]
    times = [e["timestamp"] for e in run.history() if e["type"] == "TaskScheduled"]
    # At 60 times the speed a minute is a second; a busy machine only makes them longer.
    waits = [(b - a).total_seconds() for a, b in itertools.pairwise(times)]
    assert all(wait >= least for wait, least in zip(waits, (0.33, 0.99, 1.33), strict=True))
    assert waits[2] < 2.99


def test_a_jittered_retry_waits_no_longer_than_its_interval(machines: Any) -> None:
    """Full jitter draws each delay from zero to what it would have been."""
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Parameters": {"Bucket": "no-such-bucket-anywhere", "Key": "k"},
        "Retry": [
            {
                "ErrorEquals": ["States.ALL"],
                "IntervalSeconds": 30,
                "BackoffRate": 1,
                "MaxAttempts": 8,
                "JitterStrategy": "FULL",
            }
        ],
        "End": True,
    }
    run = machines.run({"T": task})
    times = [e["timestamp"] for e in run.history() if e["type"] == "TaskScheduled"]
    waits = [(b - a).total_seconds() for a, b in itertools.pairwise(times)]
    assert len(waits) == 8
    # Without jitter they would be alike, and four seconds.
    assert max(waits) - min(waits) > 0.05
    assert min(waits) < 0.45
