"""Order, limits and retries, whatever the batching."""

from __future__ import annotations

import io
import itertools
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from local_aws.transform.batching import Unit, line_batches, mini_batches

LINE = {"ContentType": "text/csv", "SplitType": "Line"}
TO_LINE = {"Accept": "text/csv", "AssembleWith": "Line"}


def upper(body: bytes) -> bytes:
    """A prediction per line, after a wait that mixes up the order in which answers arrive."""
    time.sleep(random.random() / 500)
    return b"".join(line.upper() + b"\n" for line in body.removesuffix(b"\n").split(b"\n"))


@given(
    rows=st.lists(st.text(alphabet="abcxyz", min_size=1, max_size=8), min_size=1, max_size=40),
    concurrency=st.integers(1, 8),
    strategy=st.sampled_from(["MultiRecord", "SingleRecord"]),
    join=st.booleans(),
    final_newline=st.booleans(),
)
@hypothesis_settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_output_is_the_prediction_of_each_record_in_order(
    *,
    transform: Callable[..., Any],
    rows: list[str],
    concurrency: int,
    strategy: str,
    join: bool,
    final_newline: bool,
) -> None:
    """However records are put together, the output holds one prediction per record, in order."""
    text = "\n".join(rows) + ("\n" if final_newline else "")
    outcome = transform(
        text.encode(),
        upper,
        source=LINE,
        output=TO_LINE,
        BatchStrategy=strategy,
        MaxConcurrentTransforms=concurrency,
        DataProcessing={"JoinSource": "Input"} if join else {},
    )
    expected = [f"{row},{row.upper()}" if join else row.upper() for row in rows]
    assert outcome.written["results/data.csv.out"].decode().splitlines() == expected


@given(
    sizes=st.lists(st.integers(0, 12), max_size=40),
    limit=st.integers(12, 40),
    multi=st.booleans(),
)
def test_mini_batches_keep_every_record_in_order_within_the_limit(
    sizes: list[int], limit: int, multi: bool
) -> None:
    """Nothing is lost, doubled or moved; no batch is over the limit; none could take one more."""
    records = [bytes([65 + index % 26]) * size for index, size in enumerate(sizes)]
    units = [Unit(sent=record, original=record) for record in records]
    batches = list(mini_batches(units, multi_record=multi, limit=limit, keep_originals=True))
    assert [original for batch in batches for original in batch.originals] == records
    assert all(batch.body == b"".join(batch.originals) for batch in batches)
    assert all(len(batch.body) <= limit for batch in batches)
    if multi:
        for batch, following in itertools.pairwise(batches):
            assert len(batch.body) + len(following.originals[0]) > limit
    else:
        assert all(len(batch.originals) == 1 for batch in batches)


@given(
    lines=st.lists(st.binary(max_size=9).map(lambda line: line.replace(b"\n", b"x"))),
    final_newline=st.booleans(),
    limit=st.integers(10, 40),
)
def test_lines_cut_in_blocks_are_the_mini_batches_of_the_lines(
    lines: list[bytes], final_newline: bool, limit: int
) -> None:
    """The quick way gives the same requests as the one that looks at each line."""
    body = b"\n".join(lines) + (b"\n" if final_newline else b"")
    records = io.BytesIO(body).readlines()
    expected: list[bytes] = []
    for record in records:
        if expected and len(expected[-1]) + len(record) <= limit:
            expected[-1] += record
        else:
            expected.append(record)
    assert [batch.body for batch in line_batches(io.BytesIO(body), limit)] == expected
    whole = [body] if body else []
    assert [batch.body for batch in line_batches(io.BytesIO(body), 0)] == whole


def test_a_request_may_be_as_large_as_the_limit() -> None:
    """Two records of five bytes fill ten; a third begins the next request."""
    units = [Unit(sent=b"12345")] * 3
    batches = mini_batches(units, multi_record=True, limit=10)
    assert [batch.body for batch in batches] == [b"1234512345", b"12345"]


@pytest.mark.parametrize(
    ("split_type", "given"),
    [
        ("RecordIO", b"no header"),
        ("RecordIO", b"\x0a\x23\xd7\xce\x08\x00\x00\x00abc"),
        ("RecordIO", b"\x0a\x23\xd7\xce\x04\x00\x00\x20abcd"),
        ("TFRecord", b"short"),
        ("TFRecord", b"\x08" + bytes(11) + b"abc"),
    ],
)
def test_what_is_not_in_the_split_types_format_fails_its_file(
    transform: Callable[..., Any], split_type: str, given: bytes
) -> None:
    """Headers that are none, and records that end too early."""
    outcome = transform(given, lambda body: body, source={"SplitType": split_type})
    assert outcome.written == {}
    assert outcome.errors[0].startswith(f"Failed to split the input as {split_type}")


def test_a_record_over_the_limit_fails_its_file_and_no_other(
    transform: Callable[..., Any],
) -> None:
    """One file's record does not fit in a megabyte: the file has no output, the other one has."""
    outcome = transform(
        {"big": b"x" * (1024 * 1024 + 1), "small": b"y"}, lambda body: body, MaxPayloadInMB=1
    )
    assert outcome.written == {"results/small.out": b"y"}
    assert [str(source) for source, _ in outcome.failures.found] == ["in/big"]
    assert outcome.errors[0].startswith("Too much data for max payload size")
    assert outcome.failures.found[0][1].failure_reason == (
        "ClientError: See job logs for more information"
    )


def test_a_payload_limit_of_zero_is_no_limit(transform: Callable[..., Any]) -> None:
    """MaxPayloadInMB=0 sends an object of any size in one request."""
    body = b"x" * (7 * 1024 * 1024)
    outcome = transform(body, lambda body: b"%d" % len(body), MaxPayloadInMB=0)
    assert outcome.written == {"results/data.csv.out": b"7340032"}


def test_a_file_that_fails_half_way_leaves_no_output(
    transform: Callable[..., Any], reply: Any
) -> None:
    """A file's second record is refused: nothing is written, the message is the container's."""
    outcome = transform(
        b"good\nbad\ngood\n",
        lambda body: reply(b"no such row", 400) if body == b"bad" else body,
        source=LINE,
        BatchStrategy="SingleRecord",
    )
    assert outcome.written == {}
    assert outcome.errors == ["ClientError: 400\n\nMessage:\nno such row"]


def test_a_refused_request_is_not_sent_again(transform: Callable[..., Any], reply: Any) -> None:
    """A 4xx is the caller's fault and would fail again."""
    outcome = transform(b"x", lambda body: reply(b"", 415))
    assert outcome.container.requests == [b"x"]


def test_a_failing_request_is_sent_again_until_it_succeeds(
    transform: Callable[..., Any], reply: Any
) -> None:
    """A 500 is retried; the output is as if it had not happened."""
    left = [500, 500]
    outcome = transform(
        b"x",
        lambda body: reply(b"", left.pop()) if left else b"done",
        ModelClientConfig={"InvocationsMaxRetries": 2},
    )
    assert outcome.written == {"results/data.csv.out": b"done"}
    assert len(outcome.container.requests) == 3


@pytest.mark.parametrize("retries", [0, 1])
def test_retries_are_as_many_as_asked_for(
    transform: Callable[..., Any], reply: Any, retries: int
) -> None:
    """After InvocationsMaxRetries more attempts the file fails by the algorithm's fault."""
    outcome = transform(
        b"x",
        lambda body: reply(b"oops", 500),
        ModelClientConfig={"InvocationsMaxRetries": retries},
    )
    assert len(outcome.container.requests) == retries + 1
    assert outcome.failures.found[0][1].failure_reason == (
        "AlgorithmError: See job logs for more information"
    )


def test_requests_in_flight_are_as_many_as_asked_for(transform: Callable[..., Any]) -> None:
    """MaxConcurrentTransforms requests run at the same time, over all files, and never more."""
    running, most = 0, 0
    lock, together = threading.Lock(), threading.Barrier(3)

    def handler(body: bytes) -> bytes:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        # Passes only when three requests are here at once.
        together.wait(timeout=10)
        with lock:
            running -= 1
        return body

    outcome = transform(
        {"a": b"1\n2\n3\n", "b": b"4\n5\n6\n"},
        handler,
        source=LINE,
        BatchStrategy="SingleRecord",
        MaxConcurrentTransforms=3,
        ModelClientConfig={"InvocationsMaxRetries": 0},
    )
    assert outcome.errors == []
    assert most == 3
    assert outcome.written == {"results/a.out": b"123", "results/b.out": b"456"}


def test_an_answer_with_another_number_of_lines_fails_the_join(
    transform: Callable[..., Any],
) -> None:
    """Three records and two predictions cannot be told which belongs to which."""
    outcome = transform(
        b"1\n2\n3\n",
        lambda body: b"a\nb\n",
        source=LINE,
        output=TO_LINE,
        DataProcessing={"JoinSource": "Input"},
    )
    assert outcome.written == {}
    assert "mismatched line count between the input and the output" in outcome.errors[0]


@pytest.mark.parametrize(
    ("given", "processing", "message"),
    [
        (b"1,2\n", {"OutputFilter": "$[9]"}, "OutputFilter $[9] cannot be applied"),
        (b"1,2\n", {"InputFilter": "$[2:]"}, "InputFilter $[2:] cannot be applied"),
        (b'1,"2\n', {"InputFilter": "$[0]"}, "Failed to parse input as CSV"),
        (b"\xff,1\n", {"InputFilter": "$[0]"}, "Failed to parse input as CSV"),
    ],
    ids=["output index out of range", "empty slice", "newline within quotes", "invalid UTF-8"],
)
def test_a_record_that_cannot_be_filtered_fails_its_file(
    transform: Callable[..., Any], given: bytes, processing: dict[str, str], message: str
) -> None:
    """A filter that finds nothing is an error, never an empty field."""
    outcome = transform(
        given, lambda body: b"1\n", source=LINE, output=TO_LINE, DataProcessing=processing
    )
    assert outcome.written == {}
    assert outcome.errors[0].startswith(message)


def test_the_container_decides_what_the_request_leaves_open(
    transform: Callable[..., Any],
) -> None:
    """Precedence: the request, then /execution-parameters, then the service's defaults."""
    hints = {"BatchStrategy": "SINGLE_RECORD", "MaxConcurrentTransforms": 2, "MaxPayloadInMB": 1}
    asked = transform(b"1\n2\n", lambda body: body, hints, source=LINE)
    assert sorted(asked.container.requests) == [b"1", b"2"]
    told = transform(b"1\n2\n", lambda body: body, hints, source=LINE, BatchStrategy="MultiRecord")
    assert told.container.requests == [b"1\n2\n"]


def test_each_request_carries_content_type_and_accept(transform: Callable[..., Any]) -> None:
    """The container is asked in the job's own terms."""
    outcome = transform(b"1\n", lambda body: body, source=LINE, output=TO_LINE)
    assert outcome.container.headers == [{"Content-Type": "text/csv", "Accept": "text/csv"}]
