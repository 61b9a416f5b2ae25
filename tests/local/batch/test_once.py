"""The same data is run once, whoever asks how often."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

SLOW = "slow,1\n"


def test_twenty_triggers_at_once_are_one_run(batch: Any) -> None:
    """The others say who runs it, and where the result will be."""
    place = batch.put({"a.csv": SLOW, "b.csv": "b,1\n"})
    before = set(batch.jobs())
    with ThreadPoolExecutor(20) as threads:
        executions = list(threads.map(lambda _: batch.start(input=place), range(20)))
    outputs = [json.loads(batch.end_of(one)["output"]) for one in executions]
    ran = [one for one in outputs if one["status"] == "SUCCEEDED"]
    assert len(ran) == 1
    assert len(set(batch.jobs()) - before) == 1
    others = [one for one in outputs if one["status"] != "SUCCEEDED"]
    assert len(others) == 19
    assert {one["execution"] for one in others} == {ran[0]["execution"]}
    assert {one["output"] for one in others} == {ran[0]["output"]}
    assert {one["status"] for one in others} <= {"RUNNING_ELSEWHERE", "ALREADY_DONE"}


def test_what_has_been_run_is_not_run_again_unless_it_changed_or_is_forced(batch: Any) -> None:
    """The objects, the options and the model are what it is known by."""
    place = batch.put({"a.csv": "a,1\n"})
    first = batch.run(input=place)
    again = batch.run(input=place)
    assert again == {
        "status": "ALREADY_DONE",
        "execution": first["execution"],
        "output": first["output"],
    }
    assert batch.run(input=place, force=True)["status"] == "SUCCEEDED"
    assert batch.run(input=place, join="Input")["status"] == "SUCCEEDED"
    bucket, _, key = place.removeprefix("s3://").partition("/")
    batch.s3.put_object(Bucket=bucket, Key=f"{key}a.csv", Body=b"b,1\n")
    assert batch.run(input=place)["status"] == "SUCCEEDED"


@pytest.mark.long
def test_what_failed_may_be_run_again(batch: Any) -> None:
    """A failure claims nothing."""
    place = batch.put({"a.csv": "bad,1\n"})
    assert batch.fail(input=place)["status"] == "FAILED"
    assert batch.fail(input=place)["status"] == "FAILED"


@pytest.mark.long
def test_a_result_that_was_deleted_is_made_again(batch: Any) -> None:
    """To say where it is would be a lie."""
    place = batch.put({"a.csv": "gone,1\n"})
    first = batch.run(input=place)
    bucket, _, key = first["output"].removeprefix("s3://").partition("/")
    batch.s3.delete_object(Bucket=bucket, Key=f"{key}_SUCCESS")
    assert batch.run(input=place)["status"] == "SUCCEEDED"


@pytest.mark.long
def test_results_of_another_run_are_not_mixed_with_this_ones_unless_told(batch: Any) -> None:
    """They would be mixed, or lost."""
    place = batch.put({"a.csv": "one,1\n"})
    output = batch.run(input=place)["output"]
    other = batch.put({"b.csv": "two,1\n"})
    assert "already holds" in batch.fail(input=other, output=output)["failure"]["Cause"]
    summary = batch.run(input=other, output=output, overwrite=True)
    assert (summary["status"], summary["outputs"]) == ("SUCCEEDED", 1)
