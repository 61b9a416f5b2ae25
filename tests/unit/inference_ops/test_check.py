"""`inference check` on handlers, good and bad."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from inference_ops.check.requests import CheckRequest
from inference_ops.check.verdict import Answer, fault_of

ROOT = Path(__file__).parents[3]
SERVING = ROOT / "model_code" / "serving"
SEED = ROOT / "tests" / "local" / "clients" / "seed"
# Answers right, by XGBoost alone; each test replaces a line of it.
HANDLER = """
import json
import numpy as np
import xgboost
from werkzeug.wrappers import Response

def model_fn(model_dir):
    return xgboost.Booster(model_file=bytearray(open(model_dir + "/xgboost-model", "rb").read()))

def input_fn(body, content_type):
    kind = content_type.partition(";")[0].lower()
    if kind not in ("text/csv", "application/json"):
        return Response("no such type", status=415)
    try:
        text = body if isinstance(body, str) else body.decode()
        if kind == "application/json":
            rows = json.loads(text)
            rows = rows["instances"] if isinstance(rows, dict) else rows
        else:
            rows = [[x or "nan" for x in line.split(",")] for line in text.splitlines()]
        rows = np.array(rows, dtype=np.float32)
        if rows.shape[1] != 3 or np.isinf(rows).any():
            raise ValueError
        return rows
    except (ValueError, KeyError, IndexError, RecursionError):
        return Response("bad body", status=400)

def predict_fn(data, model):
    return data if isinstance(data, Response) else model.predict(xgboost.DMatrix(data))

def output_fn(prediction, accept):
    if isinstance(prediction, Response):
        return prediction
    if "text/csv" in accept:
        return "".join(f"{value}\\n" for value in prediction), "text/csv"
    if accept == "application/json":
        return json.dumps([float(value) for value in prediction]), accept
    return Response("no such answer", status=406)
"""

Check = Callable[..., SimpleNamespace]


@pytest.fixture
def check(
    run: Callable[..., SimpleNamespace], model: bytes, project: Path, tmp_path: Path
) -> Check:
    """Runs `inference check --json` on a model of three columns with a handler's source."""
    directory = tmp_path / "model"
    directory.mkdir()
    (directory / "xgboost-model").write_bytes(model)

    def check(source: str | Path, *arguments: str) -> SimpleNamespace:
        code = project / "code"
        if isinstance(source, Path):
            shutil.copytree(source, code, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            code.mkdir()
            (code / "inference.py").write_text(source)
        done = run("check", str(directory), "--code", str(code), "--json", *arguments)
        found = done.json.get("requests", [])
        done.faults = {each["name"]: each["fault"] for each in found if each["fault"]}
        done.statuses = {each["name"]: each["status"] for each in found}
        return done

    return check


@pytest.mark.parametrize("source", [SERVING, HANDLER], ids=["the project's", "a plain one"])
def test_a_handler_that_keeps_the_contract_passes(check: Check, source: str | Path) -> None:
    """Every answer right, exit code 0; the digest is that of the artifact."""
    done = check(source)
    assert done.faults == {}
    assert done.code == 0
    assert done.json["failed"] == 0
    assert len(done.json["artifact_sha256"]) == 64
    assert {200, 400, 406, 415} == set(done.statuses.values())


def test_the_handler_of_the_course_assignment_fails(check: Check) -> None:
    """It answers classes as HTML, and takes a caller's fault for its own."""
    done = check(SEED)
    assert done.code == 1
    assert done.faults["CSV, one row"] == "the answer is text/html, not text/csv"
    assert done.statuses["a header"] == 500
    assert done.statuses["a column too few"] == 200


@pytest.mark.long
@pytest.mark.parametrize(
    ("line", "instead", "request_", "fault"),
    [
        (
            "model.predict(xgboost.DMatrix(data))",
            "np.nextafter(model.predict(xgboost.DMatrix(data)), np.float32(1))",
            "JSON, 100 rows",
            "100 of 100 rows differ; row 1 is ",
        ),
        (
            "model.predict(xgboost.DMatrix(data))",
            "model.predict(xgboost.DMatrix(np.nan_to_num(data)))",
            "CSV, missing values",
            " rows differ; row ",
        ),
        ('f"{value}\\n" for', 'f"{value:.4f}\\n" for', "CSV, 100 rows", " rows differ; row 1 "),
        (
            '"".join(f"{value}\\n" for value in prediction)',
            '"\\n".join(f"{value}" for value in prediction)',
            "CSV, 100 rows",
            "the last line has no end: batch transform would join it to the next",
        ),
        ("for value in prediction)", "for value in prediction[:1])", "CSV, 100 rows",
         "1 answers for 100 rows"),
        ('return "".join(', 'return "header\\n" + "".join(', "CSV, one row",
         "the answer is not text/csv of numbers"),
        ("status=415", "status=200", "an unknown content type", "expected 415: no such type"),
        ('"bad body", status', '"", status', "prose", "the answer does not say what is wrong"),
        ('"bad body", status', '"Traceback (most recent call last): x", status', "prose",
         "the answer holds a stack trace"),
        ("except (ValueError, ", "except (", "prose", "expected 400: ValueError: "),
    ],
)  # fmt: skip
def test_each_fault_is_found_and_named(
    check: Check, line: str, instead: str, request_: str, fault: str
) -> None:
    """A handler with one line changed fails at the request that shows it."""
    assert line in HANDLER
    done = check(HANDLER.replace(line, instead))
    assert done.code == 1
    assert fault in done.faults[request_]


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({}, None),
        ({"body": b"0.25\n0.50000006\n"},
         "1 of 2 rows differ; row 2 is 0.5000000596046448, and the model predicts 0.5"),
        ({"body": b"0.25\n0.5"}, "the last line has no end"),
        ({"body": b"0.25\n"}, "1 answers for 2 rows"),
        ({"body": b"0.25,1\n0.5,1\n"}, "answers of shape (2, 2), predictions of shape (2,)"),
        ({"body": b"score\n0.25\n"}, "the answer is not text/csv of numbers"),
        ({"content_type": "text/html"}, "the answer is text/html, not text/csv"),
        ({"content_type": None}, "the answer is of no type, not text/csv"),
        ({"status": 500, "error": "ValueError: no"}, "expected 200: ValueError: no"),
        ({"body": b"Traceback (most recent call last):"}, "the answer holds a stack trace"),
    ],
)  # fmt: skip
def test_an_answer_is_right_or_says_how_it_is_wrong(
    changed: dict[str, Any], fault: str | None
) -> None:
    """Two rows of CSV, of which the model predicts 0.25 and 0.5."""
    scores = np.array([0.25, 0.5], dtype=np.float32)
    request = CheckRequest(
        name="two", body=b"", content_type="text/csv", accept="text/csv", scores=scores
    )
    right = Answer(status=200, content_type="text/csv", body=b"0.25\n0.5\n", milliseconds=1)
    found = fault_of(request, replace(right, **changed), compare=True)
    assert found is None if fault is None else fault in (found or "")


def test_answers_of_business_logic_are_counted_and_not_compared(check: Check) -> None:
    """Classes instead of scores pass with --no-compare, and fail without."""
    classes = HANDLER.replace("for value in prediction)", "for value in prediction > 0.5)")
    classes = classes.replace("{value}", "{int(value)}")
    assert check(classes, "--no-compare").code == 0


def test_the_body_of_a_file_has_to_be_answered(check: Check, project: Path) -> None:
    """Its type goes by its name; what is refused is shown with the refusal."""
    (project / "good.csv").write_text("1,2,3\n")
    (project / "bad.json").write_text("{}")
    done = check(HANDLER, "--request", "good.csv", "--request", "bad.json", "--accept", "text/csv")
    assert done.code == 1
    assert done.faults == {"bad.json": "expected 200: bad body"}
    assert done.statuses["good.csv"] == 200


@pytest.mark.long
@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def model_fn(d): ...", "the module has no input_fn, predict_fn, output_fn"),
        (HANDLER.replace("return xgboost", "raise ValueError('no'); return xgboost"),
         "failed: ValueError: no"),
        (HANDLER.replace("rows = json.loads(text)", "import os; os._exit(3)"),
         "the handlers ended the process at the request 'JSON, 100 rows'"),
        ("import nothing_here", "model_fn is missing"),
    ],
)  # fmt: skip
def test_code_that_cannot_be_asked_is_one_line(check: Check, source: str, told: str) -> None:
    """Exit code 1, and where it stopped."""
    done = check(source)
    assert done.code == 1
    assert told in done.json["error"]["message"]
    assert "\n" not in done.json["error"]["message"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "give MODEL_DIR, --endpoint or both"),
        (["nowhere"], 1, "the model file nowhere/xgboost-model does not exist"),
        (["--endpoint", "churn", "--code", "x"], 2, "leave out --code and --library"),
        (["nowhere", "--variant", "a"], 2, "give --endpoint"),
        (["--endpoint", "churn", "--request", "body.bin"], 2, "give --content-type"),
        (["--endpoint", "churn", "--request", "gone.csv", "--region", "us-east-1"], 1, "gone.csv"),
    ],
)
def test_a_wrong_command_line_is_told_in_one_line(
    run: Callable[..., SimpleNamespace],
    project: Path,
    arguments: list[str],
    code: int,
    told: str,
) -> None:
    """2 for usage, 1 for a model or a file that is not there."""
    done = run("check", *arguments)
    assert done.code == code
    assert told in done.err
    assert len([line for line in done.err.splitlines() if not line.startswith("·")]) == 1


def test_the_table_tells_each_request_and_the_sum(
    run: Callable[..., SimpleNamespace], model: bytes, tmp_path: Path
) -> None:
    """For people: a line per request, then how many passed."""
    (tmp_path / "xgboost-model").write_bytes(model)
    done = run("check", str(tmp_path), "--code", str(SERVING))
    assert done.code == 0
    assert "✓   CSV, one row" in done.out
    assert " passed, 0 failed" in done.out


def test_libraries_of_the_image_that_are_missing_are_named(
    run: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The command's own dependencies are not those of a handler."""
    monkeypatch.setattr("inference_ops.check.artifact._NEEDED", ("json", "not_installed"))
    done = run("check", str(tmp_path))
    assert done.code == 1
    assert "the handlers need not_installed here as in the image" in done.err
