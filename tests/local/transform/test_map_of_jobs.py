"""Transform jobs in the children of a Distributed Map, and what becomes of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.local.transform.conftest import eventually

SLOW = b"1,2\nsleep\n"


@pytest.fixture
def fan_out(local_aws: Any, make_role: Any, lab: Any) -> Callable[..., str]:
    """Starts a state machine that runs a job for each item; the execution's ARN."""
    states = local_aws.client("stepfunctions")

    def start(
        items: list[str],
        *actions: str,
        map_fields: dict[str, Any] | None = None,
        **task_fields: Any,
    ) -> str:
        task = lab.task("in/")
        parameters = task["Parameters"]
        del parameters["TransformJobName"]
        parameters["TransformJobName.$"] = (
            f"States.Format('{lab.job}-{{}}-{{}}', $.name, $$.Execution.RedriveCount)"
        )
        source = parameters["TransformInput"]["DataSource"]["S3DataSource"]
        prefix = source.pop("S3Uri")
        source["S3Uri.$"] = f"States.Format('{prefix}{{}}', $.name)"
        role = make_role(
            "states.amazonaws.com", "states:*", "events:*", "sagemaker:Create*",
            "sagemaker:Describe*", "sagemaker:AddTags", *actions,
        )  # fmt: skip
        definition = {
            "StartAt": "Map",
            "States": {
                "Map": {
                    "Type": "Map",
                    "ItemProcessor": {
                        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                        "StartAt": "Job",
                        "States": {"Job": {**task, "End": True, **task_fields}},
                    },
                    "End": True,
                    **(map_fields or {}),
                }
            },
        }
        machine = states.create_state_machine(
            name=f"map-{lab.job}", roleArn=role, definition=json.dumps(definition)
        )["stateMachineArn"]
        given = json.dumps([{"name": name} for name in items])
        arn: str = states.start_execution(stateMachineArn=machine, input=given)["executionArn"]
        return arn

    return start


@pytest.fixture
def ended(local_aws: Any) -> Callable[[str], dict[str, Any]]:
    """Waits for an execution's end."""
    states = local_aws.client("stepfunctions")

    def wait(arn: str) -> dict[str, Any]:
        found: dict[str, Any] = eventually(
            lambda: states.describe_execution(executionArn=arn),
            lambda described: described["status"] != "RUNNING",
        )
        return found

    return wait


def jobs(lab: Any) -> dict[str, str]:
    """The status of each of a test's jobs by the end of its name."""
    listed = lab.sagemaker.list_transform_jobs(NameContains=f"{lab.job}-")
    return {
        job["TransformJobName"].removeprefix(f"{lab.job}-"): job["TransformJobStatus"]
        for job in listed["TransformJobSummaries"]
    }


def test_each_child_runs_a_job_and_a_redrive_only_what_failed(
    lab: Any, fan_out: Any, ended: Any, local_aws: Any
) -> None:
    """Two of three jobs succeed; after the bad file was mended, the redrive runs one job."""
    lab.put("in/a", b"1,2\n")
    lab.put("in/b", b"raise\n")
    lab.put("in/c", b"3,4\n")
    arn = fan_out(["a", "b", "c"], map_fields={"ToleratedFailureCount": 0, "MaxConcurrency": 1})
    assert ended(arn)["error"] == "States.ExceedToleratedFailureThreshold"
    assert jobs(lab) == {"a-0": "Completed", "b-0": "Failed"}
    lab.put("in/b", b"5,6\n")
    local_aws.client("stepfunctions").redrive_execution(executionArn=arn)
    described = ended(arn)
    assert described["status"] == "SUCCEEDED"
    assert jobs(lab) == {
        "a-0": "Completed",
        "b-0": "Failed",
        "b-1": "Completed",
        "c-0": "Completed",
    }
    names = [job["TransformJobName"] for job in json.loads(described["output"])]
    assert names == [f"{lab.job}-{end}" for end in ("a-0", "b-1", "c-0")]
    assert lab.outputs() == {"a.out": b"3.0\n", "b.out": b"11.0\n", "c.out": b"7.0\n"}


def test_stopping_the_execution_stops_the_jobs_of_its_children(
    lab: Any, fan_out: Any, ended: Any, local_aws: Any
) -> None:
    """No job goes on without an execution that waits for it."""
    for name in ("a", "b"):
        lab.put(f"in/{name}", SLOW)
    arn = fan_out(["a", "b"], "sagemaker:StopTransformJob")
    eventually(lambda: jobs(lab), lambda found: len(found) == 2)
    local_aws.client("stepfunctions").stop_execution(executionArn=arn)
    assert ended(arn)["status"] == "ABORTED"
    eventually(lambda: jobs(lab), lambda found: set(found.values()) == {"Stopped"})
    assert lab.outputs() == {}


@pytest.mark.long
def test_a_child_that_takes_too_long_stops_its_job(lab: Any, fan_out: Any, ended: Any) -> None:
    """``States.Timeout`` of the task ends the job as well."""
    lab.put("in/a", SLOW)
    arn = fan_out(["a"], "sagemaker:StopTransformJob", TimeoutSeconds=3)
    assert ended(arn)["error"] == "States.ExceedToleratedFailureThreshold"
    eventually(lambda: jobs(lab), lambda found: found == {"a-0": "Stopped"})


@pytest.mark.long
def test_a_job_is_stopped_with_the_rights_of_the_machine(
    lab: Any, fan_out: Any, ended: Any, local_aws: Any
) -> None:
    """Without ``sagemaker:StopTransformJob`` the job of an aborted execution goes on."""
    lab.put("in/a", SLOW)
    arn = fan_out(["a"])
    eventually(lambda: jobs(lab), lambda found: found == {"a-0": "InProgress"})
    local_aws.client("stepfunctions").stop_execution(executionArn=arn)
    assert ended(arn)["status"] == "ABORTED"
    assert jobs(lab) == {"a-0": "InProgress"}
    lab.sagemaker.stop_transform_job(TransformJobName=f"{lab.job}-a-0")


@pytest.mark.long
def test_one_failure_too_many_stops_the_jobs_of_the_others(
    lab: Any, fan_out: Any, ended: Any
) -> None:
    """The children that run are aborted with the map run."""
    lab.put("in/a", SLOW)
    lab.put("in/b", b"raise\n")
    arn = fan_out(["a", "b"], "sagemaker:StopTransformJob")
    assert ended(arn)["error"] == "States.ExceedToleratedFailureThreshold"
    eventually(lambda: jobs(lab), lambda found: found == {"a-0": "Stopped", "b-0": "Failed"})
