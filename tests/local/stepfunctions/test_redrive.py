"""RedriveExecution: what goes on, with what, and what is refused.

See https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html and
https://docs.aws.amazon.com/step-functions/latest/dg/redrive-map-run.html.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

BUCKET = "redrives"


@pytest.fixture(scope="module")
def s3(local_aws: Any) -> Any:
    """S3 with the bucket that all tests of this module use."""
    client = local_aws.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


def getting(key: str, **more: Any) -> dict[str, Any]:
    """A Task state that reads an object, and fails as long as there is none."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Parameters": {"Bucket": BUCKET, "Key": key},
        **more,
    }


def redriven(run: Any) -> Any:
    """Redrive it and wait for its end."""
    run.states.redrive_execution(executionArn=run.arn)
    return run.wait()


def test_a_redriven_execution_goes_on_from_the_failed_state(machines: Any, s3: Any) -> None:
    """Same ARN and input; what succeeded is not run again; the context counts the redrives."""
    states = {
        "First": {
            "Type": "Pass",
            "Parameters": {"kept.$": "$.n"},
            "Assign": {"kept.$": "$.kept"},
            "Next": "Get",
        },
        "Get": getting("later", ResultSelector={"body.$": "$.Body"}, ResultPath="$.got", Next="L"),
        "L": {
            "Type": "Pass",
            "Parameters": {
                "all.$": "$",
                "count.$": "$$.Execution.RedriveCount",
                "variable.$": "$kept",
            },
            "End": True,
        },
    }
    run = machines.run(states, {"n": 7})
    assert run.failure[0] == "S3.NoSuchKeyException"
    described = run.described
    assert (described["redriveCount"], described["redriveStatus"]) == (0, "REDRIVABLE")
    s3.put_object(Bucket=BUCKET, Key="later", Body=b"here")
    arn = run.arn
    redriven(run)
    assert (run.arn, run.failure) == (arn, (None, None))
    assert run.output == {
        "all": {"kept": 7, "got": {"body": "here"}},
        "count": 1,
        "variable": 7,
    }
    assert run.described["redriveCount"] == 1
    assert run.described["redriveDate"] > run.described["startDate"]
    types = [event["type"] for event in run.history()]
    assert types.count("PassStateEntered") == 2
    assert types.count("TaskStateEntered") == 2
    assert types[types.index("ExecutionFailed") + 1] == "ExecutionRedriven"
    ids = [event["id"] for event in run.history()]
    assert ids == list(range(1, len(ids) + 1))


def test_retries_begin_anew_in_a_redrive(machines: Any, s3: Any) -> None:
    """A redrive gets as many retries as the first attempt had."""
    del s3
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2}]
    run = machines.run({"Get": getting("never", Retry=retry, End=True)})
    assert [event["type"] for event in run.history()].count("TaskFailed") == 3
    redriven(run)
    assert [event["type"] for event in run.history()].count("TaskFailed") == 6


def test_only_what_ended_without_success_is_redriven(machines: Any) -> None:
    """Running and succeeded executions are refused with the reason that they show."""
    running = machines.start(
        machines.create({"W": {"Type": "Wait", "Seconds": 36000, "End": True}})
    )
    succeeded = machines.run({"P": {"Type": "Pass", "End": True}})
    for run, status in ((running, "RUNNING"), (succeeded, "SUCCEEDED")):
        described = machines.states.describe_execution(executionArn=run.arn)
        reason = f"Execution is {status} and cannot be redriven."
        assert (described["redriveStatus"], described["redriveStatusReason"]) == (
            "NOT_REDRIVABLE",
            reason,
        )
        with pytest.raises(ClientError) as refused:
            machines.states.redrive_execution(executionArn=run.arn)
        assert refused.value.response["Error"]["Code"] == "ExecutionNotRedrivable"
        assert refused.value.response["Error"]["Message"] == reason
    machines.states.stop_execution(executionArn=running.arn)
    assert running.wait().status == "ABORTED"
    machines.states.redrive_execution(executionArn=running.arn)
    assert machines.states.describe_execution(executionArn=running.arn)["status"] == "RUNNING"
    machines.states.stop_execution(executionArn=running.arn)
    assert running.wait().history()[-1]["type"] == "ExecutionAborted"
    with pytest.raises(ClientError) as refused:
        machines.states.redrive_execution(executionArn=running.arn + "x")
    assert refused.value.response["Error"]["Code"] == "ExecutionDoesNotExist"


def fan_out(**fields: Any) -> dict[str, Any]:
    """A Distributed Map whose children each read the object that their item names."""
    get = getting("k")
    get["Parameters"] = {"Bucket": BUCKET, "Key.$": "$.key"}
    get |= {
        "ResultSelector": {"body.$": "$.Body", "redrives.$": "$$.Execution.RedriveCount"},
        "End": True,
    }
    return {
        "M": {
            "Type": "Map",
            "Label": "Files",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Mark",
                "States": {"Mark": {"Type": "Pass", "Next": "Get"}, "Get": get},
            },
            "End": True,
            **fields,
        }
    }


def test_a_redriven_map_run_runs_only_the_children_that_failed(machines: Any, s3: Any) -> None:
    """Its ARN stays, the children's too; a child goes on from its failed state."""
    for number in (0, 1, 3):
        s3.put_object(Bucket=BUCKET, Key=f"fan/{number}", Body=str(number).encode())
    items = [{"key": f"fan/{number}"} for number in range(5)]
    run = machines.run(fan_out(MaxConcurrency=1, ToleratedFailureCount=1), items)
    assert run.failure[0] == "States.ExceedToleratedFailureThreshold"
    (before,) = machines.states.list_map_runs(executionArn=run.arn)["mapRuns"]
    arn = before["mapRunArn"]
    failed = machines.states.list_executions(mapRunArn=arn, statusFilter="FAILED")["executions"]
    assert len(failed) == 2
    child = machines.states.describe_execution(executionArn=failed[0]["executionArn"])
    assert child["redriveStatus"] == "REDRIVABLE_BY_MAP_RUN"
    with pytest.raises(ClientError) as refused:
        machines.states.redrive_execution(executionArn=failed[0]["executionArn"])
    assert refused.value.response["Error"]["Code"] == "ExecutionNotRedrivable"
    for number in (2, 4):
        s3.put_object(Bucket=BUCKET, Key=f"fan/{number}", Body=str(number).encode())
    redriven(run)
    assert run.output == [
        {"body": str(number), "redrives": int(number in (2, 4))} for number in range(5)
    ]
    (after,) = machines.states.list_map_runs(executionArn=run.arn)["mapRuns"]
    assert after["mapRunArn"] == arn
    described = machines.states.describe_map_run(mapRunArn=arn)
    assert (described["status"], described["redriveCount"]) == ("SUCCEEDED", 1)
    assert described["itemCounts"]["succeeded"] == 5
    assert "MapRunRedriven" in [event["type"] for event in run.history()]
    types = [
        event["type"]
        for event in machines.states.get_execution_history(executionArn=failed[0]["executionArn"])[
            "events"
        ]
    ]
    assert types.count("PassStateEntered") == 1
    assert types.count("TaskStateEntered") == 2


def test_a_redrive_of_children_needs_a_right_of_its_own(
    machines: Any, make_role: Any, s3: Any
) -> None:
    """``states:RedriveExecution`` on the machine's children, for its role."""
    del s3
    role = make_role("states.amazonaws.com", "states:StartExecution", "s3:*")
    run = machines.run(fan_out(), [{"key": "none"}], role=role)
    redriven(run)
    assert run.failure[0] == "States.Permissions"
    assert "states:RedriveExecution" in run.failure[1]


def test_a_map_run_that_never_began_is_begun_by_the_redrive(machines: Any, s3: Any) -> None:
    """After the items could be read, a new map run starts."""
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON"},
        "Parameters": {"Bucket": BUCKET, "Key": "list.json"},
    }
    run = machines.run(fan_out(ItemReader=reader))
    assert run.failure[0] == "States.ItemReaderFailed"
    s3.put_object(Bucket=BUCKET, Key="one", Body=b"1")
    s3.put_object(Bucket=BUCKET, Key="list.json", Body=json.dumps([{"key": "one"}]).encode())
    redriven(run)
    assert run.output == [{"body": "1", "redrives": 0}]


def test_a_redrive_inside_a_parallel_state_fails_by_name(machines: Any) -> None:
    """AWS would redrive the failed branches; doing all of them again would be wrong."""
    branch = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}}
    run = machines.run({"Par": {"Type": "Parallel", "Branches": [branch], "End": True}})
    assert run.status == "FAILED"
    with pytest.raises(ClientError) as refused:
        machines.states.redrive_execution(executionArn=run.arn)
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
    assert "Par" in refused.value.response["Error"]["Message"]
