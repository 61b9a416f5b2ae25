"""What a handler answers: types, classes, versions, and servers other than the image's."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import xgboost as xgb

_SERVING = Path(__file__).parents[2] / "model_code" / "serving"
_ROW = "0.25,-1.5,3.0\n"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("text/csv", "text/csv"),
        ("TEXT/CSV; charset=utf-8", "text/csv"),
        ("application/json", "application/json"),
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("text/*", "text/csv"),
        ("text/html, text/csv", "text/csv"),
        ("text/csv, application/json", "text/csv"),
        ("application/json, text/csv", "application/json"),
        ("application/json;q=0.5, text/csv;q=0.9", "text/csv"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("text/csv, */*", "text/csv"),
        ("*/*, text/csv", "text/csv"),
        ("*/*;q=0.1, text/csv;q=0.05", "application/json"),
        ("application/json;q=0, */*", "text/csv"),
        ("text/csv ; q=1.0 , text/plain", "text/csv"),
    ],
)
def test_the_accepted_type_is_answered(
    ask: Callable[..., SimpleNamespace], accept: str | None, media_type: str
) -> None:
    """Lists, ranges and q-values by RFC 9110; without a wish the image's default."""
    answer = ask(_ROW, accept=accept)

    assert answer.status == 200
    assert answer.type == media_type
    if media_type == "text/csv":
        assert answer.text.endswith("\n")
        assert len(answer.text.splitlines()) == 1
    else:
        assert len(json.loads(answer.text)) == 1


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "image/*",
        "text/csv;q=0",
        "*/*;q=0",
        "text/csv;q=nan",
        "text/csv;q=x",
        ",",
        "text",
    ],
)
def test_what_cannot_be_written_is_answered_with_406(
    ask: Callable[..., SimpleNamespace], accept: str
) -> None:
    """The list of what can be comes with it."""
    answer = ask(_ROW, accept=accept)

    assert answer.status == 406
    assert "application/json, text/csv" in json.loads(answer.text)["error"]


def test_every_line_of_csv_ends_so_that_answers_can_be_joined(
    ask: Callable[..., SimpleNamespace],
) -> None:
    """Batch transform puts mini-batches together as they are."""
    parts = ask(_ROW).text + ask(_ROW * 2).text

    assert parts == ask(_ROW * 3).text


def test_numbers_have_as_many_digits_as_they_need_and_the_same_in_both_types(
    ask: Callable[..., SimpleNamespace],
) -> None:
    """The shortest text that is read back as the same 32-bit float."""
    line = ask(_ROW).text.strip()

    assert line == str(np.float32(line))
    assert ask(_ROW, accept="application/json").text == f"[{line}]"


# --- business logic ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "classes"),
    [
        ({"INFERENCE_OUTPUT": "class"}, "by 0.5"),
        ({"INFERENCE_OUTPUT": "class", "INFERENCE_THRESHOLD": "0.9"}, "by 0.9"),
        ({"INFERENCE_OUTPUT": "class", "INFERENCE_THRESHOLD": "0"}, "by 0"),
        ({"INFERENCE_OUTPUT": "class", "INFERENCE_THRESHOLD": "1"}, "by 1"),
        ({"INFERENCE_OUTPUT": "probability", "INFERENCE_THRESHOLD": "0.9"}, None),
        ({}, None),
    ],
)
def test_the_environment_decides_between_probabilities_and_classes(
    *,
    handlers: ModuleType,
    trained: Path,
    expected: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    classes: str | None,
) -> None:
    """Probabilities unless told; a class is 1 above the threshold."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    model = handlers.model_fn(str(trained))
    rows = handlers.input_fn((trained / "heldout.csv").read_text(), "text/csv")
    text = handlers.output_fn(handlers.predict_fn(rows, model), "text/csv").get_data(as_text=True)

    if classes is None:
        assert np.array_equal(np.array(text.split(), dtype=np.float32), expected)
    else:
        threshold = np.float32(classes.removeprefix("by "))
        assert text.split() == ["1" if score > threshold else "0" for score in expected]


def test_a_score_at_the_threshold_belongs_to_class_0(
    handlers: ModuleType,
    small_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[..., SimpleNamespace],
) -> None:
    """Above means above, and a threshold is compared as the 32-bit float that a score is."""
    score = ask(_ROW).text.strip()
    monkeypatch.setenv("INFERENCE_OUTPUT", "class")
    for threshold, wanted in ((score, 0), (str(np.nextafter(np.float32(score), 0)), 1)):
        monkeypatch.setenv("INFERENCE_THRESHOLD", threshold)
        model = handlers.model_fn(str(small_model))
        answer = handlers.predict_fn(handlers.input_fn(_ROW, "text/csv"), model)
        assert answer.content.tolist() == [wanted]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INFERENCE_BAD_RECORDS", "skip"),
        ("INFERENCE_LABELS", "benign"),
        ("INFERENCE_LABELS", "benign,benign"),
        ("INFERENCE_LABELS", "fine,error"),
        ("INFERENCE_LABELS", "fine,two\nlines"),
        ("INFERENCE_OUTPUT", "classes"),
        ("INFERENCE_OUTPUT", ""),
        ("INFERENCE_THRESHOLD", "half"),
        ("INFERENCE_THRESHOLD", "1.01"),
        ("INFERENCE_THRESHOLD", "-0.1"),
        ("INFERENCE_THRESHOLD", "nan"),
        ("INFERENCE_MODEL_VERSION", "two\nlines"),
        ("INFERENCE_MODEL_VERSION", "v" * 257),
    ],
)
def test_a_worker_with_a_senseless_environment_does_not_start(
    handlers: ModuleType, small_model: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Better no endpoint than one that decides by another rule than the one asked for."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"{name} must be"):
        handlers.model_fn(str(small_model))


def _multiclass(directory: Path) -> xgb.Booster:
    rows = np.random.default_rng(3).normal(size=(200, 3))
    data = xgb.DMatrix(rows, rows.argmax(axis=1), nthread=1, feature_names=["a", "b", "c"])
    booster = xgb.train({"objective": "multi:softprob", "num_class": 3, "nthread": 1}, data, 4)
    (directory / "xgboost-model").write_bytes(booster.save_raw(raw_format="json"))
    return booster


def test_several_scores_per_row_are_a_line_or_an_array_each(
    handlers: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A multiclass model saved as JSON, with feature names, which rows of CSV do not have."""
    booster = _multiclass(tmp_path)
    rows = np.array([[0.25, -1.5, 3.0], [1.0, 0.0, -2.0]])
    scores = booster.predict(xgb.DMatrix(rows, feature_names=["a", "b", "c"], nthread=1))

    def ask(accept: str) -> str:
        data = handlers.input_fn("0.25,-1.5,3.0\n1,0,-2\n", "text/csv")
        answer = handlers.predict_fn(data, handlers.model_fn(str(tmp_path)))
        text: str = handlers.output_fn(answer, accept).get_data(as_text=True)
        return text

    lines = [[np.float32(x) for x in line.split(",")] for line in ask("text/csv").splitlines()]
    assert np.array_equal(lines, scores)
    assert np.array_equal(np.array(json.loads(ask("application/json")), np.float32), scores)
    monkeypatch.setenv("INFERENCE_OUTPUT", "class")
    assert json.loads(ask("application/json")) == scores.argmax(axis=1).tolist()


@pytest.mark.parametrize("booster_type", ["gblinear", "dart"])
def test_other_boosters_than_trees_are_served(
    handlers: ModuleType, tmp_path: Path, booster_type: str
) -> None:
    """Whatever XGBoost loads."""
    rows = np.random.default_rng(3).normal(size=(60, 2))
    booster = xgb.train(
        {"booster": booster_type, "objective": "reg:squarederror", "nthread": 1},
        xgb.DMatrix(rows, rows.sum(axis=1)),
        3,
    )
    (tmp_path / "xgboost-model").write_bytes(booster.save_raw())
    data = handlers.input_fn("[[0.5, 0.25]]", "application/json")
    answer = handlers.predict_fn(data, handlers.model_fn(str(tmp_path)))

    [expected] = booster.predict(xgb.DMatrix(np.array([[0.5, 0.25]])))
    assert answer.content.tolist() == [expected]


# --- version, log, threads -----------------------------------------------------------------------


def test_the_version_stands_in_the_response_and_in_each_log_line(
    handlers: ModuleType,
    small_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of answers and refusals alike; the header is the one that InvokeEndpoint passes on."""
    monkeypatch.setenv("INFERENCE_MODEL_VERSION", "churn/7")
    model = handlers.model_fn(str(small_model))
    for body, status in ((_ROW, 200), ("1,2\n", 400)):
        response = handlers.output_fn(
            handlers.predict_fn(handlers.input_fn(body, "text/csv"), model), "text/csv"
        )
        assert response.status_code == status
        assert response.headers["X-Amzn-SageMaker-Custom-Attributes"] == "model-version=churn/7"

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["message"] for line in lines] == [
        "no accelerator",
        "model loaded",
        "request refused",
    ]
    assert {line["model_version"] for line in lines} == {"churn/7"}
    assert lines[2]["status"] == 400


def test_without_a_version_the_content_of_the_model_is_its_version(
    handlers: ModuleType, small_model: Path
) -> None:
    """As sha256sum prints it."""
    done = subprocess.run(
        ["sha256sum", small_model / "xgboost-model"], capture_output=True, text=True, check=True
    )
    assert handlers.model_fn(str(small_model)).version == done.stdout[:12]


@pytest.mark.parametrize(("level", "shown"), [("20", 2), ("30", 0)])
def test_the_level_of_the_log_is_the_container_s(small_model: Path, level: str, shown: int) -> None:
    """SAGEMAKER_CONTAINER_LOG_LEVEL is a number there."""
    done = subprocess.run(
        [sys.executable, "-c", f"import inference; inference.model_fn({str(small_model)!r})"],
        env={"PYTHONPATH": str(_SERVING), "SAGEMAKER_CONTAINER_LOG_LEVEL": level},
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(done.stdout.splitlines()) == shown
    assert done.stderr == "", "loading warns of nothing"


def test_a_prediction_uses_as_many_threads_as_the_container_says(
    handlers: ModuleType, small_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One worker per vCPU, one thread each, unless somebody decides otherwise."""
    assert handlers.model_fn(str(small_model)).threads == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    model = handlers.model_fn(str(small_model))
    assert model.threads == 3


def test_a_missing_model_stops_the_worker(handlers: ModuleType, tmp_path: Path) -> None:
    """With the name that the file must have."""
    with pytest.raises(FileNotFoundError, match="there is no xgboost-model in"):
        handlers.model_fn(str(tmp_path))


# --- other servers -------------------------------------------------------------------------------

_WITHOUT_WERKZEUG = """
import importlib.util, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name in HIDDEN else find(name, *a)
for name in HIDDEN: sys.modules[name] = None
import inference
model = inference.model_fn(sys.argv[1])
def ask(body, accept):
    rows = inference.input_fn(body, "text/csv")
    return inference.output_fn(inference.predict_fn(rows, model), accept)
"""


def _run(script: str, model: Path, hidden: tuple[str, ...], path: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-c", f"HIDDEN = {hidden!r}{_WITHOUT_WERKZEUG}{script}", model],
        env={"PYTHONPATH": f"{_SERVING}:{path}", "SAGEMAKER_CONTAINER_LOG_LEVEL": "50"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_werkzeug_the_body_and_its_type_are_returned(small_model: Path) -> None:
    """The form that every SageMaker server takes; an error is raised on a laptop."""
    script = """
body, media_type = ask("1,2,3", "text/csv")
print(media_type, body.count("\\n"))
try: ask("1,2", "text/csv")
except Exception as error: print(type(error).__name__, error.status)
"""
    out = _run(script, small_model, ("werkzeug", "flask"))

    assert out.split("\n")[:2] == ["text/csv 1", "RequestError 400"]


def test_on_the_inference_toolkit_a_refusal_is_the_toolkit_s_own_error(
    small_model: Path, tmp_path: Path
) -> None:
    """The PyTorch image: its server makes a status of this error only."""
    toolkit = tmp_path / "sagemaker_inference"
    toolkit.mkdir()
    (toolkit / "__init__.py").write_text("")
    # The constructor of sagemaker-inference 1.10.
    (toolkit / "errors.py").write_text(
        "class BaseInferenceToolkitError(Exception):\n"
        "    def __init__(self, status_code, message, phrase):\n"
        "        self.status_code, self.message, self.phrase = status_code, message, phrase\n"
    )
    (tmp_path / "sagemaker_pytorch_serving_container.py").write_text("")
    script = """
print(type(ask("1,2,3", "text/csv")).__name__)
try: ask("1,2,3", "image/png")
except Exception as error: print(type(error).__name__, error.status_code, error.message)
"""
    out = _run(script, small_model, (), str(tmp_path)).splitlines()

    assert out[0] == "tuple"
    assert out[1].startswith('BaseInferenceToolkitError 406 {"error": "no acceptable type')
