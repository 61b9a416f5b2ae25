"""Generated bodies: read as a plain reference reads them, or refused; never a wrong number.

The reference is written here, of Python's own `csv`, `json` and `float`, and knows nothing of the
code under test. Bodies lie around what is allowed: numbers in all spellings, and what looks like
numbers; large ones repeat a generated row, so that both the small and the large way are taken.
"""

import csv
import importlib
import itertools
import json
import math
import os
import struct
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.model_code.bodies import bodies

_LARGEST = struct.unpack("f", struct.pack("I", 0x7F7FFFFF))[0]
_WIDTH = 3
# Bodies of so many bytes and more go the large way; repeating a row gets there.
_REPEATS = (1, 1, 1, 2, 300)
_EXAMPLES = 850
_LARGE_BODIES = 300
_MILLION = 1_000_000


class Refused(Exception):
    """The reference does not read the body."""


def _round(value: float) -> float:
    try:
        (single,) = struct.unpack("f", struct.pack("f", value))
    except OverflowError:
        raise Refused from None
    if math.isinf(single):
        raise Refused
    return float(single)


def _csv_field(text: str) -> float:
    if not text.isascii() or "_" in text:
        raise Refused
    if not text.strip():
        return math.nan
    try:
        return _round(float(text))
    except ValueError:
        raise Refused from None


def read_csv(body: str) -> list[list[float]]:
    """Read CSV of numbers, a record per line."""
    if not body.strip():
        raise Refused
    lines = body.removesuffix("\n").replace("\r\n", "\n").removesuffix("\r").split("\n")
    rows = []
    for line in lines:
        fields = line.split(",")
        if '"' in line:
            try:
                records = list(csv.reader([line], strict=True, skipinitialspace=True))
            except csv.Error:
                raise Refused from None
            if len(records) != 1:
                raise Refused
            [fields] = records
        rows.append([_csv_field(field) for field in fields])
    return _checked(rows)


def read_json(body: str) -> list[list[float]]:
    """Read a JSON array of arrays of numbers, or one such array."""
    try:
        document = json.loads(body, parse_int=float)
    except (ValueError, RecursionError):
        raise Refused from None
    if isinstance(document, dict):
        document = document.get("instances", [document])
    if not isinstance(document, list) or not document:
        raise Refused
    if not any(isinstance(item, list | dict) for item in document):
        document = [document]
    return _checked([_json_row(row) for row in document])


def read_jsonlines(body: str) -> list[list[float]]:
    """Read JSON Lines of arrays of numbers."""
    if not body.strip():
        raise Refused
    rows = []
    for line in body.removesuffix("\n").replace("\r\n", "\n").removesuffix("\r").split("\n"):
        try:
            rows.append(_json_row(json.loads(line, parse_int=float)))
        except ValueError:
            raise Refused from None
    return _checked(rows)


def _json_row(row: object) -> list[float]:
    if isinstance(row, dict) and list(row) == ["features"]:
        row = row["features"]
    if not isinstance(row, list):
        raise Refused
    values = []
    for value in row:
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise Refused
        try:
            values.append(math.nan if value is None else _round(float(value)))
        except OverflowError:
            raise Refused from None
    return values


def _checked(rows: list[list[float]]) -> list[list[float]]:
    if any(len(row) != _WIDTH for row in rows):
        raise Refused
    return rows


# --- what is generated ---------------------------------------------------------------------------

_SIGNS = st.sampled_from(["", "-", "+", "--", "+-"])
_DIGITS = st.text("0123456789", max_size=20)
_SPELLED = st.builds(
    "{}{}{}{}{}".format,
    _SIGNS,
    _DIGITS,
    st.sampled_from(["", ".", "..", ","]),
    _DIGITS,
    st.sampled_from(["", "", "e5", "E-7", "e+3", "e", "e-", "e400", "e-400", "e38", "e39", "f"]),
)
_ODD = st.sampled_from(
    [
        *["", " ", "nan", "NaN", "-nan", "+nan", "null", "None", "inf", "-inf", "Infinity", "1_0"],
        *["0x1p3", "nan(1)", "1e5e5", "1.5.5", "٣", "1\x00", "1\t", "\x0b1", "00", "-0", "-01"],
        *["3.4028235e38", "3.4028236e38", "3.40282357e38", "1.17549435e-38", "1e-45", "7e-46"],
        *["16777217", "16777219", "0.1", ".5", "5.", "1e-05", '"1"', '" 1"', '"1', 'n"a', "true"],
        *["[1]", "1]", "[1", "nulll", "nul", "NaNNaN", "1 2", "1,", "9" * 400, "\r", "\ufeff1"],
    ]
)
_FLOATS = st.floats(allow_infinity=False).map(repr)
_SINGLES = st.floats(width=32, allow_infinity=False).map(repr)
_FIELD = st.one_of(_FLOATS, _SINGLES, st.integers().map(str), _SPELLED, _ODD)
_GOOD_FIELD = st.one_of(_FLOATS, _SINGLES, st.integers(-(10**6), 10**6).map(str))
_ROW = st.one_of(
    st.lists(_GOOD_FIELD, min_size=_WIDTH, max_size=_WIDTH),
    st.lists(_GOOD_FIELD | _FIELD, min_size=_WIDTH, max_size=_WIDTH),
    st.lists(_FIELD, max_size=4),
)
_ROWS = st.lists(_ROW, min_size=1, max_size=4)


@st.composite
def csv_bodies(draw: st.DrawFn) -> str:
    """CSV, or almost."""
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r", "\n\n"]))
    comma = draw(st.sampled_from([",", ",", ", ", " ,", ";", "\t"]))
    lines = [comma.join(row) for row in draw(_ROWS)]
    lines = lines[:1] * draw(st.sampled_from(_REPEATS)) + lines[1:]
    return end.join(lines) + draw(st.sampled_from(["", end, "\n"]))


@st.composite
def json_bodies(draw: st.DrawFn) -> str:
    """JSON, or almost."""
    comma = draw(st.sampled_from([", ", ",", ",\n", " , ", ",  ", ""]))
    rows = [f"[{comma.join(row)}]" for row in draw(_ROWS)]
    rows = rows[:1] * draw(st.sampled_from(_REPEATS)) + rows[1:]
    form = draw(st.sampled_from(["[{}]", "[{}]", '{{"instances": [{}]}}', "{}", "[[{}]]", "[{}"]))
    return form.format(comma.join(rows))


@st.composite
def jsonlines_bodies(draw: st.DrawFn) -> str:
    """JSON Lines, or almost."""
    comma = draw(st.sampled_from([", ", ",", " , "]))
    form = draw(st.sampled_from(["[{}]", "[{}]", '{{"features": [{}]}}', "[{}],", "{}"]))
    lines = [form.format(comma.join(row)) for row in draw(_ROWS)]
    lines = lines[:1] * draw(st.sampled_from(_REPEATS)) + lines[1:]
    return draw(st.sampled_from(["\n", "\n", "\r\n"])).join(lines) + draw(
        st.sampled_from(["", "\n"])
    )


_KINDS: dict[str, tuple[st.SearchStrategy[str], Callable[[str], list[list[float]]]]] = {
    "text/csv": (csv_bodies(), read_csv),
    "application/json": (json_bodies(), read_json),
    "application/jsonlines": (jsonlines_bodies(), read_jsonlines),
}


def _check_equal(rows: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> None:
    assert np.array_equal(rows, expected, equal_nan=True)
    # The signs of zeros count; of missing values there is one only.
    assert np.array_equal(np.signbit(rows[rows == 0]), np.signbit(expected[expected == 0]))


def _expected(
    reference: Callable[[str], list[list[float]]], body: str
) -> npt.NDArray[np.float32] | None:
    try:
        return np.array(reference(body.removeprefix("\ufeff")), np.float32)
    except Refused:
        return None


def _check(
    handlers: ModuleType,
    model: Any,
    content_type: str,
    body: str | bytes,
    expected: npt.NDArray[np.float32] | None,
) -> None:
    data = handlers.input_fn(body, content_type)
    answer = handlers.predict_fn(data, model)
    status = handlers.output_fn(answer, "text/csv").status_code
    assert status == (400 if expected is None else 200), repr(body[:300])
    if expected is not None:
        _check_equal(model.columns.take(data).rows, expected)


def _fuzz(handlers: ModuleType, directory: Path, content_type: str) -> None:
    model = handlers.model_fn(str(directory))
    bodies, reference = _KINDS[content_type]

    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(bodies)
    def agree(body: str) -> None:
        for text in (body, body + "\n"):
            expected = _expected(reference, text)
            for sent in (text, text.encode()):
                _check(handlers, model, content_type, sent, expected)

    agree()


@pytest.mark.parametrize("content_type", _KINDS)
def test_generated_bodies_are_read_as_the_reference_reads_them(
    handlers: ModuleType, small_model: Path, monkeypatch: pytest.MonkeyPatch, content_type: str
) -> None:
    """The same numbers, or a 400 by both."""
    monkeypatch.setattr(handlers._log, "_write", lambda *_: None)
    _fuzz(handlers, small_model, content_type)


@pytest.mark.parametrize("content_type", _KINDS)
def test_large_bodies_with_a_fault_somewhere_are_read_as_the_reference_reads_them(
    handlers: ModuleType, small_model: Path, monkeypatch: pytest.MonkeyPatch, content_type: str
) -> None:
    """A wrong byte anywhere, a row in another spelling, or none of them."""
    monkeypatch.setattr(handlers._log, "_write", lambda *_: None)
    model = handlers.model_fn(str(small_model))
    reference = _KINDS[content_type][1]
    plain = 0
    for body in bodies(1, _LARGE_BODIES, content_type, columns=(_WIDTH,), large=1):
        _check(handlers, model, content_type, body, _expected(reference, body))
        plain += hasattr(handlers.input_fn(body, content_type), "rows")
    # The large way must have been taken, by more than the few bodies that have no fault at all.
    assert plain > _LARGE_BODIES / 12


@pytest.mark.parametrize(
    ("content_type", "wide", "narrow"),
    [
        ("text/csv", "1.5,2.5,3.5\n", "1.5,2.5\n"),
        ("application/json", "[1.5,2.5,3.5],", "[1.5,2.5],"),
        ("application/jsonlines", "[1.5,2.5,3.5]\n", "[1.5,2.5]\n"),
    ],
)
def test_rows_that_become_narrower_after_many_are_refused(
    handlers: ModuleType, content_type: str, wide: str, narrow: str
) -> None:
    """Also where all rows of each 128 KiB, which are worked through at once, are alike."""
    count = (1 << 17) // len(wide)
    body = wide * count + narrow * 500
    if content_type == "application/json":
        body = f"[{body[:-1]}]"
    data = handlers.input_fn(body, content_type)
    places = (0, count - 1, count, -1)
    assert [len(data.records[place]) for place in places] == [3, 3, 2, 2]


def _ask_million(arguments: tuple[Path, str, int, int]) -> tuple[int, int]:
    """Ask one process's share; how many bodies there were, and how many of them are tables."""
    directory, content_type, seed, count = arguments
    sys.path.insert(0, str(Path(__file__).parents[2] / "model_code" / "serving"))
    handlers = importlib.import_module("inference")
    handlers._log._write = lambda *_: None
    model = handlers.model_fn(str(directory))
    reference = _KINDS[content_type][1]
    tables = 0
    # Half of them are as wide as the model, else most would be refused for that.
    columns = (1, 2, _WIDTH, _WIDTH, _WIDTH, 4)
    for body in bodies(seed, count // 2, content_type, columns=columns, large=0.1):
        expected = _expected(reference, body)
        tables += 0 if expected is None else 2
        for sent in (body, body.encode()):
            _check(handlers, model, content_type, sent, expected)
    return count, tables


@pytest.mark.soak
def test_a_million_generated_bodies_are_read_as_the_reference_reads_them(small_model: Path) -> None:
    """A third of them of each type, some small and some large, by a process per processor."""
    processes = os.cpu_count() or 1
    count = -(-_MILLION // len(_KINDS) // processes // 2) * 2
    shares = [(small_model, kind, seed, count) for kind in _KINDS for seed in range(processes)]
    counts = {kind: [0, 0] for kind in _KINDS}
    with ProcessPoolExecutor(processes) as pool:
        for (_, kind, _, _), share in zip(shares, pool.map(_ask_million, shares), strict=True):
            counts[kind] = [a + b for a, b in zip(counts[kind], share, strict=True)]
    assert sum(asked for asked, _ in counts.values()) >= _MILLION
    for kind, (asked, tables) in counts.items():
        # Neither a handler that refuses everything passes, nor one that is never given a fault.
        assert asked / 8 < tables < asked / 2, kind
        print(f"{kind}: {asked:,} bodies, {tables:,} of them answered and all as by the reference")


# --- answers and batches -------------------------------------------------------------------------


def test_batches_cut_anywhere_on_line_ends_give_the_same_bytes(
    handlers: ModuleType, small_model: Path
) -> None:
    """Across the small way and the large one, into each type that has lines."""
    model = handlers.model_fn(str(small_model))
    rng = np.random.default_rng(2)
    values = rng.normal(size=(300, _WIDTH)) * 10.0 ** rng.integers(-8, 8, (300, _WIDTH))
    lines = [",".join(map(repr, row.tolist())) for row in values]

    def ask(part: list[str], accept: str) -> bytes:
        data = handlers.input_fn("\n".join(part) + "\n", "text/csv")
        body: bytes = handlers.output_fn(handlers.predict_fn(data, model), accept).get_data()
        return body

    whole = {accept: ask(lines, accept) for accept in ("text/csv", "application/jsonlines")}

    @settings(max_examples=60, deadline=None, derandomize=True, database=None)
    @given(st.lists(st.integers(1, len(lines) - 1), max_size=6, unique=True).map(sorted))
    def same(cuts: list[int]) -> None:
        for accept, expected in whole.items():
            edges = [0, *cuts, len(lines)]
            parts = [ask(lines[a:b], accept) for a, b in itertools.pairwise(edges)]
            assert b"".join(parts) == expected

    same()


def test_numbers_are_written_alike_alone_and_among_many(handlers: ModuleType) -> None:
    """As NumPy writes a 32-bit float, whatever its size; and read back as the same float."""
    import inference_answers

    edges = [1e-4, 1e-5, 1e9, 1e15, 1e16, 1e17, 1.0, 0.0, 16777216.0, float(_LARGEST), 1e-45]
    edges += [
        float(np.nextafter(np.float32(edge), np.float32(way)))
        for edge in edges[:7]
        for way in (0, np.inf)
    ]

    @settings(max_examples=100, deadline=None, derandomize=True, database=None)
    @given(st.lists(st.floats(width=32) | st.sampled_from(edges), min_size=1, max_size=30))
    def alike(numbers: list[float]) -> None:
        values = np.array(numbers, np.float32)
        many = np.tile(values, 120 // len(values) + 1)
        for count, given_values in ((1, values), (2, many)):
            lines = inference_answers.format_csv(given_values).splitlines()
            assert lines == [str(value) for value in given_values], count
        pairs = np.stack([many, many], axis=1)
        lines = inference_answers.format_csv(pairs).splitlines()
        assert lines == [f"{value!s},{value!s}" for value in many]
        finite = many[np.isfinite(many)]
        if len(finite):
            text = inference_answers.format_json(np.stack([finite, finite], axis=1))
            assert text == f"[{', '.join(f'[{v!s}, {v!s}]' for v in finite)}]"

    alike()


_NO_JSON = ["01", "-01", "-00.5", "1.", ".5", "+1", "1e", "1e+", "--1", "1.5.5", "1e5e5", "nan"]
_NO_JSON += ["NaNNaN", "nul", "nulll", "n", "1null", "1 2", "1_0", "0x1", "", "[1", "1]"]


@pytest.mark.parametrize("content_type", ["application/json", "application/jsonlines"])
@pytest.mark.parametrize("token", _NO_JSON)
def test_what_is_no_number_of_json_is_found_wherever_it_stands(
    handlers: ModuleType, content_type: str, token: str
) -> None:
    """CSV would take some of them; a large body is read as CSV, after a check block by block."""
    separator, frame = (",", "[{}]") if content_type == "application/json" else ("\n", "{}")
    row = "[1.25,-0.5,30]"
    # Near the beginning; and across the end of the first 64 KiB, one byte further each time.
    places = [(300, 1), *((4_368, width) for width in (range(1, 9) if "0" in token else (1,)))]
    for first, width in places:
        rows = [row] * first + [f"[{'1' * width},2,3]", f"[7,{token},7]"] + [row] * 100
        data = handlers.input_fn(frame.format(separator.join(rows)), content_type)
        assert not hasattr(data, "rows"), "it was taken for a plain table"
        if not isinstance(data, ValueError):
            assert any(isinstance(record, ValueError) for record in data.records)
    plain = handlers.input_fn(frame.format(separator.join([row] * 5_000)), content_type)
    assert plain.rows.tolist() == [[1.25, -0.5, 30.0]] * 5_000


@pytest.mark.parametrize(
    ("content_type", "fault"),
    [
        ("application/json", ("], [7, 8, 9]", "],][7, 8, 9]")),
        ("application/json", ("[7, 8, 9]", "[7, 8, 99 ")),
        ("application/json", ("[7, 8, 9]", "[7, 8, 9")),
        ("application/json", ("[7, 8, 9]", " 7, 8, 9]")),
        ("application/json", ("[7, 8, 9]", "[7, 8 9]")),
        ("application/json", ("[7, 8, 9], ", "[7, 8, 9] ")),
        ("application/jsonlines", ("[7, 8, 9]", "[7,\n8, 9]")),
        ("application/jsonlines", ("[7, 8, 9]", "[null\n 8, 9]")),
        ("application/jsonlines", ("[7, 8, 9]\n", "[7, 8, 9],")),
        ("application/jsonlines", ("[7, 8, 9]\n[1.25, -0.5", "[7, 8, 9], [1.25\n-0.5")),
        ("application/jsonlines", ("[7, 8, 9]\n[1.25, -0.5", "[7, 8, 9],[1.25\n -0.5")),
    ],
)
def test_a_bracket_comma_or_space_that_is_not_in_its_place_is_found(
    handlers: ModuleType, content_type: str, fault: tuple[str, str]
) -> None:
    """Each of these bodies has as many of them as one without a fault, or almost."""
    rows = ["[1.25, -0.5, 30]"] * 300 + ["[7, 8, 9]"] + ["[1.25, -0.5, 30]"] * 300
    body = "\n".join(rows) if content_type == "application/jsonlines" else f"[{', '.join(rows)}]"
    assert handlers.input_fn(body, content_type).rows.shape == (601, 3)
    assert body.count(fault[0]) == 1
    data = handlers.input_fn(body.replace(*fault), content_type)
    assert not hasattr(data, "rows"), "it was taken for a plain table"


def test_json_that_is_written_irregularly_is_read_all_the_same(handlers: ModuleType) -> None:
    """Here the space that one number lacks stands behind another."""
    rows = ["[1.25, -0.5, 30]"] * 300 + ["[7,18 , 9]"] + ["[1.25, -0.5, 30]"] * 300
    data = handlers.input_fn(f"[{', '.join(rows)}]", "application/json")
    assert list(data.records[300]) == [7, 18, 9]
    assert list(data.records[301]) == [1.25, -0.5, 30]
