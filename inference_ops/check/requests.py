"""The requests of a check: golden ones, whose answer is known, and hostile ones."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float32]

CSV, JSON = "text/csv", "application/json"
# Deeper than any parser goes.
_DEPTH = 100_000


@dataclass(frozen=True, kw_only=True)
class CheckRequest:
    """A request, and what a correct answer to it is.

    Attributes:
        name: What it is, for the table.
        body: The body.
        content_type: Its type; None is a request without the header.
        accept: The type of the answer that is asked for.
        status: The status that it has to get.
        scores: What the model predicts for its rows, where that is known.
    """

    name: str
    body: bytes
    content_type: str | None
    accept: str | None = None
    status: int = 200
    scores: npt.NDArray[Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Known:
    """Rows of a model's features, and what the model predicts for them."""

    rows: Rows
    scores: npt.NDArray[Any]


def golden_requests(complete: Known, some_missing: Known) -> Iterator[CheckRequest]:
    """Requests with rows that the model knows, in the spellings that callers use.

    Args:
        complete: Rows in which every value is there.
        some_missing: Rows in which some are NaN.
    """
    count = len(complete.rows)
    text, numbers = _csv(complete.rows), _numbers(complete.rows)
    one = Known(rows=complete.rows[:1], scores=complete.scores[:1])
    several: list[tuple[str, Known, str, str | None, str]] = [
        ("CSV, one row", one, _csv(one.rows), CSV, CSV),
        (f"CSV, {count} rows", complete, text, CSV, CSV),
        ("CSV, missing values", some_missing, _csv(some_missing.rows), CSV, CSV),
        ("CSV to JSON", complete, text, CSV, JSON),
        ("CSV with a charset", complete, text, f"{CSV}; charset=utf-8", CSV),
        ("CSV, type in capitals", complete, text, CSV.upper(), CSV),
        ("CSV, lines end in CR LF", complete, text.replace("\n", "\r\n"), CSV, CSV),
        ("CSV, last line without end", complete, text.removesuffix("\n"), CSV, CSV),
        ("CSV, any answer will do", complete, text, CSV, "*/*"),
        ("CSV, list of answer types", complete, text, CSV, f"application/xml, {CSV};q=0.5"),
        (f"JSON, {count} rows", complete, json.dumps(numbers), JSON, JSON),
        ("JSON, nulls", some_missing, json.dumps(_numbers(some_missing.rows)), JSON, JSON),
        ("JSON to CSV", complete, json.dumps(numbers), JSON, CSV),
        ("JSON, instances", complete, json.dumps({"instances": numbers}), JSON, CSV),
        ("JSON without a type", complete, json.dumps(numbers), None, CSV),
    ]
    for name, known, body, content_type, accept in several:
        yield CheckRequest(
            name=name,
            body=body.encode(),
            content_type=content_type,
            accept=accept,
            scores=known.scores,
        )


def hostile_requests(columns: int | None) -> Iterator[CheckRequest]:
    """Requests that a caller should not have sent, each with the 4xx that tells why.

    Args:
        columns: The number of the model's features; None, where it is not known, leaves out what
            has to have it.
    """
    if columns is not None:
        row = ",".join(["0.5"] * columns)
        named = ",".join(f"f{column}" for column in range(columns))
        # Of one column there is none too few: that is an empty line, which comes below.
        fewer = [("a column too few", row[:-4])] if columns > 1 else []
        for name, text in (
            ("a column too many", f"{row},0.5"),
            *fewer,
            ("rows of different lengths", f"{row}\n{row},0.5"),
            ("a header", f"{named}\n{row}"),
            ("a word among numbers", f"{row[:-3]}high"),
            ("an infinite number", f"{row[:-3]}inf"),
        ):
            yield CheckRequest(
                name=name, body=text.encode(), content_type=CSV, accept=CSV, status=400
            )
        yield CheckRequest(
            name="an unknown answer type",
            body=row.encode(),
            content_type=CSV,
            accept="application/xml",
            status=406,
        )
    for name, body, content_type in (
        ("an empty body", b"", CSV),
        ("an empty line", b"\n", CSV),
        ("prose", b"please predict this", CSV),
        ("bytes that are no text", b"\xff\xfe\x00\x80", CSV),
        ("JSON that is cut off", b"[[1, 2", JSON),
        ("JSON nested too deeply", b"[" * _DEPTH, JSON),
        ("JSON of another shape", b'{"rows": 1}', JSON),
        ("JSON of words", b'[["a", "b"]]', JSON),
    ):
        yield CheckRequest(name=name, body=body, content_type=content_type, accept=CSV, status=400)
    yield CheckRequest(
        name="an unknown content type",
        body=b"<row/>",
        content_type="application/xml",
        accept=CSV,
        status=415,
    )


def _csv(rows: Rows) -> str:
    lines = (",".join("" if value == "nan" else value for value in row) for row in rows.astype(str))
    return "\n".join(lines) + "\n"


def _numbers(rows: Rows) -> list[list[float | None]]:
    # The shortest decimals that are these floats, as in CSV.
    return [[None if value == "nan" else float(value) for value in row] for row in rows.astype(str)]
