"""Transform jobs over the API: real objects, real processes, real permissions."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

REASON = "See job logs for more information"


def test_a_job_predicts_every_object_below_its_prefix(lab: Any) -> None:
    """Two instances share three objects; each output stands where its input did, joined."""
    lab.put("in/a.csv", b"7,1,2\n8,3,4\n")
    lab.put("in/deep/er/b.csv", b"9,5,6")
    lab.put("in/", b"")
    described = lab.run(
        "in/",
        TransformResources={"InstanceType": "ml.m5.xlarge", "InstanceCount": 2},
        DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input"},
        MaxConcurrentTransforms=2,
    )
    assert described["TransformJobStatus"] == "Completed"
    assert lab.outputs() == {
        "a.csv.out": b"7,1,2,3.0\n8,3,4,7.0\n",
        "deep/er/b.csv.out": b"9,5,6,11.0\n",
    }
    times = [described[f"{what}Time"] for what in ("Creation", "TransformStart", "TransformEnd")]
    assert times == sorted(times)
    assert described["DataProcessing"]["InputFilter"] == "$[1:]"
    streams = lab.log_streams()
    assert len([name for name in streams if not name.endswith("/data-log")]) == 2
    assert "MaxConcurrentTransforms=2, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD" in (
        lab.data_log()
    )


def test_a_bad_file_fails_the_job_and_spoils_no_other(lab: Any) -> None:
    """The good file has its output, the bad one none; the log says which and why."""
    lab.put("in/good.csv", b"1,2\n")
    lab.put("in/bad.csv", b"refuse\n")
    described = lab.run("in/")
    assert described["TransformJobStatus"] == "Failed"
    assert described["FailureReason"] == f"ClientError: {REASON}"
    assert lab.outputs() == {"good.csv.out": b"3.0\n"}
    assert f"{lab.bucket}/{lab.prefix}/in/bad.csv: ClientError: 400" in lab.data_log()
    assert "no such row" in lab.data_log()


def test_an_exception_in_the_handler_is_the_algorithms_fault(lab: Any) -> None:
    """A 500 is retried as often as asked for; then the job fails by the algorithm's fault."""
    lab.put("in/a.csv", b"raise\n")
    described = lab.run("in/", ModelClientConfig={"InvocationsMaxRetries": 1})
    assert described["FailureReason"] == f"AlgorithmError: {REASON}"
    assert lab.outputs() == {}


def test_a_manifest_of_gzip_objects_is_read(lab: Any) -> None:
    """The manifest's objects only, decompressed, each with an output of its relative key."""
    lab.put("data/x/one.gz", gzip.compress(b"1,2\n"))
    lab.put("data/two.gz", gzip.compress(b"3,4\n"))
    lab.put("data/three.gz", gzip.compress(b"5,6\n"))
    manifest = [{"prefix": f"s3://{lab.bucket}/{lab.prefix}/data/"}, "x/one.gz", "two.gz"]
    lab.put("list.json", json.dumps(manifest).encode())
    described = lab.run("list.json", kind="ManifestFile", CompressionType="Gzip")
    assert described["TransformJobStatus"] == "Completed"
    assert lab.outputs() == {"x/one.gz.out": b"3.0\n", "two.gz.out": b"7.0\n"}


def test_a_stopped_job_leaves_no_output_and_no_process(lab: Any) -> None:
    """Stopping shows at once, Stopped when the instances have ended."""
    lab.put("in/a.csv", b"sleep\n")
    lab.create("in/")
    lab.wait_for_request()
    lab.sagemaker.stop_transform_job(TransformJobName=lab.job)
    assert lab.describe()["TransformJobStatus"] in ("Stopping", "Stopped")
    assert lab.wait()["TransformJobStatus"] == "Stopped"
    assert lab.outputs() == {}
    with pytest.raises(ClientError, match="in status Stopped"):
        lab.sagemaker.stop_transform_job(TransformJobName=lab.job)


def test_a_model_that_does_not_load_fails_the_job(lab: Any) -> None:
    """The reason is the health check's, in the service's words."""
    lab.put("in/a.csv", b"1\n")
    described = lab.run("in/", ModelName=lab.model_of("def model_fn(directory): 1 / 0"))
    assert described["TransformJobStatus"] == "Failed"
    assert described["FailureReason"].startswith(
        "AlgorithmError: Model container failed to respond to ping."
    )


def test_a_role_that_may_not_write_fails_the_job(lab: Any) -> None:
    """The job's outputs are written with the model's role, and the log names what it lacks."""
    lab.put("in/a.csv", b"1,2\n")
    model = lab.model_of(actions=("s3:GetObject", "s3:ListBucket", "logs:*", "ecr:*"))
    described = lab.run("in/", ModelName=model)
    assert described["FailureReason"] == f"ClientError: {REASON}"
    assert "s3:PutObject" in lab.data_log()


def test_instances_report_their_utilization(local_aws: Any, lab: Any) -> None:
    """CPU and memory by host, put with the model's role: without the permission there are none."""
    lab.put("in/a.csv", b"1,2\n")
    lab.run("in/", ModelName=lab.model_of(actions=("s3:*", "logs:*", "ecr:*", "cloudwatch:*")))
    with_permission = lab.job
    lab.job = f"{lab.prefix}-silent"
    assert lab.run("in/")["TransformJobStatus"] == "Completed"
    metrics = local_aws.client("cloudwatch").list_metrics(Namespace="/aws/sagemaker/TransformJobs")
    found = {
        (metric["MetricName"], metric["Dimensions"][0]["Value"].partition("/")[0])
        for metric in metrics["Metrics"]
        if metric["Dimensions"][0]["Value"].startswith(lab.prefix)
    }
    assert found == {
        ("CPUUtilization", with_permission),
        ("MemoryUtilization", with_permission),
    }


def test_every_change_of_status_is_an_event(lab: Any) -> None:
    """InProgress and Completed arrive with the job's ARN, its tags and times in milliseconds."""
    received = lab.events("SageMaker Transform Job State Change")
    lab.put("in/a.csv", b"1,2\n")
    described = lab.run("in/", Tags=[{"Key": "team", "Value": "risk"}])
    events = {event["detail"]["TransformJobStatus"]: event for event in received(2)}
    assert set(events) == {"InProgress", "Completed"}
    assert events["Completed"]["source"] == "aws.sagemaker"
    assert events["Completed"]["resources"] == [described["TransformJobArn"]]
    detail = events["Completed"]["detail"]
    assert detail["Tags"] == {"team": "risk"}
    assert detail["TransformEndTime"] == int(described["TransformEndTime"].timestamp() * 1000)


def test_a_job_name_can_be_used_once(lab: Any) -> None:
    """The second job of a name is refused, with the first one's ARN."""
    lab.put("in/a.csv", b"1,2\n")
    arn = lab.create("in/")
    with pytest.raises(ClientError) as refused:
        lab.create("in/")
    assert refused.value.response["Error"]["Code"] == "ResourceInUse"
    assert f"a job with this name already exists ({arn})" in str(refused.value)
    lab.wait()


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"MaxPayloadInMB": 100, "MaxConcurrentTransforms": 20}, "cannot exceed 100 MB"),
        ({"ModelName": "no-such-model"}, "Could not find model"),
        ({"prefix": "nothing/"}, "No S3 objects found under S3 URL"),
        ({"DataProcessing": {"OutputFilter": "$[1:4]"}}, "inclusive"),
        (
            {"TransformResources": {"InstanceType": "ml.t2.medium", "InstanceCount": 1}},
            "1 validation error detected: Value 'ml.t2.medium' at "
            "'transformResources.instanceType' failed to satisfy constraint: "
            "Member must satisfy enum value set",
        ),
    ],
)
def test_a_wrong_request_starts_nothing(lab: Any, request_: dict[str, Any], message: str) -> None:
    """It is refused at once with a ValidationException, and there is no job."""
    lab.put("in/a.csv", b"1\n")
    with pytest.raises(ClientError) as refused:
        lab.create(**{"prefix": "in/", **request_})
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert message in str(refused.value)
    with pytest.raises(ClientError, match="Could not find requested job with name"):
        lab.describe()


@pytest.mark.parametrize(
    ("service", "actions", "message"),
    [
        ("sagemaker.amazonaws.com", ("s3:GetObject",), 'has "s3:ListBucket" permissions'),
        ("lambda.amazonaws.com", ("s3:*",), "Could not assume role"),
    ],
)
def test_a_role_that_cannot_see_the_input_is_refused(
    lab: Any, service: str, actions: tuple[str, ...], message: str
) -> None:
    """The model's role must trust the service and may list the bucket."""
    lab.put("in/a.csv", b"1\n")
    model = lab.model_of(actions=("s3:*", "logs:*"))
    lab.change_role(model, service, actions)
    with pytest.raises(ClientError, match=message):
        lab.create("in/", ModelName=model)


def test_jobs_are_listed_newest_first_in_pages(lab: Any) -> None:
    """By name and status, with as many on a page as asked for."""
    lab.put("in/a.csv", b"1,2\n")
    names = []
    for suffix in ("x", "y", "z"):
        lab.job = f"{lab.prefix}-{suffix}"
        names.append(lab.job)
        lab.create("in/")
    for lab.job in names:
        assert lab.wait()["TransformJobStatus"] == "Completed"
    filters = {"NameContains": f"{lab.prefix}-", "StatusEquals": "Completed", "MaxResults": 2}
    first = lab.sagemaker.list_transform_jobs(**filters)
    second = lab.sagemaker.list_transform_jobs(**filters, NextToken=first["NextToken"])
    listed = [*first["TransformJobSummaries"], *second["TransformJobSummaries"]]
    assert [job["TransformJobName"] for job in listed] == names[::-1]
    assert "NextToken" not in second


def test_a_state_machine_waits_for_its_job(lab: Any, machine: Callable[..., Any]) -> None:
    """The job's description is the state's result, as JSON, and the history tells the steps."""
    lab.put("in/a.csv", b"1,2\n")
    run = machine(lab.task("in/"))
    assert run.status == "SUCCEEDED"
    assert run.output["TransformJobStatus"] == "Completed"
    assert isinstance(run.output["CreationTime"], int)
    assert run.history() == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]


def test_a_state_machine_catches_a_failed_job(lab: Any, machine: Callable[..., Any]) -> None:
    """States.TaskFailed, with the job's description as the cause."""
    lab.put("in/a.csv", b"refuse\n")
    run = machine(lab.task("in/"), catch="States.TaskFailed")
    assert run.status == "SUCCEEDED"
    assert run.output["Error"] == "States.TaskFailed"
    cause = json.loads(run.output["Cause"])
    assert cause["TransformJobStatus"] == "Failed"
    assert cause["FailureReason"] == f"ClientError: {REASON}"


@pytest.mark.parametrize("how", ["stopped", "timed out"])
def test_no_job_outlives_its_state(lab: Any, machine: Callable[..., Any], how: str) -> None:
    """A stopped execution and a state that times out stop the job that they wait for."""
    lab.put("in/a.csv", b"sleep\n")
    timeout = {} if how == "stopped" else {"TimeoutSeconds": 6}
    run = machine(lab.task("in/", **timeout), wait=False)
    lab.wait_for_request()
    if how == "stopped":
        run.states.stop_execution(executionArn=run.arn, error="Enough", cause="no more")
    assert lab.wait()["TransformJobStatus"] == "Stopped"
    run.wait()
    if how == "stopped":
        assert (run.status, run.error, run.cause) == ("ABORTED", "Enough", "no more")
        assert run.history()[-2:] == ["TaskStateAborted", "ExecutionAborted"]
    else:
        assert (run.status, run.error) == ("FAILED", "States.Timeout")


def test_a_refused_job_fails_with_the_services_error_name(
    lab: Any, machine: Callable[..., Any]
) -> None:
    """Declared errors have names of their own; all others are AmazonSageMakerException."""
    started = time.monotonic()
    run = machine(lab.task("nothing/"))
    assert run.error == "SageMaker.AmazonSageMakerException"
    assert "No S3 objects found" in run.cause
    assert "(Service: AmazonSageMaker; Status Code: 400; Error Code: ValidationException;" in (
        run.cause
    )
    lab.put("in/a.csv", b"1,2\n")
    lab.create("in/")
    run = machine(lab.task("in/"))
    assert run.error == "SageMaker.ResourceInUseException"
    lab.wait()
    assert time.monotonic() - started < 60
