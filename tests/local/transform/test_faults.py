"""Faults on demand: a local-only way to see what a workflow makes of AWS's bad days."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def faults(local_aws: Any) -> Iterator[Callable[..., Any]]:
    """Asks for a fault, or without one for what has become of all; removes them at the end."""

    def ask(method: str | None = None, **fault: Any) -> Any:
        request = urllib.request.Request(
            f"{local_aws.url}/_local-aws/faults",
            data=json.dumps(fault).encode() if fault else None,
            method=method or ("POST" if fault else "GET"),
        )
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())

    ask("DELETE")
    yield ask
    ask("DELETE")


@pytest.mark.parametrize("error", ["ThrottlingException", "ResourceLimitExceeded"])
def test_the_next_calls_fail_as_they_were_told(lab: Any, faults: Any, error: str) -> None:
    """Only those of this operation and this name, and only so many of them."""
    lab.put("in/a.csv", b"1,2\n")
    faults(
        Operation="sagemaker:CreateTransformJob",
        Error=error,
        Message="Rate exceeded",
        Times=2,
        Where={"TransformJobName": f"{lab.job}*"},
    )
    for _ in range(2):
        with pytest.raises(ClientError) as refused:
            lab.create("in/")
        assert refused.value.response["Error"] == {"Code": error, "Message": "Rate exceeded"}
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert lab.run("in/")["TransformJobStatus"] == "Completed"
    (found,) = faults()["Faults"]
    assert (found["struck"], found["left"]) == (2, 0)


def test_other_protocols_fail_in_their_own_form(local_aws: Any, lab: Any, faults: Any) -> None:
    """S3's ``SlowDown`` is XML with the status 503, DynamoDB's throttling JSON."""
    lab.put("k", b"1")
    faults(Operation="s3:PutObject", Error="SlowDown")
    with pytest.raises(ClientError) as refused:
        lab.put("k", b"2")
    assert refused.value.response["Error"]["Code"] == "SlowDown"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    faults(Operation="dynamodb:ListTables", Error="ProvisionedThroughputExceededException")
    dynamodb = local_aws.client("dynamodb")
    with pytest.raises(dynamodb.exceptions.ProvisionedThroughputExceededException):
        dynamodb.list_tables()
    dynamodb.list_tables()


@pytest.mark.parametrize("fault", ["CapacityError", "InternalServerError"])
def test_a_job_fails_by_a_fault_of_the_service(lab: Any, faults: Any, fault: str) -> None:
    """Its reason begins with the error that a workflow tells its own errors from."""
    lab.put("in/a.csv", b"1,2\n")
    faults(TransformJob=lab.job, Fault=fault)
    described = lab.run("in/")
    assert described["TransformJobStatus"] == "Failed"
    assert described["FailureReason"].startswith(f"{fault}: ")
    assert lab.outputs() == {}


def test_a_container_dies_in_the_middle(lab: Any, faults: Any) -> None:
    """The file that was done stays, the one under way leaves nothing."""
    lab.put("in/a.csv", b"1,2\n")
    lab.put("in/b.csv", b"3,4\n5,6\n")
    faults(TransformJob=lab.job, Fault="ContainerDies", AfterRequests=2)
    described = lab.run("in/", BatchStrategy="SingleRecord", MaxConcurrentTransforms=1)
    assert described["TransformJobStatus"] == "Failed"
    assert described["FailureReason"].startswith("AlgorithmError")
    assert lab.outputs() == {"a.csv.out": b"3.0\n"}


def test_an_output_vanishes_after_its_job(lab: Any, faults: Any) -> None:
    """The job is Completed all the same: who does not look does not notice."""
    lab.put("in/a.csv", b"1,2\n")
    lab.put("in/b.csv", b"3,4\n")
    faults(TransformJob=f"{lab.job}*", Fault="OutputVanishes", Output="b*")
    assert lab.run("in/")["TransformJobStatus"] == "Completed"
    assert lab.outputs() == {"a.csv.out": b"3.0\n"}


@pytest.mark.parametrize(
    "fault",
    [
        {"Operation": "CreateTransformJob", "Error": "ThrottlingException"},
        {"TransformJob": "*", "Fault": "Earthquake"},
        {"TransformJob": "*", "Fault": "CapacityError", "Times": 0},
        {"TransformJob": "*", "Fault": "CapacityError", "Often": 1},
    ],
)
def test_what_is_no_fault_is_refused(faults: Any, fault: dict[str, Any]) -> None:
    """With a sentence that says what was expected."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        faults(**fault)
    assert refused.value.code == 400
    assert len(json.loads(refused.value.read())["message"]) > 20
    assert faults()["Faults"] == []
