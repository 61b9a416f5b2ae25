"""Faults at each state: nothing is lost, nothing is doubled, and what is told is true."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.long


@pytest.fixture
def faults(batch: Any) -> Iterator[Callable[..., Any]]:
    """Asks for a fault, or without one for what has become of all; removes them at the end."""

    def ask(method: str | None = None, **fault: Any) -> Any:
        request = urllib.request.Request(
            f"{batch.aws.url}/_local-aws/faults",
            data=json.dumps(fault).encode() if fault else None,
            method=method or ("POST" if fault else "GET"),
        )
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())

    ask("DELETE")
    yield ask
    ask("DELETE")


def struck(faults: Callable[..., Any]) -> list[int]:
    """How often each fault has struck."""
    return [fault["struck"] for fault in faults()["Faults"]]


def whole(batch: Any, summary: dict[str, Any], files: dict[str, str]) -> None:
    """Asserts that each file has its output, with each row once."""
    assert summary["status"] == "SUCCEEDED"
    assert summary["outputs"] == len(files)
    for name, body in files.items():
        rows = "".join(f"v1:{line.split(',')[0]}\n" for line in body.splitlines())
        assert batch.read(f"{summary['output']}{name}.out") == rows


@pytest.mark.parametrize("error", ["ThrottlingException", "ResourceLimitExceeded"])
def test_a_job_that_the_api_refuses_for_now_is_asked_for_again(
    batch: Any, faults: Callable[..., Any], error: str
) -> None:
    """Under another name, after a while."""
    faults(
        Operation="sagemaker:CreateTransformJob",
        Error=error,
        Message=f"{error}: not now",
        Times=2,
        Where={"TransformJobName": f"{batch.prefix}*"},
    )
    files = {"a.csv": "a,1\nb,1\n"}
    summary = batch.run(input=batch.put(files))
    assert struck(faults) == [2]
    whole(batch, summary, files)
    assert summary["jobs"] == 1


def test_a_request_that_the_api_refuses_for_good_is_not_repeated(
    batch: Any, faults: Callable[..., Any]
) -> None:
    """The user has to change it."""
    faults(
        Operation="sagemaker:CreateTransformJob",
        Error="ValidationException",
        Message="no such thing",
        Times=9,
        Where={"TransformJobName": f"{batch.prefix}*"},
    )
    summary = batch.fail(input=batch.put({"a.csv": "a,1\n"}))
    assert struck(faults) == [1]
    [entry] = json.loads(batch.read(summary["failed_inputs"]))["inputs"]
    assert "no such thing" in entry["reason"]


@pytest.mark.parametrize("fault", ["CapacityError", "InternalServerError"])
def test_a_job_that_fails_for_want_of_capacity_is_repeated(
    batch: Any, faults: Callable[..., Any], fault: str
) -> None:
    """Both attempts are in the summary, and in the cost."""
    faults(TransformJob=f"{batch.prefix}*", Fault=fault)
    files = {"a.csv": "a,1\nb,1\n"}
    summary = batch.run(input=batch.put(files))
    assert struck(faults) == [1]
    whole(batch, summary, files)
    assert summary["jobs"] == 2


def test_a_container_that_dies_costs_its_files_only(batch: Any, faults: Callable[..., Any]) -> None:
    """The other shards go on."""
    faults(TransformJob=f"{batch.prefix}*", Fault="ContainerDies")
    files = {f"{i}.csv": f"d{i},1\n" for i in range(3)}
    summary = batch.fail(input=batch.put(files), shard_objects=1, concurrent_jobs=1)
    assert (summary["outputs"], summary["failed"]) == (2, 1)
    again = batch.run(rerun=summary["failed_inputs"])
    assert again["inputs"] == 1
    for name, body in files.items():
        assert batch.read(f"{summary['output']}{name}.out") == f"v1:{body.split(',')[0]}\n"


def test_an_output_that_vanishes_is_noticed(batch: Any, faults: Callable[..., Any]) -> None:
    """The job says that it succeeded."""
    faults(TransformJob=f"{batch.prefix}*", Fault="OutputVanishes")
    summary = batch.fail(input=batch.put({"a.csv": "v,1\n"}))
    assert struck(faults) == [1]
    [entry] = json.loads(batch.read(summary["failed_inputs"]))["inputs"]
    assert entry["reason"] == "it has no output"


# What each state's work calls, with what it is about if several do, and how often it fails: more
# often than the SDK repeats it, and where Step Functions calls by itself more often than once.
CALLS: dict[str, tuple[str, dict[str, str], int]] = {
    "Plan lists": ("s3:ListObjectsV2", {}, 6),
    "Plan claims": ("dynamodb:PutItem", {}, 6),
    "Plan looks at the Model": ("sagemaker:DescribeModel", {}, 6),
    "Plan makes a Model": ("sagemaker:CreateModel", {}, 6),
    "Report reads": ("s3:ListObjectsV2", {"Prefix": "output/_runs/*/sizes/*"}, 6),
    "Finish deletes the Model": ("sagemaker:DeleteModel", {}, 6),
    "Finish settles the claim": ("dynamodb:UpdateItem", {}, 6),
    "Finish counts": ("cloudwatch:PutMetricData", {}, 6),
    "Finish tells": ("events:PutEvents", {}, 6),
    "Notify": ("sns:Publish", {}, 2),
}


@pytest.mark.parametrize(("operation", "where", "times"), CALLS.values(), ids=CALLS.keys())
def test_a_call_that_fails_is_repeated_and_nothing_is_doubled(
    batch: Any, faults: Callable[..., Any], operation: str, where: dict[str, str], times: int
) -> None:
    """Whichever state it is in: one run, one result, one notification."""
    files = {"a.csv": "a,1\n", "b.csv": "b,1\n"}
    place = batch.put(files)
    before = set(batch.jobs())
    faults(Operation=operation, Error="InternalFailure", Times=times, Where=where)
    execution = batch.start(input=place)
    ended = batch.end_of(execution)
    [strikes] = struck(faults)
    faults("DELETE")
    assert strikes == times
    assert ended["status"] == "SUCCEEDED", ended["cause"]
    whole(batch, json.loads(ended["output"]), files)
    assert len(set(batch.jobs()) - before) == 1
    assert [one["status"] for one in batch.told("Ears", execution)] == ["SUCCEEDED"]


def test_a_run_that_cannot_be_finished_says_so(batch: Any, faults: Callable[..., Any]) -> None:
    """It is not told that it succeeded."""
    faults(Operation="events:PutEvents", Error="InternalFailure", Times=60)
    execution = batch.start(input=batch.put({"a.csv": "a,1\n"}))
    ended = batch.end_of(execution)
    assert ended["status"] == "FAILED"
    [told] = batch.told("Ears", execution)
    assert told["status"] == "FAILED"
    assert "PutEvents" in json.dumps(told["failure"])
