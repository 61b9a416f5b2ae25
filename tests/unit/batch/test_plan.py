"""Requests that are planned, and those that are refused before a job is started."""

import re
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from inference_constructs.functions.batch_checks.locations import Location
from inference_constructs.functions.batch_checks.request import (
    Request,
    RequestError,
    checked,
    understand,
)
from inference_constructs.functions.batch_steps.inputs import find_inputs
from inference_constructs.functions.batch_steps.plan import handler

Event = Callable[..., dict[str, Any]]
Put = Callable[..., None]
Content = Callable[[str], Any]

JOB_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
# The first 16 digits of `printf %s ARN | sha256sum`, and of the ARN, a line break and 0.
RUN = "b786a20876280c25"
SHARD = "a44f3751f795ede8"


def refusal(event: dict[str, Any]) -> str:
    """Runs the function and gives the message of its refusal."""
    with pytest.raises(RequestError) as error:
        handler(event, None)
    return str(error.value)


def understood(event: dict[str, Any]) -> Request:
    """Reads a request without S3."""
    return understand(checked(event["request"]), event["workflow"], event["execution"]["Name"])


def test_a_request_needs_no_more_than_an_input(
    plan_event: Event, put: Put, content: Content
) -> None:
    """The results go to a place of the execution's own; one job gets all."""
    put({"input/a.csv": b"1,2\n", "input/b/c.csv": b"3,4\n5,6\n", "other/d.csv": b"7"})
    planned = handler(plan_event({"input": "s3://data/input/"}), None)
    assert planned["decision"] == "run"
    run, shard = planned["run"], planned["shard"]
    assert (run["objects"], run["bytes"], run["shards"]) == (2, 12, 1)
    assert run["output"] == "s3://data/output/monday_run/"
    assert run["job"]["TransformOutput"]["S3OutputPath"] == "s3://data/output/monday_run/"
    assert run["timeout_seconds"] == 12 * 3600
    assert shard == {
        "number": 0,
        "name": f"churn-{SHARD}",
        "manifest": f"s3://data/output/_runs/{RUN}/shards/00000.json",
        "objects": 2,
        "bytes": 12,
    }
    assert content(shard["manifest"]) == [{"prefix": "s3://data/input/"}, "a.csv", "b/c.csv"]
    assert content(f"s3://{run['shards_bucket']}/{run['shards_key']}") == [shard]


def test_a_run_has_a_model_of_its_own(plan_event: Event, put: Put) -> None:
    """The same as the stack's, but for the name; the stack's may be replaced meanwhile."""
    put({"input/a.csv": b"1,2\n"})
    event = plan_event({"input": "s3://data/input/"})
    run = handler(event, None)["run"]
    sagemaker = boto3.client("sagemaker")
    own, stacks = (
        sagemaker.describe_model(ModelName=name) for name in (run["model"], "stacks-model")
    )
    assert run["model"] == f"churn-{RUN}"
    for field in ("PrimaryContainer", "ExecutionRoleArn"):
        assert own[field] == stacks[field]


def test_a_plan_that_is_made_again_is_the_same(plan_event: Event, put: Put) -> None:
    """The state machine asks again when an answer is lost."""
    put({"input/a.csv": b"1,2\n"})
    event = plan_event({"input": "s3://data/input/"})
    assert handler(event, None) == handler(event, None)


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({"shard_objects": 2}, [2, 2, 1]),
        ({"shard_objects": 5}, [5]),
        # 5 objects of 0.5, 0.5, 0.5, 1.5 and 0.25 MiB.
        ({"shard_mb": 1}, [2, 1, 1, 1]),
        ({"shard_mb": 2}, [3, 2]),
        ({"shard_mb": 2, "shard_objects": 2}, [2, 2, 1]),
    ],
)
def test_a_job_gets_as_many_objects_and_bytes_as_the_run_says(
    plan_event: Event, put: Put, content: Content, options: dict[str, int], sizes: list[int]
) -> None:
    """In the order of the keys; an object that is too large for any job has one of its own."""
    halves = {"a": 2, "b": 2, "c": 2, "d": 6, "e": 1}
    put({f"input/{key}": b"1,2\n" * (number * 65_536) for key, number in halves.items()})
    run = handler(plan_event({"input": "s3://data/input/", **options}), None)["run"]
    shards = content(f"s3://{run['shards_bucket']}/{run['shards_key']}")
    assert [shard["objects"] for shard in shards] == sizes
    assert [shard["number"] for shard in shards] == list(range(len(sizes)))
    listed = [name for shard in shards for name in content(shard["manifest"])[1:]]
    assert listed == list(halves)


def test_the_options_of_the_deployment_stand_where_a_request_chooses_none(
    plan_event: Event, job: dict[str, Any]
) -> None:
    """And nothing that the caller passed is changed on the way."""
    event = plan_event({"input": "s3://data/input/a.csv"})
    chosen = understood(event).job
    assert chosen["MaxConcurrentTransforms"] == job["MaxConcurrentTransforms"]
    assert "S3OutputPath" not in event["workflow"]["job"]["TransformOutput"]


def test_a_request_chooses_any_option_of_the_job(plan_event: Event) -> None:
    """Each name stands for one field of CreateTransformJob."""
    chosen = {
        "content_type": "application/jsonlines",
        "accept": "application/jsonlines",
        "compression": "Gzip",
        "split": "Line",
        "assemble": "Line",
        "strategy": "SingleRecord",
        "join": "Input",
        "input_filter": "$.features",
        "output_filter": "$['id','SageMakerOutput']",
        "max_payload_mb": 20,
        "max_concurrent_transforms": 5,
        "instance_count": 3,
        "invocation_timeout_seconds": 1800,
        "invocation_retries": 1,
        "environment": {"INFERENCE_OUTPUT": "class"},
        "tags": {"team": "shop"},
    }
    job = understood(plan_event({"input": "s3://data/input/", **chosen})).job
    assert job["TransformInput"] == {
        "CompressionType": "Gzip",
        "ContentType": "application/jsonlines",
        "SplitType": "Line",
    }
    assert job["TransformOutput"]["Accept"] == "application/jsonlines"
    assert job["TransformOutput"]["AssembleWith"] == "Line"
    assert job["BatchStrategy"] == "SingleRecord"
    assert job["DataProcessing"] == {
        "InputFilter": "$.features",
        "OutputFilter": "$['id','SageMakerOutput']",
        "JoinSource": "Input",
    }
    assert (job["MaxPayloadInMB"], job["MaxConcurrentTransforms"]) == (20, 5)
    assert job["TransformResources"]["InstanceCount"] == 3
    assert job["ModelClientConfig"] == {
        "InvocationsTimeoutInSeconds": 1800,
        "InvocationsMaxRetries": 1,
    }
    # The server waits longer than SageMaker.
    assert job["Environment"] == {
        "SAGEMAKER_MODEL_SERVER_TIMEOUT": "1860",
        "INFERENCE_OUTPUT": "class",
    }
    assert job["Tags"] == [{"Key": "team", "Value": "shop"}]


def test_an_instance_type_is_one_of_the_workflows_with_what_follows_from_it(
    plan_event: Event,
) -> None:
    """As many requests at once as it has vCPUs, and no key for disks of its own."""
    own = understood(plan_event({"input": "s3://data/input/"})).job
    assert own["TransformResources"]["VolumeKmsKeyId"].endswith("key/k")
    other = understood(
        plan_event({"input": "s3://data/input/", "instance_type": "ml.g5.xlarge"})
    ).job
    assert other["TransformResources"] == {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1}
    assert other["MaxConcurrentTransforms"] == 4


def test_marking_bad_records_is_the_handlers_work(plan_event: Event) -> None:
    """It is asked by a variable."""
    marked = understood(plan_event({"input": "s3://data/input/", "bad_records": "mark"})).job
    assert marked["Environment"]["INFERENCE_BAD_RECORDS"] == "mark"
    failing = understood(plan_event({"input": "s3://data/input/"})).job
    assert "INFERENCE_BAD_RECORDS" not in failing["Environment"]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ([], "expected an object"),
        ("s3://data/input/", "expected an object"),
        ({}, "expected either input or rerun, got none of them"),
        ({"input": 7}, "expected text for input, got 7"),
        ({"input": "s3://data/input/", "rerun": "s3://data/output/x"}, "got both"),
        ({"input": "https://data/input/"}, "input: expected an S3 URI"),
        ({"input": "s3://data"}, "input: expected an S3 URI"),
        ({"input": "s3://data/input/" + "x" * 1024}, "1 to 1024 characters for input, got 1040"),
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
        ({"input": "s3://data/input/", "output": "s3://data/output/"}, "a folder of its own"),
        ({"input": "s3://data/input/", "output": "s3://data/output/_runs/x/"}, "not in _runs/"),
        ({"input": "s3://data/input/", "instance_type": "ml.m5.large"}, "none of the workflow's"),
        ({"input": "s3://data/input/", "header": "skip"}, "one of refuse, strip, none for header"),
        (
            {"input": "s3://data/input/", "header": "strip", "compression": "Gzip"},
            "cannot look into compressed objects",
        ),
        (
            {"input": "s3://data/input/", "header": "strip", "content_type": "text/plain"},
            "header strip works on text/csv",
        ),
        ({"input": "s3://data/input/", "timeout_minutes": 10}, "must be longer than"),
        ({"input": "s3://data/input/", "environment": {"A": 1}}, "text for environment.A, got 1"),
    ],
)
def test_what_cannot_be_run_is_refused_before_s3_is_asked(
    plan_event: Event, request_: object, reason: str
) -> None:
    """No S3 is there to be asked."""
    with pytest.raises(RequestError) as error:
        understood(plan_event(request_))
    assert reason in str(error.value)


def test_all_that_is_wrong_with_a_request_is_told_at_once(plan_event: Event) -> None:
    """A request that fails an hour later for the next reason is an hour lost."""
    with pytest.raises(RequestError) as error:
        understood(plan_event({"x": 1, "output": "s3://theirs/", "split": "Word"}))
    for part in ("unknown fields x", "either input or rerun", "split, got 'Word'"):
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
    plan_event: Event, source: str, target: str, overlapping: bool
) -> None:
    """Prefixes are of characters, not of folders."""
    everywhere = {
        "inputs": ["s3://data/", "s3://other/"],
        "output": "s3://" + Location.parse(target).bucket + "/",
    }
    event = plan_event({"input": source, "output": target}, **everywhere)
    if overlapping:
        with pytest.raises(RequestError, match="overlap"):
            understood(event)
    else:
        assert understood(event).target == Location.parse(target)


def test_an_output_without_a_final_slash_means_the_folder(plan_event: Event) -> None:
    """SageMaker puts one there itself."""
    event = plan_event({"input": "s3://data/input/", "output": "s3://data/output/may"})
    assert str(understood(event).target) == "s3://data/output/may/"


def test_an_input_that_nothing_lies_at_is_refused(plan_event: Event, put: Put) -> None:
    """The empty object that shows a folder in a console is nothing."""
    put({"input/may/": b""})
    assert "no object's key begins so" in refusal(plan_event({"input": "s3://data/input/may"}))


def test_empty_objects_are_refused_by_name(plan_event: Event, put: Put) -> None:
    """The service would fail on them at the end of the job."""
    put({"input/a.csv": b"1\n", "input/b.csv": b""})
    message = refusal(plan_event({"input": "s3://data/input/"}))
    assert message == "1 of 2 objects are empty: s3://data/input/b.csv"


def test_many_faulty_objects_are_counted_and_a_few_are_named(plan_event: Event, put: Put) -> None:
    """The message has to fit into a notification."""
    put({f"input/{number}.csv": b"" for number in range(7)})
    message = refusal(plan_event({"input": "s3://data/input/"}))
    assert message.startswith("7 of 7 objects are empty: s3://data/input/0.csv, ")
    assert message.endswith("s3://data/input/4.csv and 2 more")


def test_archived_objects_are_refused(plan_event: Event, put: Put) -> None:
    """They would have to be restored first."""
    put({"input/a.csv": b"1\n"}, StorageClass="GLACIER")
    message = refusal(plan_event({"input": "s3://data/input/"}))
    assert message == "1 of 1 objects are archived: s3://data/input/a.csv"


def test_a_file_that_is_sent_whole_must_fit_into_a_request(plan_event: Event, put: Put) -> None:
    """A file that is split need not."""
    put({"input/a.json": b"1" * (1024 * 1024 + 1)})
    request = {"input": "s3://data/input/", "max_payload_mb": 1}
    assert handler(plan_event(request), None)["run"]["objects"] == 1
    message = refusal(plan_event({**request, "split": "None"}))
    assert "larger than max_payload_mb (1)" in message


def test_a_place_that_holds_results_is_not_written_to(plan_event: Event, put: Put) -> None:
    """They would be mixed with this run's, or lost."""
    put({"input/a.csv": b"1\n", "output/may/a.csv.out": b"1\n"})
    request = {"input": "s3://data/input/", "output": "s3://data/output/may"}
    assert "already holds s3://data/output/may/a.csv.out" in refusal(plan_event(request))
    assert handler(plan_event({**request, "output": "s3://data/output/june"}), None)


@pytest.mark.parametrize(("status", "error"), [(403, RequestError), (503, ClientError)])
def test_a_refusal_of_s3_is_the_requests_fault_and_a_breakdown_is_not(
    plan_event: Event, status: int, error: type[Exception]
) -> None:
    """The state machine tries again after a breakdown only."""
    s3 = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    request = understood(plan_event({"input": "s3://data/input/"}))
    with Stubber(s3) as stub:
        stub.add_client_error("list_objects_v2", "Code", "message", http_status_code=status)
        with pytest.raises(error, match="Code"):
            find_inputs(s3, request)


def test_objects_that_may_be_listed_but_not_read_are_refused(plan_event: Event) -> None:
    """As when the role may not use the key that they are encrypted with."""
    s3 = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    request = understood(plan_event({"input": "s3://data/input/"}))
    listed = {"Key": "input/a.csv", "Size": 1, "LastModified": "2026-11-01T00:00:00Z", "ETag": "e"}
    with Stubber(s3) as stub:
        stub.add_response("list_objects_v2", {"Contents": [listed]})
        stub.add_client_error("get_object", "AccessDenied", "no kms:Decrypt", http_status_code=403)
        with pytest.raises(RequestError, match="cannot be read: AccessDenied: no kms:Decrypt"):
            find_inputs(s3, request)


@pytest.mark.parametrize(
    ("policy", "refused"), [("refuse", True), ("strip", False), ("none", False)]
)
def test_a_header_is_refused_stripped_or_let_through(
    plan_event: Event, put: Put, content: Content, *, policy: str, refused: bool
) -> None:
    """The service cannot skip one."""
    put({"input/a.csv": b"amount,age\n1.5,2\n", "input/b/c.csv": b"3,4\n"})
    event = plan_event({"input": "s3://data/input/", "header": policy})
    if refused:
        message = refusal(event)
        assert message.startswith("1 of 2 objects begin with a header")
        assert "s3://data/input/a.csv: amount,age" in message
        return
    first, *names = content(handler(event, None)["shard"]["manifest"])
    assert names == ["a.csv", "b/c.csv"]
    copied = f"s3://data/output/_runs/{RUN}/inputs/"
    assert first == {"prefix": copied if policy == "strip" else "s3://data/input/"}
    if policy == "strip":
        key = copied.removeprefix("s3://data/")
        s3 = boto3.client("s3")
        for name, body in (("a.csv", b"1.5,2\n"), ("b/c.csv", b"3,4\n")):
            assert s3.get_object(Bucket="data", Key=key + name)["Body"].read() == body


def test_a_large_object_is_copied_without_its_header_within_s3(
    plan_event: Event, put: Put, s3: Any
) -> None:
    """In parts; to the byte."""
    body = b"1.5,2\n" * 1_200_000
    put({"input/a.csv": b"amount,age\n" + body})
    handler(plan_event({"input": "s3://data/input/", "header": "strip"}), None)
    copied = s3.get_object(Bucket="data", Key=f"output/_runs/{RUN}/inputs/a.csv")
    assert copied["Body"].read() == body
    assert copied["ETag"].strip('"').endswith("-1")  # of one part


def test_a_file_with_nothing_but_a_header_is_refused(plan_event: Event, put: Put) -> None:
    """There is nothing to predict in it."""
    put({"input/a.csv": b"amount,age\n"})
    message = refusal(plan_event({"input": "s3://data/input/", "header": "strip"}))
    assert message == "1 of 1 objects are nothing but a header: s3://data/input/a.csv"


@pytest.mark.parametrize(
    ("path", "refused"), [("$[2]", False), ("$[0,3]", True), ("$[-1]", False), ("$[4:]", True)]
)
def test_a_filter_names_columns_that_there_are(
    plan_event: Event, put: Put, path: str, refused: bool
) -> None:
    """Else the service would fail at the first record."""
    put({"input/a.csv": b"1,2,3\n"})
    event = plan_event({"input": "s3://data/input/", "input_filter": path})
    if refused:
        assert "s3://data/input/a.csv has 3 columns" in refusal(event)
    else:
        assert handler(event, None)["decision"] == "run"


def test_a_payload_must_fit_the_models_server(plan_event: Event, put: Put) -> None:
    """Which may be told of it by a variable."""
    put({"input/a.csv": b"1\n"})
    request = {"input": "s3://data/input/", "environment": {"MAX_CONTENT_LENGTH": "6291456"}}
    assert handler(plan_event(request), None)["decision"] == "run"
    message = refusal(plan_event({**request, "max_payload_mb": 7}))
    assert "max_payload_mb is 7, and the model's MAX_CONTENT_LENGTH takes 6291456" in message


def test_the_names_of_jobs_fit_the_service_however_often_they_are_repeated(
    plan_event: Event, put: Put
) -> None:
    """Execution names are longer, and have characters that a job's name cannot have."""
    put({"input/a.csv": b"1\n"})
    names = set()
    for number in range(2):
        event = plan_event(
            {"input": "s3://data/input/", "force": True},
            name="ü_" * 39 + str(number),
            job_name_prefix="p" * 39,
        )
        planned = handler(event, None)
        names.add(planned["shard"]["name"])
        # Two counts of up to three digits follow.
        assert JOB_NAME.fullmatch(f"{planned['shard']['name']}-999-10")
        assert JOB_NAME.fullmatch(planned["run"]["model"])
    assert len(names) == 2
