"""What a handler receives: what is answered, and beside it what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import xgboost as xgb

NAN = float("nan")
_ROWS = [[0.25, -1.5, 3.0], [1.0, NAN, -2.0]]
_CSV = "0.25,-1.5,3.0\n1.0,,-2.0\n"


def _predict(model: Path, rows: list[list[float]]) -> list[np.float32]:
    booster = xgb.Booster(model_file=bytearray((model / "xgboost-model").read_bytes()))
    return list(booster.predict(xgb.DMatrix(np.array(rows), nthread=1)))


def _numbers(text: str) -> list[np.float32]:
    return [np.float32(line) for line in text.splitlines()]


@pytest.mark.parametrize("content_type", ["text/csv", "application/json"])
def test_held_out_rows_are_predicted_bit_for_bit_as_by_the_booster(
    handlers: ModuleType, trained: Path, expected: np.ndarray, content_type: str
) -> None:
    """The whole way there and back through text, on real data."""
    model = handlers.model_fn(str(trained))
    body = (trained / "heldout.csv").read_text()
    if content_type == "application/json":
        body = json.dumps([[float(x) for x in line.split(",")] for line in body.splitlines()])
    answer = handlers.predict_fn(handlers.input_fn(body, content_type), model)

    as_csv = handlers.output_fn(answer, "text/csv").get_data(as_text=True)
    as_json = handlers.output_fn(answer, "application/json").get_data(as_text=True)
    assert np.array_equal(np.array(_numbers(as_csv)), expected)
    assert np.array_equal(np.array(json.loads(as_json), dtype=np.float32), expected)


@pytest.mark.parametrize(
    "body",
    [
        _CSV,
        _CSV.removesuffix("\n"),
        _CSV.replace("\n", "\r\n"),
        _CSV.replace("\n", "\r\n").removesuffix("\r\n"),
        _CSV.encode(),
        bytearray(_CSV, "utf-8"),
        "\ufeff" + _CSV,
        b"\xef\xbb\xbf" + _CSV.encode(),
        "0.25, -1.5 ,3.0\n 1.0, ,-2.0\n",
        "0.25,-1.5,3\n1,NaN,-2\n",
        "2.5e-1,-15E-1,+3.\n1,nan,-2\n",
        '"0.25","-1.5","3.0"\n1.0,"",-2.0\n',
        '"0.25", "-1.5",3.0\r\n1.0,,-2.0',
    ],
)
def test_csv_is_read_in_all_its_spellings(
    ask: Callable[..., SimpleNamespace], small_model: Path, body: str | bytes
) -> None:
    """Line ends, spaces, quotes, byte order mark; empty and NaN are missing."""
    answer = ask(body)

    assert answer.status == 200
    assert _numbers(answer.text) == _predict(small_model, _ROWS)


@pytest.mark.parametrize(
    "body",
    [
        "[[0.25, -1.5, 3.0], [1.0, null, -2.0]]",
        "[[0.25, -1.5, 3], [1, NaN, -2]]",
        b"[[0.25, -1.5, 3.0], [1.0, null, -2.0]]",
        '{"instances": [[0.25, -1.5, 3.0], [1.0, null, -2.0]]}',
        '{"instances": [{"features": [0.25, -1.5, 3.0]}, {"features": [1.0, null, -2.0]}]}',
        " \n[[0.25, -1.5, 3.0],\n [1.0, null, -2.0]]\n",
    ],
)
def test_json_is_read_in_all_its_shapes(
    ask: Callable[..., SimpleNamespace], small_model: Path, body: str | bytes
) -> None:
    """Arrays of rows, bare or under the names that SageMaker's algorithms use."""
    answer = ask(body, "application/json")

    assert answer.status == 200
    assert _numbers(answer.text) == _predict(small_model, _ROWS)


def test_a_single_json_array_of_numbers_is_one_row(
    ask: Callable[..., SimpleNamespace], small_model: Path
) -> None:
    """What a client sends that has one record."""
    answer = ask("[0.25, -1.5, 3.0]", "application/json")

    assert _numbers(answer.text) == _predict(small_model, _ROWS[:1])


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/csv", _CSV),
        ("text/csv; charset=utf-8", _CSV.encode()),
        ("TEXT/CSV", _CSV.encode()),
        ('Text/Csv ;charset="UTF-8"; label_size=0', _CSV.encode()),
        ("application/json", json.dumps([[0.25, -1.5, 3.0], [1.0, None, -2.0]])),
        ("Application/JSON; charset=UTF-8", b"[[0.25, -1.5, 3.0], [1.0, null, -2.0]]"),
        (None, "[[0.25, -1.5, 3.0], [1.0, null, -2.0]]"),
        ("", "[[0.25, -1.5, 3.0], [1.0, null, -2.0]]"),
    ],
)
def test_content_types_are_read_whatever_their_case_and_parameters(
    ask: Callable[..., SimpleNamespace],
    small_model: Path,
    content_type: str | None,
    body: str | bytes,
) -> None:
    """The container hands bytes over for all but the two plain spellings; missing means JSON."""
    answer = ask(body, content_type)

    assert answer.status == 200
    assert _numbers(answer.text) == _predict(small_model, _ROWS)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "text/csvx", "application/x-numpy", "*/*", ";", "text/csv; charset=utf-16"],
)
def test_other_content_types_are_answered_with_415(
    ask: Callable[..., SimpleNamespace], content_type: str
) -> None:
    """The list of what is read comes with it."""
    answer = ask(b"1,2,3", content_type)

    assert answer.status == 415
    assert answer.type == "application/json"
    reason = json.loads(answer.text)["error"]
    assert "text/csv, application/json" in reason or "utf-8" in reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "the body is empty"),
        (b"", "the body is empty"),
        ("\n", "the body is empty"),
        (" \r\n ", "the body is empty"),
        ("1,2", "each row has 2 columns: the model takes 3"),
        ("1,2,3,4\n", "each row has 4 columns: the model takes 3"),
        ("1,2,3,\n", "row 1, 4 columns: the model takes 3"),
        ("1,2,3\n1,2\n", "row 2, 2 columns: the model takes 3"),
        ("1,2,3\n\n1,2,3\n", "row 2, 1 columns: the model takes 3"),
        ("1,2,3\n\n", "row 2, 1 columns"),
        ("1,b,3\n", "row 1, column 2: expected a number"),
        ("1,2,3\n1,2,x\n", "row 2, column 3: expected a number, NaN or an empty field, found text"),
        ("radius,texture,area\n1,2,3\n", "a header row is not read, leave it out"),
        ("1;2;3\n", "row 1, column 1"),
        ("1_0,2,3\n", "row 1, column 1"),
        ("\u0661,2,3\n", "row 1, column 1"),
        ("0x10,2,3\n", "row 1, column 1"),
        ("NA,2,3\n", "row 1, column 1"),
        ("null,2,3\n", "row 1, column 1"),
        ("inf,2,3\n", "row 1, column 1: the number is not a finite 32-bit float"),
        ("1,2,-Infinity\n", "row 1, column 3: the number is not a finite 32-bit float"),
        ("1,2,3\n1,1e39,3\n", "row 2, column 2: the number is not a finite 32-bit float"),
        ('"1,2,3\n', "quoted field"),
        ('"1"2,2,3\n', "quoted field"),
        (b"1,2,\xff\n", "not valid UTF-8"),
        ("1,2,\ufffd\n", "not valid UTF-8"),
        ("1,2,3\n".encode("utf-16"), "not valid UTF-8"),
        ("1,2,\x00\n", "row 1, column 3"),
    ],
)
def test_bad_csv_is_answered_with_400_and_the_place(
    ask: Callable[..., SimpleNamespace], body: str | bytes, reason: str
) -> None:
    """The caller's fault, with what to change; the container would make a 500 of an exception."""
    answer = ask(body)

    assert answer.status == 400
    assert reason in json.loads(answer.text)["error"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "the body is empty"),
        ("[\n[1,", "not valid JSON (line 2)"),
        ("{", "not valid JSON"),
        ("[[1, 2, 3],]", "not valid JSON"),
        ("1,2,3", "not valid JSON"),
        ("3", "expected a JSON array"),
        ('"text"', "expected a JSON array"),
        ("null", "expected a JSON array"),
        ("[]", "expected a JSON array with at least one record"),
        ("[[]]", "row 1, no numbers"),
        ("{}", "row 1, by name: the model knows no names of its features"),
        ('{"instances": []}', "at least one record"),
        ('{"instances": 3}', "expected a JSON array"),
        ("[[1, 2]]", "row 1, 2 columns: the model takes 3"),
        ("[1, 2]", "row 1, 2 columns: the model takes 3"),
        ("[[1, 2, 3], [1, 2]]", "row 2, 2 columns: the model takes 3"),
        ("[[1, 2, 3], 4]", "row 2, no record: expected an array of numbers"),
        ('[[1, 2, "3"]]', "row 1, column 3: expected a number or null"),
        ("[[1, true, 3]]", "row 1, column 2: expected a number or null"),
        ("[[1, [2], 3]]", "row 1, column 2: expected a number or null"),
        ('{"instances": [{"a": 1}]}', "row 1, by name: the model knows no names"),
        ("[[1, 2, Infinity]]", "not a finite 32-bit float"),
        ("[[1, 2, 1e999]]", "not a finite 32-bit float"),
        ("[[1, 2, " + "9" * 5000 + "]]", "not a finite 32-bit float"),
        ("[" * 100_000, "nested too deeply"),
        (b"[[1, 2, \xff]]", "not valid UTF-8"),
        ('[["\ufffd", 2, 3]]', "not valid UTF-8"),
    ],
)
def test_bad_json_is_answered_with_400_and_the_place(
    ask: Callable[..., SimpleNamespace], body: str | bytes, reason: str
) -> None:
    """In the words of JSON."""
    answer = ask(body, "application/json")

    assert answer.status == 400
    assert reason in json.loads(answer.text)["error"]


def test_a_refusal_quotes_nothing_of_the_request(
    ask: Callable[..., SimpleNamespace], capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither in the answer nor in the log, where personal data do not belong."""
    answer = ask("1,secret,3\n")

    assert answer.status == 400
    assert "secret" not in answer.text + capsys.readouterr().out


def test_one_column_may_be_missing_in_every_row(handlers: ModuleType, tmp_path: Path) -> None:
    """With one column, an empty line is a row whose value is missing."""
    data = xgb.DMatrix(np.arange(50.0).reshape(-1, 1), np.arange(50) > 25, nthread=1)
    booster = xgb.train({"objective": "binary:logistic"}, data, 2)
    (tmp_path / "xgboost-model").write_bytes(booster.save_raw())
    model = handlers.model_fn(str(tmp_path))

    for body in ("1\n\n40\n", '"1"\n\n"40"\n'):
        answer = handlers.predict_fn(handlers.input_fn(body, "text/csv"), model)
        text = handlers.output_fn(answer, "text/csv").get_data(as_text=True)
        assert _numbers(text) == _predict(tmp_path, [[1.0], [NAN], [40.0]])
