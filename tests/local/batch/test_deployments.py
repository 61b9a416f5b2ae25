"""Many files, and a deployment in the middle of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.local.batch.conftest import Batch, until


@pytest.fixture
def own(local_aws: Any, synthesize: Any, tmp_path: Path, request: Any) -> Batch:
    """A workflow of the test's own."""
    made = Batch(
        local_aws, f"batch-{request.node.name[:20].replace('_', '-')}", synthesize, tmp_path
    )
    made.deploy("v1", slow=0.05)
    return made


@pytest.mark.parametrize(
    ("count", "of_a_job", "done"),
    [
        pytest.param(60, 5, 20, marks=pytest.mark.long),
        pytest.param(1000, 50, 300, marks=pytest.mark.soak),
    ],
)
def test_a_deployment_of_another_model_does_not_touch_a_run(
    own: Any, count: int, of_a_job: int, done: int
) -> None:
    """Jobs that begin after it have the model that the run began with; the next run has the new."""
    files = {f"{i:04}.csv": "slow,1\n" for i in range(count)}
    before = set(own.jobs())
    execution = own.start(input=own.put(files), shard_objects=of_a_job, concurrent_jobs=2)

    def completed() -> int:
        return sum(s == "Completed" for n, s in own.jobs().items() if n not in before)

    until(lambda: completed() * of_a_job >= done, seconds=300)
    own.deploy("v2", slow=0.05)
    assert own.states.describe_execution(executionArn=execution)["status"] == "RUNNING"
    ended = own.end_of(execution, seconds=600)
    assert ended["status"] == "SUCCEEDED", ended["cause"]
    output = json.loads(ended["output"])["output"]
    assert {own.read(f"{output}{name}.out") for name in files} == {"v1:slow\n"}
    again = own.run(input=own.put({"a.csv": "a,1\n"}))
    assert own.read(f"{again['output']}a.csv.out") == "v2:a\n"


@pytest.mark.long
def test_a_thousand_files_come_back_but_five_which_a_rerun_does(own: Any) -> None:
    """995 outputs, a manifest of 5, and 5 more."""
    bad = [f"{i:04}.csv" for i in (0, 199, 500, 777, 999)]
    files = {f"{i:04}.csv": f"n{i},1\n" for i in range(1000)} | dict.fromkeys(bad, "bad,1\n")
    place = own.put(files)
    summary = own.run(
        input=place,
        shard_objects=50,
        concurrent_jobs=4,
        tolerated_failure_percent=1,
        seconds=900,
    )
    assert summary["status"] == "SUCCEEDED_WITH_FAILURES"
    assert (summary["inputs"], summary["outputs"], summary["failed"]) == (1000, 995, 5)
    assert (summary["jobs"], summary["records"]) == (20, 995)
    failed = json.loads(own.read(summary["failed_inputs"]))["inputs"]
    assert sorted(entry["name"] for entry in failed) == bad
    assert sum(name.endswith(".out") for name in own.names(summary["output"])) == 995
    bucket, _, key = place.removeprefix("s3://").partition("/")
    for name in bad:
        own.s3.put_object(Bucket=bucket, Key=f"{key}{name}", Body=b"good,1\n")
    again = own.run(rerun=summary["failed_inputs"])
    assert (again["status"], again["inputs"], again["outputs"]) == ("SUCCEEDED", 5, 5)
    assert sum(name.endswith(".out") for name in own.names(summary["output"])) == 1000
