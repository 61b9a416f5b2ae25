"""Runs that something interferes with: a stop, a deployment, a timeout."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.local.batch.conftest import until


def test_a_stopped_run_leaves_no_running_job_and_says_what_is_missing(batch: Any) -> None:
    """The rest of it can be run by the manifest."""
    files = {f"{i}.csv": "slow,1\n" * (1 if i == 0 else 20) for i in range(4)}
    place = batch.put(files)
    before = set(batch.jobs())
    execution = batch.start(input=place, shard_objects=1, concurrent_jobs=2)
    until(lambda: len(set(batch.jobs()) - before) >= 2)
    batch.states.stop_execution(executionArn=execution, error="Stopped", cause="by hand")
    assert batch.end_of(execution)["status"] == "ABORTED"

    def at_rest() -> bool:
        states = {status for name, status in batch.jobs().items() if name not in before}
        return not states & {"InProgress", "Stopping"}

    until(at_rest)
    [told] = batch.told("Ears", execution)
    assert told["status"] == "ABORTED"
    failed = json.loads(batch.read(told["failed_inputs"]))["inputs"]
    assert told["outputs"] + len(failed) == 4
    assert all("the execution is ABORTED" in entry["reason"] for entry in failed)
    assert batch.sagemaker.list_models(NameContains=batch.prefix)["Models"] == []
    # And nobody has to wait for a claim that nobody holds.
    again = batch.run(rerun=told["failed_inputs"])
    assert (again["status"], again["inputs"]) == ("SUCCEEDED", len(failed))


@pytest.mark.long
def test_a_job_that_takes_too_long_is_stopped_and_told(batch: Any) -> None:
    """What it wrote until then is kept."""
    place = batch.put({"slow.csv": "slow,1\n" * 400})
    before = set(batch.jobs())
    summary = batch.fail(
        input=place, timeout_minutes=1, invocation_timeout_seconds=59, strategy="SingleRecord"
    )
    assert (summary["status"], summary["failed"]) == ("FAILED", 1)
    [job] = set(batch.jobs()) - before
    until(lambda: batch.jobs()[job] == "Stopped")
