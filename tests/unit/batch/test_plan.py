"""Requests that are run, and those that are refused before a job is started."""

import re
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from inference_constructs.functions.batch_checks.locations import Location
from inference_constructs.functions.batch_checks.validate import (
    RequestError,
    check_input,
    handler,
    job_name,
    understand,
)

Event = Callable[..., dict[str, Any]]
Put = Callable[..., None]

JOB_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


def refusal(event: dict[str, Any]) -> str:
    """Runs the function and gives the message of its refusal."""
    with pytest.raises(RequestError) as error:
        handler(event, None)
    return str(error.value)


def test_a_request_needs_no_more_than_an_input(validation_event: Event, put: Put) -> None:
    """The results go to a place of the execution's own."""
    put({"input/a.csv": b"1,2\n", "input/b/c.csv": b"3,4\n5,6\n", "other/d.csv": b"7"})
    run = handler(validation_event({"input": "s3://data/input/"}), None)
    assert (run["objects"], run["bytes"]) == (2, 12)
    assert run["input"] == "s3://data/input/"
    assert run["output"] == "s3://data/output/monday_run/"
    assert run["job"]["TransformInput"]["DataSource"]["S3DataSource"] == {
        "S3DataType": "S3Prefix",
        "S3Uri": "s3://data/input/",
    }
    assert run["job"]["TransformOutput"]["S3OutputPath"] == "s3://data/output/monday_run/"


def test_the_options_of_the_deployment_stand_where_a_request_chooses_none(
    validation_event: Event, put: Put, job: dict[str, Any]
) -> None:
    """And nothing that the caller passed is changed on the way."""
    put({"input/a.csv": b"1,2\n"})
    event = validation_event({"input": "s3://data/input/a.csv"})
    run = handler(event, None)
    assert run["job"]["MaxConcurrentTransforms"] == job["MaxConcurrentTransforms"]
    assert "DataSource" not in event["job"]["TransformInput"]


def test_a_request_chooses_what_depends_on_its_data(validation_event: Event) -> None:
    """Each name stands for one field of CreateTransformJob."""
    chosen = {
        "content_type": "application/jsonlines",
        "accept": "application/jsonlines",
        "split": "Line",
        "assemble": "Line",
        "strategy": "SingleRecord",
        "join": "Input",
        "input_filter": "$.features",
        "output_filter": "$['id','SageMakerOutput']",
        "max_payload_mb": 20,
        "max_concurrent_transforms": 5,
    }
    job = understand(validation_event({"input": "s3://data/input/", **chosen})).job
    assert job["TransformInput"]["ContentType"] == "application/jsonlines"
    assert job["TransformInput"]["SplitType"] == "Line"
    assert job["TransformOutput"]["Accept"] == "application/jsonlines"
    assert job["TransformOutput"]["AssembleWith"] == "Line"
    assert job["BatchStrategy"] == "SingleRecord"
    assert job["DataProcessing"] == {
        "InputFilter": "$.features",
        "OutputFilter": "$['id','SageMakerOutput']",
        "JoinSource": "Input",
    }
    assert (job["MaxPayloadInMB"], job["MaxConcurrentTransforms"]) == (20, 5)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ([], "expected an object"),
        ("s3://data/input/", "expected an object"),
        ({}, "input: expected an S3 URI such as s3://bucket/prefix/, got None"),
        ({"input": 7}, "input: expected an S3 URI"),
        ({"input": "https://data/input/"}, "input: expected an S3 URI"),
        ({"input": "s3://data"}, "input: expected an S3 URI"),
        ({"input": "s3://data/input/" + "x" * 1024}, "at most 1024 characters"),
        ({"input": "s3://data/inputs/"}, "not within s3://data/input/"),
        ({"input": "s3://data/inp"}, "not within s3://data/input/"),
        ({"input": "s3://theirs/input/"}, "not within s3://data/input/"),
        ({"input": "s3://data/input/", "output": "s3://data/results/"}, "not within s3://data/out"),
        ({"input": "s3://data/input/", "inputs": "x"}, "unknown fields inputs; known are accept"),
        ({"input": "s3://data/input/", "max_payload_mb": "6"}, "whole number of at least 1"),
        ({"input": "s3://data/input/", "max_payload_mb": True}, "whole number of at least 1"),
        ({"input": "s3://data/input/", "join": "Output"}, "one of None, Input for join"),
        ({"input": "s3://data/input/", "accept": None}, "expected text for accept, got None"),
        ({"input": "s3://data/input/", "max_payload_mb": 100}, "100 x 4 = 400"),
        ({"input": "s3://data/input/", "join": "Input", "split": "None"}, "split must be Line"),
    ],
)
def test_what_cannot_be_run_is_refused_before_s3_is_asked(
    validation_event: Event, request_: object, reason: str
) -> None:
    """No S3 is there to be asked."""
    with pytest.raises(RequestError) as error:
        understand(validation_event(request_))
    assert reason in str(error.value)


def test_all_that_is_wrong_with_a_request_is_told_at_once(validation_event: Event) -> None:
    """A request that fails an hour later for the next reason is an hour lost."""
    with pytest.raises(RequestError) as error:
        understand(validation_event({"x": 1, "output": "s3://theirs/", "split": "Word"}))
    for part in ("unknown fields x", "input: expected", "split, got 'Word'", "s3://theirs/"):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("source", "target", "overlapping"),
    [
        ("s3://data/d/in/", "s3://data/d/out/", False),
        ("s3://data/d/in/a.csv", "s3://data/d/in/", True),
        ("s3://data/d/", "s3://data/d/out/", True),
        ("s3://data/d/in", "s3://data/d/in-results/", True),
        ("s3://data/d/in/", "s3://other/d/in/", False),
    ],
)
def test_results_never_go_where_a_run_would_read_them(
    validation_event: Event, source: str, target: str, overlapping: bool
) -> None:
    """Prefixes are of characters, not of folders."""
    everywhere = {"inputs": ["s3://data/", "s3://other/"], "output": target}
    event = validation_event({"input": source, "output": target}, **everywhere)
    if overlapping:
        with pytest.raises(RequestError, match="overlap"):
            understand(event)
    else:
        assert understand(event).target == Location.parse(target)


def test_an_output_without_a_final_slash_means_the_folder(validation_event: Event) -> None:
    """SageMaker puts one there itself."""
    event = validation_event({"input": "s3://data/input/", "output": "s3://data/output/may"})
    assert str(understand(event).target) == "s3://data/output/may/"


def test_an_input_that_nothing_lies_at_is_refused(validation_event: Event, put: Put) -> None:
    """The empty object that shows a folder in a console is nothing."""
    put({"input/may/": b""})
    assert "no object's key begins so" in refusal(
        validation_event({"input": "s3://data/input/may"})
    )


def test_empty_objects_are_refused_by_name(validation_event: Event, put: Put) -> None:
    """The service would fail on them at the end of the job."""
    put({"input/a.csv": b"1\n", "input/b.csv": b""})
    message = refusal(validation_event({"input": "s3://data/input/"}))
    assert message == "1 of 2 objects are empty: s3://data/input/b.csv"


def test_many_faulty_objects_are_counted_and_a_few_are_named(
    validation_event: Event, put: Put
) -> None:
    """The message has to fit into a notification."""
    put({f"input/{number}.csv": b"" for number in range(7)})
    message = refusal(validation_event({"input": "s3://data/input/"}))
    assert message.startswith("7 of 7 objects are empty: s3://data/input/0.csv, ")
    assert message.endswith("s3://data/input/4.csv and 2 more")


def test_archived_objects_are_refused(validation_event: Event, put: Put) -> None:
    """They would have to be restored first."""
    put({"input/a.csv": b"1\n"}, StorageClass="GLACIER")
    message = refusal(validation_event({"input": "s3://data/input/"}))
    assert message == "1 of 1 objects are archived: s3://data/input/a.csv"


def test_a_file_that_is_sent_whole_must_fit_into_a_request(
    validation_event: Event, put: Put
) -> None:
    """A file that is split need not."""
    put({"input/a.json": b" " * (1024 * 1024 + 1)})
    request = {"input": "s3://data/input/", "max_payload_mb": 1}
    assert handler(validation_event(request), None)["objects"] == 1
    message = refusal(validation_event({**request, "split": "None"}))
    assert "larger than max_payload_mb (1)" in message


def test_a_place_that_holds_results_is_not_written_to(validation_event: Event, put: Put) -> None:
    """They would be mixed with this run's, or lost."""
    put({"input/a.csv": b"1\n", "output/may/a.csv.out": b"1\n"})
    request = {"input": "s3://data/input/", "output": "s3://data/output/may"}
    assert "already holds s3://data/output/may/a.csv.out" in refusal(validation_event(request))
    assert handler(validation_event({**request, "output": "s3://data/output/june"}), None)


@pytest.mark.parametrize(("status", "error"), [(403, RequestError), (503, ClientError)])
def test_a_refusal_of_s3_is_the_requests_fault_and_a_breakdown_is_not(
    validation_event: Event, status: int, error: type[Exception]
) -> None:
    """The state machine tries again after a breakdown only."""
    s3 = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    run = understand(validation_event({"input": "s3://data/input/"}))
    with Stubber(s3) as stub:
        stub.add_client_error("list_objects_v2", "Code", "message", http_status_code=status)
        with pytest.raises(error, match="Code"):
            check_input(s3, run)


def test_objects_that_may_be_listed_but_not_read_are_refused(validation_event: Event) -> None:
    """As when the role may not use the key that they are encrypted with."""
    s3 = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    run = understand(validation_event({"input": "s3://data/input/"}))
    listed = {"Key": "input/a.csv", "Size": 1, "LastModified": "2026-11-01T00:00:00Z"}
    with Stubber(s3) as stub:
        stub.add_response("list_objects_v2", {"Contents": [listed]})
        stub.add_client_error("get_object", "AccessDenied", "no kms:Decrypt", http_status_code=403)
        with pytest.raises(RequestError, match="cannot be read: AccessDenied: no kms:Decrypt"):
            check_input(s3, run)


def test_the_name_of_a_job_comes_from_its_execution_and_fits_the_service() -> None:
    """Execution names are longer, and have characters that a job's name cannot have."""
    machine = "arn:aws:states:eu-west-1:123456789012:execution:churn:"
    names = [job_name("p" * 39, machine + "ü_" * 40 + str(number)) for number in range(2)]
    assert names[0] != names[1]
    assert names[0] == job_name("p" * 39, machine + "ü_" * 40 + "0")
    for name in names:
        # Two counts of up to three digits follow.
        assert JOB_NAME.fullmatch(f"{name}-999-10")
