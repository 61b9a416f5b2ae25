"""`inference batch` against a deployed workflow."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest


def inference(batch: Any, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would."""
    return subprocess.run(
        ["inference", "batch", *arguments],
        env=batch.aws.env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_run_is_started_followed_and_shown(batch: Any) -> None:
    """Progress on stderr, the summary on stdout; looked at again by its name."""
    place = batch.put({"a.csv": "q,1\n", "b.csv": "r,1\n"})
    ran = inference(
        batch,
        *("run", place, "--stack", batch.name, "--set", "shard_objects=1", "--set", "join=None"),
        *("--wait", "--json"),
    )
    assert ran.returncode == 0, ran.stderr + ran.stdout
    summary = json.loads(ran.stdout)
    assert (summary["status"], summary["jobs"], summary["records"]) == ("SUCCEEDED", 2, 2)
    name = summary["execution"].rpartition(":")[2]
    shown = inference(batch, "status", name, "--stack", batch.name)
    assert shown.returncode == 0, shown.stderr
    assert f"output            {summary['output']}" in shown.stdout
    again = inference(
        batch, "run", place, "--stack", batch.machine, "--wait", "--set", "shard_objects=1"
    )
    assert again.returncode == 0
    assert "the same data has been run" in again.stderr
    assert "ALREADY_DONE" in again.stdout


@pytest.mark.long
def test_a_run_that_fails_ends_the_command_with_its_reason(batch: Any) -> None:
    """And with exit code 1; a wrong request likewise."""
    place = batch.put({"a.csv": "bad,1\n"})
    ran = inference(batch, "run", place, "--stack", batch.name, "--wait")
    assert ran.returncode == 1
    assert "error: 1 of 1 inputs failed: see s3://" in ran.stderr
    failed = ran.stderr.rpartition("see ")[2].strip()
    bucket, _, key = place.removeprefix("s3://").partition("/")
    batch.s3.put_object(Bucket=bucket, Key=f"{key}a.csv", Body=b"fine,1\n")
    again = inference(batch, "rerun", failed, "--stack", batch.name, "--wait")
    assert again.returncode == 0, again.stderr
    assert "SUCCEEDED" in again.stdout
    wrong = inference(batch, "run", place, "--stack", batch.name, "--set", "split=Word", "--wait")
    assert wrong.returncode == 1
    assert "expected one of None, Line, RecordIO, TFRecord for split, got 'Word'" in wrong.stderr


def test_a_stack_without_a_workflow_is_told(batch: Any) -> None:
    """Before anything is started."""
    ran = inference(batch, "run", "s3://bucket/input/", "--stack", "nobodys")
    assert ran.returncode == 1
    assert "nobodys does not exist" in ran.stderr
    pair = inference(batch, "run", "s3://bucket/input/", "--stack", batch.name, "--set", "x")
    assert pair.returncode == 2
    assert "expected --set NAME=VALUE" in pair.stderr
