"""Split, strategy, assembly, filter, join, compression and content type, in their combinations.

`test_golden_cases` scripts what the container answers; here it computes, so that the same bytes
pass through every way of cutting, batching and putting together. Every output was written by hand
from AWS's documents:

[T]  https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
[P]  https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
[I]  https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformInput.html
[O]  https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformOutput.html
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Function = Callable[[bytes], bytes]
ROWS = b"7,1,2\n8,3,4\n9,5,6\n"


def sums(body: bytes) -> bytes:
    """A container that adds up each row, and ends each answer with a newline."""
    return bare(body) + b"\n"


def bare(body: bytes) -> bytes:
    """The same, but the last line of each answer has no newline."""
    rows = body.removesuffix(b"\n").split(b"\n")
    return b"\n".join(b"%d" % sum(int(field) for field in row.split(b",")) for row in rows)


def wide(body: bytes) -> bytes:
    """A container that gives the sum and the number of each row's fields."""
    rows = body.removesuffix(b"\n").split(b"\n")
    return b"".join(
        b"%d,%d\n" % (sum(int(f) for f in row.split(b",")), len(row.split(b","))) for row in rows
    )


def totals(body: bytes) -> bytes:
    """A container that gives ``{"p": …}`` for each line, an array of numbers."""
    lines = body.removesuffix(b"\n").split(b"\n")
    return b"".join(b'{"p":%d}\n' % sum(json.loads(line)) for line in lines)


def lengths(body: bytes) -> bytes:
    """A container that tells how long each request was."""
    return b"%d;" % len(body)


def echo(body: bytes) -> bytes:
    """A container that gives back what it gets."""
    return body


def predictions(body: bytes) -> bytes:
    """A container as TensorFlow Serving answers: one request, one object."""
    rows = json.loads(body)
    rows = rows["instances"] if isinstance(rows, dict) else rows
    return json.dumps({"predictions": [sum(row) for row in rows]}).encode()


def csv(assembly: str = "Line", strategy: str = "MultiRecord", **processing: str) -> dict[str, Any]:
    """Settings of a job over CSV lines."""
    return {
        "source": {"ContentType": "text/csv", "SplitType": "Line"},
        "output": {"Accept": "text/csv", "AssembleWith": assembly},
        "BatchStrategy": strategy,
        "DataProcessing": processing,
    }


def lines(strategy: str = "MultiRecord", **processing: str) -> dict[str, Any]:
    """Settings of a job over JSON lines."""
    return {
        "source": {"ContentType": "application/jsonlines", "SplitType": "Line"},
        "output": {"Accept": "application/jsonlines", "AssembleWith": "Line"},
        "BatchStrategy": strategy,
        "DataProcessing": processing,
    }


def whole(assembly: str = "None", **processing: str) -> dict[str, Any]:
    """Settings of a job over JSON objects, each file one request."""
    return {
        "source": {"ContentType": "application/json"},
        "output": {"Accept": "application/json", "AssembleWith": assembly},
        "DataProcessing": processing,
    }


def plain(kind: str, assembly: str, strategy: str = "MultiRecord") -> dict[str, Any]:
    """Settings of a job whose records nothing looks into."""
    return {
        "source": {"ContentType": "application/octet-stream", "SplitType": kind},
        "output": {"AssembleWith": assembly},
        "BatchStrategy": strategy,
    }


MULTI, SINGLE = "MultiRecord", "SingleRecord"
JOIN = {"JoinSource": "Input"}
PEOPLE = b'{"id":"a","x":[1,2]}\n{"id":"b","x":[3,4]}\n'

# [O] None concatenates, Line ends each transformed request with a newline; [I] Single sends records
# one by one. A row's prediction stands alone in a request of one, the last of several otherwise.
ASSEMBLIES: list[tuple[Function, str, str, bytes]] = [
    (sums, MULTI, "None", b"10\n15\n20\n"),
    (sums, MULTI, "Line", b"10\n15\n20\n"),
    (sums, SINGLE, "None", b"10\n15\n20\n"),
    (sums, SINGLE, "Line", b"10\n15\n20\n"),
    (bare, MULTI, "None", b"10\n15\n20"),
    (bare, MULTI, "Line", b"10\n15\n20\n"),
    (bare, SINGLE, "None", b"101520"),
    (bare, SINGLE, "Line", b"10\n15\n20\n"),
]

# [P] filters and joins over CSV: what is sent, and what is written.
CSV_PROCESSING: list[tuple[dict[str, str], Function, bytes]] = [
    ({"InputFilter": "$[0]"}, sums, b"7\n8\n9\n"),
    ({"InputFilter": "$[-1]"}, sums, b"2\n4\n6\n"),
    ({"InputFilter": "$[0,2]"}, sums, b"9\n12\n15\n"),
    ({"InputFilter": "$[1:]"}, sums, b"3\n7\n11\n"),
    ({"InputFilter": "$[2,0]"}, wide, b"9,2\n12,2\n15,2\n"),
    (JOIN, sums, b"7,1,2,10\n8,3,4,15\n9,5,6,20\n"),
    (JOIN, wide, b"7,1,2,10,3\n8,3,4,15,3\n9,5,6,20,3\n"),
    ({"InputFilter": "$[1:]", **JOIN}, bare, b"7,1,2,3\n8,3,4,7\n9,5,6,11\n"),
    ({**JOIN, "OutputFilter": "$[0]"}, sums, b"7\n8\n9\n"),
    ({**JOIN, "OutputFilter": "$[-1]"}, sums, b"10\n15\n20\n"),
    ({**JOIN, "OutputFilter": "$[0,3]"}, wide, b"7,10\n8,15\n9,20\n"),
    ({**JOIN, "OutputFilter": "$[-2:]"}, wide, b"10,3\n15,3\n20,3\n"),
    ({"OutputFilter": "$[1]"}, wide, b"3\n3\n3\n"),
    ({"InputFilter": "$[1:]", **JOIN, "OutputFilter": "$[0,-1]"}, sums, b"7,3\n8,7\n9,11\n"),
]

# [P] the same over JSON lines: an object takes its prediction as SageMakerOutput, anything else
# becomes SageMakerInput beside it.
JSON_PROCESSING: list[tuple[bytes, dict[str, str], Function, bytes]] = [
    (PEOPLE, {"InputFilter": "$.x"}, totals, b'{"p":3}\n{"p":7}\n'),
    (PEOPLE, {"InputFilter": "$['x']"}, totals, b'{"p":3}\n{"p":7}\n'),
    (PEOPLE, {"InputFilter": "$.x[1:]"}, totals, b'{"p":2}\n{"p":4}\n'),
    (PEOPLE, {"InputFilter": "$.x[0]"}, echo, b"1\n3\n"),
    (PEOPLE, {"InputFilter": "$.id"}, echo, b'"a"\n"b"\n'),
    (PEOPLE, {"OutputFilter": "$.x"}, echo, b"[1,2]\n[3,4]\n"),
    (
        PEOPLE, {"InputFilter": "$.x", **JOIN}, totals,
        b'{"id":"a","x":[1,2],"SageMakerOutput":{"p":3}}\n'
        b'{"id":"b","x":[3,4],"SageMakerOutput":{"p":7}}\n',
    ),
    (
        PEOPLE, {"InputFilter": "$.x", **JOIN, "OutputFilter": "$.SageMakerOutput"}, totals,
        b'{"p":3}\n{"p":7}\n',
    ),
    (
        PEOPLE, {"InputFilter": "$.x", **JOIN, "OutputFilter": "$.SageMakerOutput.p"}, totals,
        b"3\n7\n",
    ),
    (PEOPLE, {"InputFilter": "$.x", **JOIN, "OutputFilter": "$.id"}, totals, b'"a"\n"b"\n'),
    (
        b"[1,2]\n[3,4]\n", JOIN, totals,
        b'{"SageMakerInput":[1,2],"SageMakerOutput":{"p":3}}\n'
        b'{"SageMakerInput":[3,4],"SageMakerOutput":{"p":7}}\n',
    ),
    (
        b"[1,2]\n[3,4]\n", {**JOIN, "OutputFilter": "$.SageMakerInput[0]"}, totals, b"1\n3\n",
    ),
]  # fmt: skip

# [T] without a split the whole file is one request, and DataProcessing sees one value.
WHOLE: list[tuple[bytes, dict[str, str], Function, bytes]] = [
    (b'{"instances":[[1,2],[3,4]]}', {}, predictions, b'{"predictions": [3, 7]}'),
    (
        b'{"id":5,"instances":[[1,2]]}', {"InputFilter": "$.instances"}, predictions,
        b'{"predictions": [3]}',
    ),
    (b"[[1,2],[3,4]]", {"OutputFilter": "$.predictions"}, predictions, b"[3,7]"),
    (
        b'{"id":5,"instances":[[1,2]]}', JOIN, predictions,
        b'{"id":5,"instances":[[1,2]],"SageMakerOutput":{"predictions":[3]}}',
    ),
    (
        b'{"id":5,"instances":[[1,2]]}', {**JOIN, "OutputFilter": "$['id','SageMakerOutput']"},
        predictions, b'{"id":5,"SageMakerOutput":{"predictions":[3]}}',
    ),
]  # fmt: skip

# What a batch transform does with text that is not as tidy as one would like.
EDGES: dict[str, tuple[bytes, dict[str, Any], Function, bytes]] = {
    # [T] nothing skips a header: it is a record like any other.
    "a header line is sent": (b"a,b\n1,2\n", plain("Line", "None"), lengths, b"8;"),
    "a header line alone in its request": (
        b"a,b\n1,2\n", plain("Line", "None", SINGLE), echo, b"a,b1,2",
    ),
    # Lines are cut at newlines, whatever quotes stand around them.
    "a quoted newline is cut": (b'"a\nb",1\n', plain("Line", "Line", SINGLE), echo, b'"a\nb",1\n'),
    "a quoted newline makes two records": (
        b'"a\nb",1\n', plain("Line", "None", SINGLE), lengths, b"2;4;",
    ),
    "CRLF record by record keeps its CR": (b"1\r\n22\r\n", plain("Line", "None", SINGLE), lengths,
                                          b"2;3;"),
    "a byte order mark belongs to the first record": (
        b"\xef\xbb\xbf1\n2\n", plain("Line", "None", SINGLE), lengths, b"4;1;",
    ),
    "spaces are kept": (b" 1 , 2 \n", plain("Line", "None"), echo, b" 1 , 2 \n"),
    "bytes that are no text pass through": (b"\xff\xfe\n\x00\n", plain("Line", "None"), echo,
                                            b"\xff\xfe\n\x00\n"),
    "an object of one empty line has one record": (
        b"\n", plain("Line", "None", SINGLE), lengths, b"0;",
    ),
    "a whole empty object is one empty request": (b"", plain("None", "None"), lengths, b"0;"),
    "a whole object is not looked into": (b"1\n\n2", plain("None", "None"), echo, b"1\n\n2"),
    "a whole object assembled by line": (b"1\n2", plain("None", "Line"), echo, b"1\n2\n"),
}  # fmt: skip


def written(transform: Callable[..., Any], body: bytes, function: Function, job: Any) -> bytes:
    """The output of a job that must not fail; the settings are used up."""
    outcome = transform(body, function, **job)
    assert outcome.errors == []
    (result,) = outcome.written.values()
    assert isinstance(result, bytes)
    return result


def zipped(job: dict[str, Any]) -> dict[str, Any]:
    """The same job over compressed objects."""
    return {**job, "source": {**job["source"], "CompressionType": "Gzip"}}


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(("function", "strategy", "assembly", "expected"), ASSEMBLIES)
def test_lines_are_batched_and_assembled(
    transform: Any, *, function: Any, strategy: str, assembly: str, expected: bytes,
    compressed: bool,
) -> None:  # fmt: skip
    """Eight ways from the same rows, each plain and compressed."""
    job = csv(assembly, strategy)
    if compressed:
        assert written(transform, gzip.compress(ROWS), function, zipped(job)) == expected
    else:
        assert written(transform, ROWS, function, job) == expected


@pytest.mark.parametrize("strategy", [MULTI, SINGLE])
@pytest.mark.parametrize(("processing", "function", "expected"), CSV_PROCESSING)
def test_csv_is_filtered_and_joined(
    transform: Any, *, processing: Any, function: Any, expected: bytes, strategy: str
) -> None:
    """However rows are batched, and whether or not they were compressed, the result is one."""
    job = csv("Line", strategy, **processing)
    assert written(transform, ROWS, function, dict(job)) == expected
    assert written(transform, gzip.compress(ROWS), function, zipped(job)) == expected


@pytest.mark.parametrize("strategy", [MULTI, SINGLE])
@pytest.mark.parametrize(("body", "processing", "function", "expected"), JSON_PROCESSING)
def test_json_lines_are_filtered_and_joined(
    transform: Any, *, body: bytes, processing: Any, function: Any, expected: bytes, strategy: str
) -> None:
    """Each path of the guide, with one line in a request and with all of them."""
    job = lines(strategy, **processing)
    assert written(transform, body, function, dict(job)) == expected
    assert written(transform, gzip.compress(body), function, zipped(job)) == expected


@pytest.mark.parametrize(("body", "processing", "function", "expected"), WHOLE)
def test_whole_json_is_filtered_and_joined(
    transform: Any, *, body: bytes, processing: Any, function: Any, expected: bytes
) -> None:
    """A file is one value; assembled by line it gets a newline, where nothing has to agree."""
    assert written(transform, body, function, whole(**processing)) == expected
    assert (
        written(transform, gzip.compress(body), function, zipped(whole(**processing))) == expected
    )


@pytest.mark.parametrize(("body", "job", "function", "expected"), EDGES.values(), ids=EDGES.keys())
def test_untidy_text_is_treated_as_documented(
    transform: Any, *, body: bytes, job: Any, function: Any, expected: bytes
) -> None:
    """Nothing is repaired, skipped or guessed."""
    assert written(transform, body, function, dict(job)) == expected


@pytest.mark.parametrize(
    ("sizes", "megabytes", "requests"),
    [
        # 1 MB is 1048576 bytes, and a row's newline counts.
        ([524_288, 524_288, 1], 1, [1_048_576, 1]),
        ([524_288, 524_289], 1, [524_288, 524_289]),
        ([600_000] * 5, 1, [600_000] * 5),
        ([600_000] * 5, 2, [1_800_000, 1_200_000]),
        ([600_000] * 5, 0, [3_000_000]),
    ],
)
def test_a_request_holds_as_many_rows_as_fit(
    transform: Any, *, sizes: list[int], megabytes: int, requests: list[int]
) -> None:
    """[I] "up to the MaxPayloadInMB limit"; 0 is no limit."""
    body = b"".join(b"x" * (size - 1) + b"\n" for size in sizes)
    job = {**plain("Line", "None"), "MaxPayloadInMB": megabytes}
    told = written(transform, body, lengths, job).decode().removesuffix(";").split(";")
    assert [int(number) for number in told] == requests


@given(
    rows=st.lists(st.lists(st.integers(0, 99), min_size=3, max_size=3), min_size=1, max_size=30),
    strategy=st.sampled_from([MULTI, SINGLE]),
    concurrency=st.integers(1, 6),
    compressed=st.booleans(),
    keep=st.sampled_from([None, "$[1:]", "$[0,2]"]),
    join=st.booleans(),
    final_newline=st.booleans(),
    as_json=st.booleans(),
)
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_combination_gives_each_records_prediction_in_order(
    transform: Any, *, rows: list[list[int]], strategy: str, concurrency: int, compressed: bool,
    keep: str | None, join: bool, final_newline: bool, as_json: bool,
) -> None:  # fmt: skip
    """The oracle predicts record by record and knows nothing of requests."""
    chosen = {None: (0, 1, 2), "$[1:]": (1, 2), "$[0,2]": (0, 2)}[keep]
    processing = ({} if keep is None else {"InputFilter": keep}) | (JOIN if join else {})
    job = (lines if as_json else lambda *a, **k: csv("Line", *a, **k))(strategy, **processing)
    expected = []
    for row in rows:
        total = sum(row[index] for index in chosen)
        if not as_json:
            expected.append(",".join(str(value) for value in ([*row, total] if join else [total])))
        elif join:
            expected.append(
                '{"SageMakerInput":' + str(row).replace(" ", "") + ',"SageMakerOutput":{"p":'
                f"{total}" + "}}"
            )
        else:
            expected.append(f'{{"p":{total}}}')
    records = [json.dumps(row) if as_json else ",".join(map(str, row)) for row in rows]
    body = ("\n".join(records) + ("\n" if final_newline else "")).encode()
    if compressed:
        body, job = gzip.compress(body), zipped(job)
    job["MaxConcurrentTransforms"] = concurrency
    result = written(transform, body, totals if as_json else sums, job)
    assert result.decode() == "".join(line + "\n" for line in expected)
