"""Runs from a request to a whole result, on real jobs and real objects."""

from __future__ import annotations

import json
from typing import Any

import pytest


def rows(name: str, number: int = 3) -> str:
    """Rows that begin with a name."""
    return "".join(f"{name}{i},1.0\n" for i in range(number))


def test_one_file_comes_back_whole(batch: Any) -> None:
    """With a marker, a summary, a notification and an event that say the same."""
    place = batch.put({"a.csv": rows("a")})
    execution = batch.start(input=f"{place}a.csv")
    ended = batch.end_of(execution)
    assert ended["status"] == "SUCCEEDED", ended["cause"]
    summary = json.loads(ended["output"])
    assert batch.read(f"{summary['output']}a.csv.out") == "v1:a0\nv1:a1\nv1:a2\n"
    assert sorted(batch.names(summary["output"])) == ["_SUCCESS", "_summary.json", "a.csv.out"]
    assert json.loads(batch.read(f"{summary['output']}_summary.json")) == summary
    assert summary["status"] == "SUCCEEDED"
    assert (summary["inputs"], summary["outputs"], summary["failed"]) == (1, 1, 0)
    assert (summary["records"], summary["bad_records"]) == (3, 0)
    # 3.60 dollars an hour are a tenth of a cent a second.
    assert summary["cost_usd"] == round(summary["instance_seconds"] / 1000, 4)
    assert batch.told("Ears", execution) == [summary]
    [event] = batch.told("Heard", execution)
    assert event == summary | {"workflow": batch.prefix}


@pytest.mark.long
def test_a_run_leaves_no_model_of_its_own(batch: Any) -> None:
    """But the stack's."""
    batch.run(input=batch.put({"a.csv": rows("m")}))
    found = batch.sagemaker.list_models(NameContains=batch.prefix)["Models"]
    assert found == []


def test_many_files_fan_out_and_come_back_in_their_folders(batch: Any) -> None:
    """Five jobs for ten files, each with its own."""
    files = {f"day={i % 2}/{i:02}.csv": rows(f"f{i}x") for i in range(10)}
    before = set(batch.jobs())
    summary = batch.run(input=batch.put(files), shard_objects=2)
    assert (summary["inputs"], summary["outputs"], summary["jobs"]) == (10, 10, 5)
    assert summary["records"] == 30
    assert len(set(batch.jobs()) - before) == 5
    for name, body in files.items():
        expected = "".join(f"v1:{line.split(',')[0]}\n" for line in body.splitlines())
        assert batch.read(f"{summary['output']}{name}.out") == expected


def test_a_bad_file_costs_only_itself_and_a_rerun_does_only_that(batch: Any) -> None:
    """The manifest names the file with what the log says of it; the repaired one is added."""
    place = batch.put({f"{i}.csv": rows(f"g{i}x") for i in range(6)} | {"bad.csv": "bad,1\n"})
    execution = batch.start(input=place, shard_objects=3, tolerated_failure_percent=20)
    ended = batch.end_of(execution)
    assert ended["status"] == "SUCCEEDED", ended["cause"]
    summary = json.loads(ended["output"])
    assert summary["status"] == "SUCCEEDED_WITH_FAILURES"
    assert (summary["outputs"], summary["failed"]) == (6, 1)
    assert batch.told("Ears", execution)[0]["status"] == "SUCCEEDED_WITH_FAILURES"
    failed = json.loads(batch.read(summary["failed_inputs"]))
    [entry] = failed["inputs"]
    assert entry["input"] == f"{place}bad.csv"
    assert entry["reason"].startswith(
        "it has no output: Bad HTTP status received from algorithm: 500"
    )
    assert entry["job"] in entry["log"]

    bucket, _, key = place.removeprefix("s3://").partition("/")
    batch.s3.put_object(Bucket=bucket, Key=f"{key}bad.csv", Body=b"good,1\n")
    again = batch.run(rerun=summary["failed_inputs"])
    assert (again["status"], again["inputs"], again["jobs"]) == ("SUCCEEDED", 1, 1)
    assert again["output"] == summary["output"]
    assert batch.read(f"{summary['output']}bad.csv.out") == "v1:good\n"
    assert json.loads(batch.read(f"{summary['output']}_SUCCESS"))["status"] == "SUCCEEDED"
    assert "nothing failed there" in batch.fail(rerun=summary["failed_inputs"])["failure"]["Cause"]


@pytest.mark.long
def test_more_failures_than_are_tolerated_fail_the_run(batch: Any) -> None:
    """What is whole stays; no marker says that all of it is."""
    place = batch.put({"good.csv": rows("h"), "bad.csv": "bad,1\n"})
    summary = batch.fail(input=place)
    assert summary["status"] == "FAILED"
    assert (summary["outputs"], summary["failed"]) == (1, 1)
    names = batch.names(summary["output"])
    assert sorted(names) == ["_failed.json", "_summary.json", "good.csv.out"]


@pytest.mark.long
def test_a_record_that_got_lost_is_noticed(batch: Any) -> None:
    """The job says that it succeeded."""
    summary = batch.fail(input=batch.put({"a.csv": "a,1\nlost,1\nb,1\n"}))
    [entry] = json.loads(batch.read(summary["failed_inputs"]))["inputs"]
    assert entry["reason"] == "its output has 2 records for 3"


def test_a_header_is_refused_or_stripped(batch: Any) -> None:
    """The service would send it to the model."""
    place = batch.put({"a.csv": "amount,age\n1.5,2\n3,4\n", "b.csv": "5,6\n"})
    refused = batch.fail(input=place)
    assert "begin with a header" in refused["failure"]["Cause"]
    summary = batch.run(input=place, header="strip")
    assert (summary["records"], summary["removed_headers"]) == (3, 1)
    assert batch.read(f"{summary['output']}a.csv.out") == "v1:1.5\nv1:3\n"
    assert batch.read(f"{summary['output']}b.csv.out") == "v1:5\n"


def test_bad_records_can_be_marked_and_are_counted(batch: Any) -> None:
    """The rest of their file is not lost."""
    place = batch.put({"a.csv": "a,1\nbad,1\nb,1\n"})
    summary = batch.run(input=place, bad_records="mark")
    assert (summary["records"], summary["bad_records"]) == (3, 1)
    assert batch.read(f"{summary['output']}a.csv.out") == "v1:a\nerror\nv1:b\n"
    joined = batch.run(input=place, bad_records="mark", join="Input")
    assert (joined["records"], joined["bad_records"]) == (3, 1)
    assert batch.read(f"{joined['output']}a.csv.out") == "a,1,v1:a\nbad,1,error\nb,1,v1:b\n"


@pytest.mark.long
def test_a_manifest_of_ones_own_is_run(batch: Any) -> None:
    """What it does not list is left alone."""
    place = batch.put({"a.csv": rows("a"), "b.csv": rows("b"), "c.csv": rows("c")})
    listed = batch.put({"list.json": json.dumps([{"prefix": place}, "a.csv", "c.csv"])})
    summary = batch.run(input=f"{listed}list.json", data_type="ManifestFile")
    assert summary["inputs"] == 2
    found = [name for name in batch.names(summary["output"]) if name.endswith(".out")]
    assert found == ["a.csv.out", "c.csv.out"]


@pytest.mark.long
def test_a_run_that_would_cost_too_much_or_whose_cost_is_not_known_is_stopped(batch: Any) -> None:
    """Before any instance is started. A tenth of a cent is a second of the price."""
    place = batch.put({"a.csv": "1.0,2.0\n" * 262_144})  # 2 MiB
    jobs = batch.jobs()
    costly = batch.fail(input=place, mb_per_second=0.5, max_cost_usd=0.003)
    assert "the estimate is 0.004, max_cost_usd is 0.003" in costly["failure"]["Cause"]
    unknown = batch.fail(input=place, instance_type="ml.c5.xlarge", max_duration_minutes=9)
    assert "the estimate is not known: give mb_per_second" in unknown["failure"]["Cause"]
    assert batch.jobs() == jobs
