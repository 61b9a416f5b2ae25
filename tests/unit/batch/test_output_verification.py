"""An output is whole, or the run has failed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inference_constructs.functions.batch_checks.locations import Location, StoredObject
from inference_constructs.functions.batch_checks.transform_job import with_overrides
from inference_constructs.functions.batch_checks.verify import (
    OutputError,
    counting_rules,
    handler,
    pair,
    written_since,
)

Put = Callable[..., None]

NOW = datetime(2026, 11, 1, 12, 0, 0, 500_000, tzinfo=UTC)


@pytest.fixture
def event(job: dict[str, Any]) -> dict[str, Any]:
    """What the state machine sends when the job has ended."""
    return {
        "input": "s3://data/input/",
        "output": "s3://data/output/may/",
        "job": job,
        "started": (datetime.now(UTC) - timedelta(minutes=1)).isoformat(),
    }


def stored(*keys: str, modified: datetime = NOW) -> list[StoredObject]:
    """Objects with these keys."""
    return [StoredObject("data", key, 1, modified, "STANDARD") for key in keys]


def test_a_whole_output_is_counted(event: dict[str, Any], put: Put) -> None:
    """Files with and without a final line break, and with a quoted one."""
    put({"input/a.csv": b"1,2\n3,4", "input/b/c.csv": b'5,"x\ny"\n'})
    put({"output/may/a.csv.out": b"0.1\n0.2\n", "output/may/b/c.csv.out": b"0.3"})
    assert handler(event, None) == {"objects": 2, "records": 3, "verification": "records"}


def test_a_missing_output_fails_the_run(event: dict[str, Any], put: Put) -> None:
    """A job may end well and leave nothing."""
    put({"input/a.csv": b"1\n", "input/b.csv": b"2\n", "output/may/a.csv.out": b"1\n"})
    with pytest.raises(
        OutputError, match=r"1 of 2 inputs have no output .*: s3://data/input/b\.csv"
    ):
        handler(event, None)


def test_a_lost_record_fails_the_run(event: dict[str, Any], put: Put) -> None:
    """And so does one too many, also when the sums agree."""
    put({"input/a.csv": b"1\n2\n", "input/b.csv": b"3\n4\n"})
    put({"output/may/a.csv.out": b"1\n", "output/may/b.csv.out": b"1\n2\n3\n"})
    with pytest.raises(OutputError) as error:
        handler(event, None)
    assert str(error.value) == (
        "2 of 2 outputs differ: s3://data/output/may/a.csv.out has 1 records for 2, "
        "s3://data/output/may/b.csv.out has 3 records for 2"
    )


def test_rows_that_were_fused_are_noticed(event: dict[str, Any], put: Put) -> None:
    """As when a handler leaves out the last line break and nothing is put between answers."""
    put({"input/a.csv": b"1\n2\n3\n4\n", "output/may/a.csv.out": b"0.1\n0.20.3\n0.4"})
    with pytest.raises(OutputError, match="has 3 records for 4"):
        handler(event, None)


def test_what_lay_there_before_the_run_is_not_its_output(event: dict[str, Any], put: Put) -> None:
    """Else a job without output would pass for whole."""
    put({"input/a.csv": b"1\n", "output/may/a.csv.out": b"1\n"})
    event["started"] = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    with pytest.raises(OutputError, match="no output"):
        handler(event, None)


def test_an_output_of_the_second_in_which_the_run_began_counts() -> None:
    """S3 cuts the time of an object to whole seconds."""
    (item,) = stored("o/a.csv.out", modified=NOW.replace(microsecond=0))
    assert written_since(NOW, [item]) == [item]
    assert written_since(NOW + timedelta(seconds=1), [item]) == []


def test_an_output_that_belongs_to_no_input_fails_the_run() -> None:
    """As when two jobs write to one place."""
    with pytest.raises(OutputError, match=r"1 outputs belong to no input: s3://data/o/b\.csv\.out"):
        pair(stored("i/a.csv"), stored("o/a.csv.out", "o/b.csv.out"), Location("data", "o/"))


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        (["i/a.csv", "i/b/a.csv"], ["o/a.csv.out", "o/b/a.csv.out"]),
        (["i/a.csv", "i/b/a.csv"], ["o/i/a.csv.out", "o/i/b/a.csv.out"]),
        (["i/2026/a.csv"], ["o/2026/a.csv.out"]),
        (["i/2026/a.csv"], ["o/a.csv.out"]),
        (["a.csv"], ["o/a.csv.out"]),
        (["i/a.csv", "i/a.csv.out"], ["o/a.csv.out", "o/a.csv.out.out"]),
    ],
)
def test_outputs_are_found_however_many_folders_the_service_keeps(
    inputs: list[str], outputs: list[str]
) -> None:
    """AWS's documents show more than one layout."""
    pairs = pair(stored(*inputs), stored(*outputs), Location("data", "o/"))
    assert [(one.key, other.key) for one, other in pairs] == list(zip(inputs, outputs, strict=True))


@pytest.mark.parametrize(
    ("options", "rules"),
    [
        ({}, (True, True)),
        ({"content_type": "text/csv; charset=utf-8", "accept": "TEXT/CSV"}, (True, True)),
        ({"accept": "application/jsonlines"}, (True, False)),
        ({"content_type": "application/jsonlines"}, (False, True)),
        # An answer to many records is one document.
        ({"accept": "application/json"}, None),
        ({"accept": "application/json", "strategy": "SingleRecord"}, (True, False)),
        ({"accept": "application/json", "strategy": "SingleRecord", "assemble": "None"}, None),
        ({"content_type": "application/json"}, None),
    ],
)
def test_records_are_compared_where_their_media_types_tell_them(
    job: dict[str, Any], options: dict[str, str], rules: tuple[bool, bool] | None
) -> None:
    """For each side, whether quotes hide line breaks; None compares objects only."""
    assert counting_rules(with_overrides(job, options)) == rules


def test_objects_are_still_compared_where_records_cannot_be(
    event: dict[str, Any], put: Put
) -> None:
    """And the answer says so."""
    event["job"]["TransformOutput"]["Accept"] = "application/json"
    put({"input/a.csv": b"1\n2\n", "output/may/a.csv.out": b"[0.1, 0.2]"})
    assert handler(event, None) == {"objects": 1, "records": None, "verification": "objects"}
