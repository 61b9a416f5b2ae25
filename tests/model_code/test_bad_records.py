"""Records that cannot be read: one of them fails the request, or is marked where it stands."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import xgboost as xgb

_GOOD = [[0.25, -1.5, 3.0], [1.0, 0.5, -2.0]]
_CSV = ["0.25,-1.5,3.0", "a,b,c", "1.0,0.5,-2.0", "1,2", "", '1,"2,3', "1,2,1e39", "1,2,\ufffd"]
_BAD = [1, 3, 4, 5, 6, 7]
_JSONL = [
    "[0.25,-1.5,3.0]",
    '["a",2,3]',
    '{"features": [1.0,0.5,-2.0]}',
    "[1,2]",
    "",
    "[1,2,3",
    "[1,2,1e39]",
    "[1,2,3],[4,5,6]",
]


Ask = Callable[..., SimpleNamespace]


@pytest.fixture
def marked(handlers: ModuleType, small_model: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Sends a body to a handler that marks."""
    monkeypatch.setenv("INFERENCE_BAD_RECORDS", "mark")
    model = handlers.model_fn(str(small_model))

    def ask(body: str | bytes, content_type: str, accept: str) -> SimpleNamespace:
        data = handlers.input_fn(body, content_type)
        response = handlers.output_fn(handlers.predict_fn(data, model), accept)
        return SimpleNamespace(
            status=response.status_code, text=response.get_data(as_text=True), data=data
        )

    return ask


@pytest.fixture
def answers(small_model: Path) -> list[str]:
    """The answers to the good rows, by XGBoost alone."""
    booster = xgb.Booster(model_file=bytearray((small_model / "xgboost-model").read_bytes()))
    return [str(score) for score in booster.predict(xgb.DMatrix(np.array(_GOOD), nthread=1))]


@pytest.mark.parametrize(
    ("content_type", "lines"), [("text/csv", _CSV), ("application/jsonlines", _JSONL)]
)
def test_each_bad_record_of_csv_output_is_the_line_error(
    marked: Ask, answers: list[str], content_type: str, lines: list[str]
) -> None:
    """A line per record, in order: batch transform joins them by their position."""
    answer = marked("\n".join(lines) + "\n", content_type, "text/csv")

    expected = ["error"] * len(lines)
    expected[0], expected[2] = answers
    assert answer.status == 200
    assert answer.text == "".join(f"{line}\n" for line in expected)


@pytest.mark.parametrize("accept", ["application/jsonlines", "application/json"])
@pytest.mark.parametrize(
    ("content_type", "lines"), [("text/csv", _CSV), ("application/jsonlines", _JSONL)]
)
def test_each_bad_record_of_json_output_is_an_object_with_the_reason(
    marked: Ask, answers: list[str], content_type: str, lines: list[str], accept: str
) -> None:
    """Which no answer ever is; the reason does not say in which row."""
    text = marked("\n".join(lines), content_type, accept).text

    elements = json.loads(text) if accept.endswith("json") else text.splitlines()
    documents = elements if accept.endswith("json") else [json.loads(line) for line in elements]
    assert [documents[0], documents[2]] == [json.loads(answer) for answer in answers]
    for index in _BAD:
        assert set(documents[index]) == {"error"}
        assert "row" not in documents[index]["error"].replace("a header row", "")


def test_a_request_of_nothing_but_bad_records_has_nothing_but_marks(marked: Ask) -> None:
    """It is for the caller to decide that the file was the wrong one."""
    assert marked("a,b\nc,d\n", "text/csv", "text/csv").text == "error\nerror\n"
    assert marked("a\n", "text/csv", "application/json").text.count('{"error": ') == 1


def test_marks_do_not_depend_on_where_a_batch_is_cut(marked: Ask) -> None:
    """Line by line gives the same bytes as all lines at once, in each pair of types."""
    for content_type, lines in (("text/csv", _CSV), ("application/jsonlines", _JSONL)):
        for accept in ("text/csv", "application/jsonlines"):
            whole = marked("\n".join(lines) + "\n", content_type, accept).text
            parts = [
                marked("\n".join(lines[start:end]) + "\n", content_type, accept).text
                for start, end in ((0, 1), (1, 3), (3, 6), (6, 8))
            ]
            assert "".join(parts) == whole


def test_a_clean_request_takes_the_fast_way_with_marks_as_without(marked: Ask) -> None:
    """A table at once, not record by record."""
    for rows in (1, 2_000):
        answer = marked("0.25,-1.5,3.0\n" * rows, "text/csv", "text/csv")
        assert type(answer.data).__name__ == "Table"
        assert answer.text.count("\n") == rows


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "reason"),
    [
        ("[[1,2,3],[1,2]]", "application/json", "text/csv", "row 2, 2 columns"),
        ("1,2,3\n1,2\n", "text/csv", "application/x-npy", "record 2 cannot be read"),
        ("\n \n", "text/csv", "text/csv", "the body is empty"),
        (b"1 x:3\n", "text/libsvm", "text/csv", "row 1"),
    ],
)
def test_where_there_is_no_place_for_a_mark_the_request_is_a_400(
    marked: Ask, body: str | bytes, content_type: str, accept: str, reason: str
) -> None:
    """One JSON document, one array, or no record at all."""
    answer = marked(body, content_type, accept)

    assert answer.status == 400
    assert reason in json.loads(answer.text)["error"]


def test_without_marks_the_first_bad_record_fails_the_request(ask: Ask) -> None:
    """The default."""
    answer = ask("\n".join(_CSV))

    assert answer.status == 400
    assert "row 2, column 1: expected a number" in json.loads(answer.text)["error"]
