"""Bodies other than CSV and JSON, and answers in them: what is read, and what is refused."""

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xgboost as xgb

NAN = float("nan")
_ROWS = [[0.25, -1.5, 3.0], [1.0, NAN, -2.0]]
_NAMES = ["width", "height", "depth"]
Ask = Callable[..., SimpleNamespace]


def _npy(values: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def _frame(rows: list[list[float]] = _ROWS, names: list[str] = _NAMES) -> pa.Table:
    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)})


def _parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


def _arrow(table: pa.Table) -> bytes:
    file = io.BytesIO()
    with pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=1)
    return file.getvalue()


def _expected(directory: Path, rows: list[list[float]]) -> list[np.float32]:
    booster = xgb.Booster(model_file=bytearray((directory / "xgboost-model").read_bytes()))
    data = xgb.DMatrix(np.array(rows), feature_names=booster.feature_names, nthread=1)
    return list(booster.predict(data))


def _numbers(text: str) -> list[np.float32]:
    return [np.float32(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/jsonlines", "[0.25, -1.5, 3.0]\n[1.0, null, -2.0]\n"),
        ("application/jsonlines; charset=utf-8", b"[0.25,-1.5,3.0]\r\n[1.0,NaN,-2.0]"),
        ("application/x-ndjson", b'{"features": [0.25, -1.5, 3]}\n[1, null, -2]\n'),
        ("application/x-npy", _npy(np.array(_ROWS))),
        ("application/x-npy", _npy(np.array(_ROWS, np.float32))),
        ("Application/X-NPY", _npy(np.asfortranarray(np.array(_ROWS)))),
        ("application/x-npy", _npy(np.array(_ROWS, ">f8"))),
        ("text/libsvm", b"1 0:0.25 1:-1.5 2:3\n0 0:1 2:-2\n"),
        ("text/libsvm", b"1 qid:7 0:0.25 1:-15e-1 2:3 # first\r\n0:1 2:-2"),
        ("text/x-libsvm", b"0 2:3 1:-1.5 0:0.25\n-1 0:1 1:nan 2:-2\n"),
        ("application/vnd.apache.parquet", _parquet(_frame())),
        ("application/x-parquet", _parquet(_frame().cast(pa.schema([(n, "f4") for n in _NAMES])))),
        ("application/vnd.apache.arrow.stream", _arrow(_frame())),
    ],
)
def test_all_types_are_read_to_the_same_rows(
    ask: Ask, small_model: Path, content_type: str, body: str | bytes
) -> None:
    """Text or binary, row by row or column by column."""
    answer = ask(body, content_type)

    assert answer.status == 200, answer.text
    assert _numbers(answer.text) == _expected(small_model, _ROWS)


def test_integers_and_a_single_row_are_read_from_arrays(ask: Ask, small_model: Path) -> None:
    """Of any width and sign."""
    expected = _expected(small_model, [[1.0, 2.0, 3.0]])
    for kind in ("i1", "u2", "i4", "u8", "f2"):
        answer = ask(_npy(np.array([1, 2, 3], kind)), "application/x-npy")
        assert _numbers(answer.text) == expected, kind


def test_an_index_that_pandas_stores_is_no_feature(ask: Ask, small_model: Path) -> None:
    """`DataFrame.to_parquet` of a filtered frame has one."""
    frame = pd.DataFrame(_ROWS, columns=_NAMES, index=[4, 9])
    answer = ask(frame.to_parquet(), "application/x-parquet")

    assert _numbers(answer.text) == _expected(small_model, _ROWS)


_JSONL, _NPY, _SVM = "application/jsonlines", "application/x-npy", "text/libsvm"
_PARQUET, _ARROW = "application/x-parquet", "application/vnd.apache.arrow.stream"
_TEXTS = pa.table({name: ["1", "2"] for name in _NAMES})


@pytest.mark.parametrize(
    ("content_type", "body", "reason"),
    [
        (_JSONL, b"[1,2,3]\n[1,2\n", "row 2, not valid JSON"),
        (_JSONL, b"[1,2,3]\n\n[1,2,3]\n", "row 2, not valid JSON"),
        (_JSONL, b"[1,2,3],[1,2,3]\n", "row 1, not valid JSON"),
        (_JSONL, b"7\n", "row 1, no record"),
        (_JSONL, b'[1,2,"3"]\n', "row 1, column 3"),
        (_JSONL, b"[1,2,\xff]\n", "row 1, the line is not valid UTF-8"),
        (_JSONL, b"[" * 100_000, "nested too deeply"),
        (_JSONL, b"  \n", "the body is empty"),
        (_NPY, b"", "the body is empty"),
        (_NPY, b"1,2,3", "not a .npy file"),
        (_NPY, _npy(np.array(_ROWS))[:-8], "do not have the length"),
        (_NPY, _npy(np.array(_ROWS)) + b"0", "do not have the length"),
        (_NPY, _npy(np.array(_ROWS))[:40], "not a valid .npy file"),
        (_NPY, _npy(np.array([[None]], object)), "no numbers but Python objects"),
        (_NPY, _npy(np.array([["1", "2", "3"]])), "no numbers but text"),
        (_NPY, _npy(np.array([[True, False, True]])), "no numbers but booleans"),
        (_NPY, _npy(np.array(3.0)), "expected the shape (rows, columns)"),
        (_NPY, _npy(np.zeros((2, 3, 1))), "expected the shape (rows, columns)"),
        (_NPY, _npy(np.zeros((0, 3))), "expected the shape (rows, columns)"),
        (_NPY, _npy(np.array([[1, np.inf, 3]])), "row 1, column 2: the number is not a finite"),
        (_NPY, _npy(np.array([[1, 2, 1e39]])), "row 1, column 3: the number is not a finite"),
        (_NPY, _npy(np.zeros((1, 4))), "each row has 4 columns: the model takes 3"),
        (_SVM, b"1 0:1 0:2\n", "row 1, pair 2: the index is there twice"),
        (_SVM, b"1 0:1 x:2\n", "row 1, pair 2: expected index:value"),
        (_SVM, b"1 0:1 -1:2\n", "row 1, pair 2: expected index:value"),
        (_SVM, b"1 0:1 1:inf\n", "row 1, pair 2: expected index:value"),
        (_SVM, b"1 0:1e39\n", "row 1, column 1: the number is not a finite"),
        (_SVM, b"yes 0:1\n", "row 1, field 1: expected a label"),
        (_SVM, b"1 3:1\n", "each row has 4 columns: the model takes 3"),
        (_SVM, b"1 999999999:1\n", "too high"),
        (_SVM, b"1 0:\xd9\xa1\n", "not ASCII"),
        (_PARQUET, b"PAR1", "not a valid Parquet file"),
        (_PARQUET, _parquet(_frame())[:-9] + b"PAR1", "not a valid Parquet file"),
        (_PARQUET, _parquet(_TEXTS), "column 1 holds no numbers"),
        (_PARQUET, _parquet(_frame(rows=[])), "the body is empty"),
        (_PARQUET, _parquet(_frame([[1.0, 2.0]], ["a", "b"])), "each row has 2 columns"),
        (_ARROW, b"not a stream", "not a valid Arrow stream"),
        (_ARROW, _arrow(_frame())[:-60], "not a valid Arrow stream"),
        (_ARROW, _arrow(_TEXTS), "column 1 holds no numbers"),
    ],
)
def test_bodies_that_are_no_tables_of_numbers_are_answered_with_400(
    ask: Ask, content_type: str, body: bytes, reason: str
) -> None:
    """With what is wrong, and where."""
    answer = ask(body, content_type)

    assert answer.status == 400, answer.text
    assert reason in json.loads(answer.text)["error"]


def test_a_pickle_within_an_array_is_not_loaded(ask: Ask, tmp_path: Path) -> None:
    """It would run what it holds."""

    class Harm:
        def __reduce__(self) -> tuple[Any, ...]:
            return (tmp_path.joinpath("harm").touch, ())

    answer = ask(_npy(np.array([Harm()], object)), "application/x-npy")

    assert answer.status == 400
    assert not (tmp_path / "harm").exists()


def test_a_small_body_that_would_be_a_huge_table_is_refused(ask: Ask) -> None:
    """Runs of one value compress to almost nothing."""
    zeros = pa.array(np.zeros(45_000_000, np.int8))
    body = _parquet(pa.table(dict.fromkeys(_NAMES, zeros)))
    assert len(body) < 1_000_000

    answer = ask(body, "application/x-parquet")

    assert answer.status == 400
    assert "the table is too large" in answer.text


def test_a_header_of_an_array_that_lies_about_its_size_is_refused(ask: Ask) -> None:
    """Before memory is taken for it."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 3)}\n"
    body = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(48)

    answer = ask(body, "application/x-npy")

    assert answer.status == 400
    assert "do not have the length" in answer.text


# --- names ---------------------------------------------------------------------------------------


@pytest.fixture
def named(handlers: ModuleType, tmp_path: Path) -> Ask:
    """Sends a body to a model whose features have names."""
    rows = np.random.default_rng(5).normal(size=(200, 3))
    data = xgb.DMatrix(rows, rows @ [3, 2, 1] > 0, feature_names=_NAMES, nthread=1)
    booster = xgb.train({"objective": "binary:logistic", "nthread": 1}, data, 5)
    (tmp_path / "xgboost-model").write_bytes(booster.save_raw())
    model = handlers.model_fn(str(tmp_path))

    def ask(body: str | bytes, content_type: str) -> SimpleNamespace:
        answer = handlers.predict_fn(handlers.input_fn(body, content_type), model)
        response = handlers.output_fn(answer, "text/csv")
        return SimpleNamespace(
            status=response.status_code,
            text=response.get_data(as_text=True),
            expected=_expected(tmp_path, _ROWS),
        )

    return ask


_SHUFFLED = [dict(zip(_NAMES, row, strict=True)) for row in _ROWS]
_SHUFFLED = [{name: record[name] for name in ("depth", "width", "height")} for record in _SHUFFLED]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", json.dumps(_SHUFFLED)),
        ("application/json", json.dumps({"instances": _SHUFFLED})),
        ("application/json", json.dumps({"instances": [{"features": r} for r in _SHUFFLED]})),
        ("application/jsonlines", "\n".join(json.dumps(record) for record in _SHUFFLED)),
        ("application/x-parquet", _parquet(_frame().select(["depth", "width", "height"]))),
        (
            "application/vnd.apache.arrow.stream",
            _arrow(_frame().select(["height", "depth", "width"])),
        ),
        ("application/json", "[[0.25, -1.5, 3.0], [1, null, -2]]"),
        ("application/x-npy", _npy(np.array(_ROWS))),
    ],
)
def test_what_comes_by_name_is_put_in_the_model_s_order(
    named: Ask, content_type: str, body: str | bytes
) -> None:
    """And what comes without names is taken as it stands."""
    answer = named(body, content_type)

    assert answer.status == 200, answer.text
    assert _numbers(answer.text) == answer.expected


def test_a_single_record_by_name_is_one_row(named: Ask) -> None:
    """The plainest request of an application."""
    answer = named(json.dumps(_SHUFFLED[0]), "application/json")

    assert _numbers(answer.text) == answer.expected[:1]


@pytest.mark.parametrize(
    ("content_type", "body", "reason"),
    [
        (
            "application/json",
            '[{"width": 1, "height": 2}]',
            "row 1, by name: the model's features depth are missing",
        ),
        (
            "application/json",
            '[{"width": 1, "height": 2, "depth": 3, "secret": 4}]',
            "row 1, by name: 4 names are given: the model has 3",
        ),
        ("application/json", '[{"width": 1, "height": "tall", "depth": 3}]', "row 1, column 2"),
        ("application/jsonlines", '{"Width": 1}', "features width, height, depth are missing"),
        (
            "application/x-parquet",
            _parquet(_frame(names=["width", "height", "secret"])),
            "the model's features depth are missing",
        ),
    ],
)
def test_other_names_than_the_model_s_are_answered_with_400(
    named: Ask, content_type: str, body: str | bytes, reason: str
) -> None:
    """The model's names are told, those of the request are not."""
    answer = named(body, content_type)

    assert answer.status == 400
    assert reason in json.loads(answer.text)["error"]
    assert "secret" not in answer.text


# --- answers -------------------------------------------------------------------------------------


def test_answers_are_written_as_json_lines_and_arrays(ask: Ask, small_model: Path) -> None:
    """A line per record, each with its end; or what `numpy.load` reads."""
    body = "0.25,-1.5,3\n1,,-2\n"
    expected = _expected(small_model, _ROWS)

    lines = ask(body, accept="application/jsonlines")
    assert lines.type == "application/jsonlines"
    assert lines.text == "".join(f"{value!s}\n" for value in expected)
    array = ask(body, accept="application/x-npy, text/csv;q=0.5")
    assert array.type == "application/x-npy"
    assert np.load(io.BytesIO(array.body), allow_pickle=False).tolist() == expected
