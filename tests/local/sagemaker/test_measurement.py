"""`inference metrics`, `load` and `diagnose` on live endpoints and jobs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

Run = Callable[..., SimpleNamespace]

COMMAND = "application/x-command"


@pytest.fixture(scope="module")
def endpoint(hosting: Any) -> str:
    """An endpoint with one instance; its name."""
    name: str = hosting.serve("measured")
    return name


@pytest.fixture
def row(tmp_path: Path) -> Path:
    """A request that takes 50 ms of sleep: two instances of the handler would take two at once."""
    path = tmp_path / "row.json"
    path.write_text(json.dumps({"do": "version", "sleep": 0.05}))
    return path


def test_requests_and_errors_are_counted_and_drawn(
    run: Run, endpoint: str, hosting: Any, tmp_path: Path
) -> None:
    """Three good answers, one that the caller is to blame for, one that the model is."""
    for _ in range(3):
        hosting.version(endpoint)
    for do in ("refuse", "raise"):
        run("invoke", endpoint, "--content-type", COMMAND, stdin=json.dumps({"do": do}).encode())
    picture = tmp_path / "metrics.png"
    told = run("metrics", endpoint, "--since", "15m", "--picture", str(picture))
    assert told.code == 0
    assert "AllTraffic invocations" in told.out
    assert picture.read_bytes().startswith(b"\x89PNG")
    (variant,) = run("metrics", endpoint, "--since", "15m", "--json").json["variants"]
    summary = variant["summary"]
    assert (summary["invocations"], summary["errors_4xx"], summary["errors_5xx"]) == (5, 1, 1)
    # CloudWatch has microseconds; no request to a process beside this one takes ten seconds.
    assert 0 < summary["latency_p50_ms"] <= summary["latency_p99_ms"] < 10_000
    assert sum(v or 0 for v in variant["series"]["invocations"]) == 5


def test_a_picture_of_an_unknown_kind_is_refused(run: Run, endpoint: str, tmp_path: Path) -> None:
    """By the ending of its name."""
    told = run("metrics", endpoint, "--picture", str(tmp_path / "metrics.doc"))
    assert told.code == 1
    assert "metrics.doc" in told.err


def test_the_load_test_tells_what_an_instance_can_take(run: Run, endpoint: str, row: Path) -> None:
    """One client that waits 50 ms each time gets less than 20 answers a second."""
    command = ("load", endpoint, "--file", str(row), "--content-type", COMMAND, "--seconds", "2")
    told = run(*command, "--clients", "1", "--safety", "0.5", "--latency-ms", "60000", "--json")
    assert told.code == 0
    found = told.json
    (step,) = found["steps"]
    assert step["errors"] == 0
    assert step["p50_ms"] >= 50
    assert 0 < step["per_second"] < 20
    assert found["instances"] == 1
    assert found["per_second_and_instance"] == step["per_second"]
    # Half of it, and by the minute.
    assert found["target_per_minute"] == int(step["per_second"] * 0.5 * 60)


def test_a_load_that_is_too_slow_or_wrong_tells_no_capacity(
    run: Run, endpoint: str, row: Path, tmp_path: Path
) -> None:
    """Neither does what cannot be asked at all."""
    command = ("load", endpoint, "--file", str(row), "--content-type", COMMAND, "--seconds", "1")
    slow = run(*command, "--clients", "1", "--latency-ms", "1")
    assert slow.code == 1
    assert "slower than --latency-ms" in slow.err
    bad = tmp_path / "bad.json"
    bad.write_text('{"do": "refuse"}')
    refused = run("load", endpoint, "--file", str(bad), "--content-type", COMMAND)
    assert refused.code == 1
    assert "answered 400" in refused.err
    assert run(*command, "--clients", "many").code == 2


def test_a_container_that_does_not_start_is_diagnosed(run: Run, hosting: Any) -> None:
    """The reason, what the log says, and what to do about it."""
    model = hosting.create_model(
        "unset", environment={"SAGEMAKER_PROGRAM": "infer.py", "SAGEMAKER_SUBMIT_DIRECTORY": None}
    )
    name = hosting.create_endpoint(
        "unset", hosting.create_config("unset", {"ModelName": model}), wait="Failed"
    )
    found = run("diagnose", name)
    assert found.code == 1
    assert "the endpoint is Failed" in found.out
    assert f"model {model} names a program, and not where it lies" in found.out
    assert "→ set SAGEMAKER_SUBMIT_DIRECTORY to /opt/ml/model/code" in found.out


def test_an_artifact_that_is_gone_is_diagnosed(run: Run, hosting: Any) -> None:
    """The endpoint serves on, until an instance has to be replaced."""
    name = hosting.serve("bare")
    assert run("diagnose", name).code == 0
    url = hosting.artifact("bare")
    bucket, _, key = url.removeprefix("s3://").partition("/")
    hosting.s3.delete_object(Bucket=bucket, Key=key)
    found = run("diagnose", name, "--json")
    assert found.code == 1
    (finding,) = found.json["findings"]
    assert finding["what"].startswith(f"the artifact {url} of model ")


def test_errors_of_the_model_are_diagnosed_with_their_trace(run: Run, hosting: Any) -> None:
    """How many, of how many, and the last line of what the container said."""
    name = hosting.serve("erring")
    run("invoke", name, "--content-type", COMMAND, stdin=b'{"do": "raise"}')
    # What a container writes reaches the log a little later, as on AWS.
    deadline = time.monotonic() + 60
    while "the secret reason" not in run("logs", name).out and time.monotonic() < deadline:
        time.sleep(0.2)
    found = run("diagnose", name)
    assert found.code == 1
    assert "1 of 1 requests to AllTraffic within the last hour got a 5XX answer" in found.out
    assert "the secret reason" in found.out


def test_a_job_that_failed_is_diagnosed(run: Run, hosting: Any) -> None:
    """The file, and what the container answered to it, out of the data log."""
    source, job = f"{hosting.prefix}/jobs/row.json", f"{hosting.prefix}-refused"
    hosting.s3.put_object(Bucket=hosting.bucket, Key=source, Body=b'{"do": "refuse"}')
    location = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{hosting.bucket}/{source}"}
    hosting.api.create_transform_job(
        TransformJobName=job,
        ModelName=hosting.create_model("refusing"),
        TransformInput={"DataSource": {"S3DataSource": location}, "ContentType": COMMAND},
        TransformOutput={"S3OutputPath": f"s3://{hosting.bucket}/{hosting.prefix}/results"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    # What a job writes reaches its log a little later, as on AWS.
    deadline = time.monotonic() + 60
    wanted = ("it failed: ClientError", f"{hosting.bucket}/{source}: ClientError: 400: no such row")
    while not all(one in (found := run("diagnose", "--job", job)).out for one in wanted):
        assert time.monotonic() < deadline, found.out
        time.sleep(0.2)
    assert found.code == 1
    unknown = run("diagnose", "--job", "nowhere")
    assert unknown.code == 1
    assert unknown.err.startswith("error: transform job nowhere does not exist")


def test_a_name_that_is_nearly_right_is_told(run: Run, endpoint: str) -> None:
    """What there is instead."""
    told = run("diagnose", f"{endpoint}-typo")
    assert told.code == 1
    assert endpoint in told.err.partition("there is ")[2]
    assert run("diagnose").code == 2
