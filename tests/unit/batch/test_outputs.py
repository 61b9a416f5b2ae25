"""Outputs are whole, or the report says what is wrong with which."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inference_constructs.functions.batch_checks.locations import Location
from inference_constructs.functions.batch_checks.records import Counting
from inference_constructs.functions.batch_checks.transform_job import with_overrides
from inference_constructs.functions.batch_steps import outputs as module
from inference_constructs.functions.batch_steps.outputs import (
    Found,
    Outputs,
    Rules,
    counting_rules,
)

Put = Callable[..., None]

BASE = Location("data", "input/")
TARGET = Location("data", "output/may/")
CSV = Rules(inputs=Counting(quotes=True), outputs=Counting(quotes=True))


@pytest.fixture
def check(s3: Any) -> Callable[..., list[Found]]:
    """Looks at the outputs of inputs, for which there are a thousand bytes each to count."""

    def look(
        *names: str,
        base: Location = BASE,
        rules: Rules | None = CSV,
        minutes_ago: float = 1,
    ) -> list[Found]:
        since = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        outputs = Outputs(s3, TARGET, since=since)
        sizes = dict.fromkeys(names, 1000)
        return list(outputs.check(names, source=base, base=base, rules=rules, read_bytes=sizes))

    return look


def test_whole_outputs_are_counted(check: Callable[..., list[Found]], put: Put) -> None:
    """Files with and without a final line break, and with a quoted one."""
    put({"input/a.csv": b"1,2\n3,4", "input/b/c.csv": b'5,"x\ny"\n'})
    put({"output/may/a.csv.out": b"0.1\n0.2\n", "output/may/b/c.csv.out": b"0.3"})
    found = check("a.csv", "b/c.csv")
    assert [one.fault for one in found] == [None, None]
    assert [one.count.records for one in found if one.count] == [2, 1]
    assert [one.size for one in found] == [8, 3]


def test_missing_lost_and_additional_records_are_told_of_each_input(
    check: Callable[..., list[Found]], put: Put
) -> None:
    """Also where the sums agree, and where rows were fused because a line break is missing."""
    put({f"input/{name}": b"1\n2\n3\n4\n" for name in ("a", "b", "c", "d", "e")})
    put(
        {
            "output/may/a.out": b"1\n2\n3\n",
            "output/may/b.out": b"1\n2\n3\n4\n5\n",
            "output/may/d.out": b"0.1\n0.20.3\n0.4",
            "output/may/e.out": b"1\n2\n3\n4\n",
        }
    )
    assert [one.fault for one in check("a", "b", "c", "d", "e")] == [
        "its output has 3 records for 4",
        "its output has 5 records for 4",
        "it has no output",
        "its output has 3 records for 4",
        None,
    ]


def test_what_lay_there_before_the_run_is_not_its_output(
    check: Callable[..., list[Found]], put: Put
) -> None:
    """Else a job without output would pass for whole."""
    put({"input/a": b"1\n", "output/may/a.out": b"1\n"})
    assert check("a")[0].fault is None
    assert check("a", minutes_ago=-1)[0].fault == "it has no output"


def test_an_output_of_the_second_in_which_the_run_began_counts(s3: Any, put: Put) -> None:
    """S3 cuts the time of an object to whole seconds."""
    put({"output/may/a.out": b"1\n"})
    found = s3.head_object(Bucket="data", Key="output/may/a.out")["LastModified"]
    for late, there in ((0.9, True), (1.0, False)):
        since = found.replace(microsecond=0) + timedelta(seconds=late)
        _, sizes = Outputs(s3, TARGET, since=since).find(["a"], BASE)
        assert bool(sizes) is there


@pytest.mark.parametrize(
    ("base", "names", "outputs"),
    [
        ("i/", ["a.csv", "b/a.csv"], ["a.csv.out", "b/a.csv.out"]),
        ("i/", ["a.csv", "b/a.csv"], ["i/a.csv.out", "i/b/a.csv.out"]),
        ("i/2026/", ["a.csv"], ["2026/a.csv.out"]),
        ("i/2026/", ["a.csv"], ["i/2026/a.csv.out"]),
        ("i/", ["2026/a.csv"], ["a.csv.out"]),
        ("", ["a.csv"], ["a.csv.out"]),
        ("i/", ["a.csv", "a.csv.out"], ["a.csv.out", "a.csv.out.out"]),
        ("i/", ["a", "a-b", "a.b"], ["a.out", "a-b.out", "a.b.out"]),
    ],
)
def test_outputs_are_found_however_many_folders_the_service_keeps(
    s3: Any, put: Put, base: str, names: list[str], outputs: list[str]
) -> None:
    """AWS's documents show more than one layout."""
    put({f"output/may/{name}": b"1\n" for name in outputs})
    since = datetime.now(UTC) - timedelta(minutes=1)
    keys, sizes = Outputs(s3, TARGET, since=since).find(names, Location("data", base))
    assert keys == [f"output/may/{name}" for name in outputs]
    assert sizes.keys() == set(keys)


def test_the_outputs_of_other_jobs_are_left_alone(s3: Any, put: Put) -> None:
    """Of thousands of objects before and after only the job's own are looked at."""
    put({f"output/may/{name}.out": b"1\n" for name in ("a", "b1", "b2", "c")})
    since = datetime.now(UTC) - timedelta(minutes=1)
    _, sizes = Outputs(s3, TARGET, since=since).find(["b1", "b2"], BASE)
    assert sorted(sizes) == ["output/may/b1.out", "output/may/b2.out"]


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
        ({"compression": "Gzip"}, None),
    ],
)
def test_records_are_compared_where_their_media_types_tell_them(
    job: dict[str, Any], options: dict[str, str], rules: tuple[bool, bool] | None
) -> None:
    """For each side, whether quotes hide line breaks; None compares objects only."""
    found = counting_rules(with_overrides(job, options))
    assert (None if found is None else (found.inputs.quotes, found.outputs.quotes)) == rules


def test_objects_are_still_compared_where_records_cannot_be(
    check: Callable[..., list[Found]], put: Put
) -> None:
    """And the report says so by counting nothing."""
    put({"input/a": b"1\n2\n", "output/may/a.out": b"[0.1, 0.2]"})
    a, b = check("a", "b", rules=None)
    assert (a.fault, a.count) == (None, None)
    assert b.fault == "it has no output"


def test_what_cannot_be_counted_in_time_is_told_and_the_rest_is_counted(
    check: Callable[..., list[Found]], put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function has fifteen minutes."""
    put({f"input/{name}": b"1\n" for name in ("a", "b", "c")})
    put({f"output/may/{name}.out": b"1\n" for name in ("a", "b", "c")})
    # Each pair needs 1,002 bytes.
    monkeypatch.setattr(module, "MOST_COUNTED_BYTES", 2_100)
    found = check("a", "b", "c")
    assert [one.count is not None for one in found] == [True, True, False]
    assert [one.fault for one in found] == [None, None, None]
