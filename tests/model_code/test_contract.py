"""Objectives, outputs on request, and whose fault a failure is."""

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace

import flask
import numpy as np
import numpy.typing as npt
import pytest
import xgboost as xgb

_SERVING = Path(__file__).parents[2] / "model_code" / "serving"
_HEADER = "X-Amzn-SageMaker-Custom-Attributes"
_ROWS = np.random.default_rng(8).normal(size=(40, 4)).astype(np.float32)
_ROWS[::5, 2] = np.nan
_CSV = "\n".join(",".join("" if np.isnan(x) else str(x) for x in row) for row in _ROWS) + "\n"


def _train(objective: str, directory: Path, **parameters: object) -> xgb.Booster:
    random = np.random.default_rng(4)
    rows = random.normal(size=(400, 4))
    rows[::7, 2] = np.nan
    score = rows[:, 0] + 0.5 * rows[:, 1]
    labels = {
        "binary": score > 0,
        "multi": np.digitize(score, [-0.5, 0.5]),
        "rank": np.digitize(score, [-0.5, 0.5]),
        "count": np.exp(score).round(),
        "survival": np.exp(score),
    }.get(objective.partition(":")[0], 1 / (1 + np.exp(-score)))
    data = xgb.DMatrix(rows, labels, nthread=1)
    if objective.startswith("rank"):
        data.set_group([20] * 20)
    if objective.startswith("multi"):
        parameters["num_class"] = 3
    booster = xgb.train({"objective": objective, "nthread": 1, **parameters}, data, 8)
    (directory / "xgboost-model").write_bytes(booster.save_raw())
    return booster


def _direct(booster: xgb.Booster, **options: bool) -> npt.NDArray[np.float32]:
    scores: npt.NDArray[np.float32] = booster.predict(xgb.DMatrix(_ROWS, nthread=1), **options)
    return scores


@pytest.mark.parametrize(
    ("objective", "parameters"),
    [
        ("binary:logistic", {}),
        ("binary:logitraw", {}),
        ("binary:hinge", {}),
        ("multi:softprob", {}),
        ("multi:softmax", {}),
        ("reg:squarederror", {}),
        ("reg:logistic", {}),
        ("reg:gamma", {}),
        ("reg:quantileerror", {"quantile_alpha": [0.1, 0.5, 0.9]}),
        ("count:poisson", {}),
        ("survival:cox", {}),
        ("rank:ndcg", {}),
        ("rank:pairwise", {}),
        ("binary:logistic", {"booster": "dart", "rate_drop": 0.3}),
        ("binary:logistic", {"booster": "gblinear"}),
        ("binary:logistic", {"num_parallel_tree": 4, "subsample": 0.5}),
        ("reg:squarederror", {"tree_method": "exact", "max_depth": 12}),
    ],
)
def test_scores_are_those_of_the_booster_bit_for_bit(
    handlers: ModuleType, tmp_path: Path, objective: str, parameters: dict[str, object]
) -> None:
    """Whatever it was trained for, in one request and row by row."""
    expected = _direct(_train(objective, tmp_path, **parameters))
    model = handlers.model_fn(str(tmp_path))

    answer = handlers.predict_fn(handlers.input_fn(_CSV, "text/csv"), model)
    assert answer.content.tobytes() == expected.tobytes()
    assert answer.content.shape == expected.shape
    for row, line in zip(expected, _CSV.splitlines(), strict=True):
        alone = handlers.predict_fn(handlers.input_fn(line, "text/csv"), model)
        assert alone.content.tobytes() == row.tobytes()
    text = handlers.output_fn(answer, "text/csv").get_data(as_text=True)
    read = np.array([line.split(",") for line in text.splitlines()], np.float32)
    assert np.array_equal(read.reshape(expected.shape), expected)


def test_categories_and_several_targets_are_served(handlers: ModuleType, tmp_path: Path) -> None:
    """By way of a DMatrix, where the C API does not take them."""
    random = np.random.default_rng(1)
    rows = np.column_stack([random.integers(0, 5, 300), random.normal(size=300)])
    types = ["c", "q"]
    data = xgb.DMatrix(rows, rows[:, 0] % 2, feature_types=types, enable_categorical=True)
    booster = xgb.train({"objective": "binary:logistic", "max_cat_to_onehot": 1}, data, 4)
    targets = np.column_stack([rows[:, 1], -rows[:, 1]])
    several = xgb.train({"objective": "reg:squarederror"}, xgb.DMatrix(rows, targets), 4)
    for trained, options in ((booster, {"feature_types": types}), (several, {})):
        (tmp_path / "xgboost-model").write_bytes(trained.save_raw())
        model = handlers.model_fn(str(tmp_path))
        body = "\n".join(f"{a},{b}" for a, b in rows)
        answer = handlers.predict_fn(handlers.input_fn(body, "text/csv"), model)
        expected = trained.predict(xgb.DMatrix(rows, enable_categorical=True, **options))
        assert answer.content.tobytes() == expected.tobytes()


# --- outputs on request --------------------------------------------------------------------------


@pytest.fixture
def invoke(handlers: ModuleType) -> Callable[..., SimpleNamespace]:
    """Sends a request through the handlers as the container does: within a request of Flask."""
    application = flask.Flask("container")

    def invoke(
        directory: Path, attributes: str | None = None, accept: str = "application/json"
    ) -> SimpleNamespace:
        model = handlers.model_fn(str(directory))
        headers = {} if attributes is None else {_HEADER: attributes}
        with application.test_request_context("/invocations", headers=headers):
            data = handlers.input_fn(_CSV, "text/csv")
            response = handlers.output_fn(handlers.predict_fn(data, model), accept)
        return SimpleNamespace(status=response.status_code, text=response.get_data(as_text=True))

    return invoke


@pytest.mark.parametrize("objective", ["binary:logistic", "multi:softprob", "multi:softmax"])
@pytest.mark.parametrize("attributes", ["output=class", "trace=7; output=class", 'output="class"'])
def test_classes_are_returned_on_request(
    invoke: Callable[..., SimpleNamespace], tmp_path: Path, objective: str, attributes: str
) -> None:
    """To this request alone; other words among the attributes are the caller's own."""
    scores = _direct(_train(objective, tmp_path))
    classes = {
        "binary:logistic": lambda: (scores > 0.5).astype(int),
        "multi:softprob": lambda: scores.argmax(axis=1),
        "multi:softmax": lambda: scores.astype(int),
    }[objective]()

    assert json.loads(invoke(tmp_path, attributes).text) == classes.tolist()
    assert np.array_equal(np.array(json.loads(invoke(tmp_path).text), np.float32), scores)
    assert np.array_equal(
        np.array(json.loads(invoke(tmp_path, "outputs=class").text), np.float32), scores
    )


@pytest.mark.parametrize("objective", ["binary:logistic", "multi:softprob", "reg:squarederror"])
def test_contributions_are_returned_on_request_and_add_up_to_the_raw_score(
    invoke: Callable[..., SimpleNamespace], tmp_path: Path, objective: str
) -> None:
    """One number per feature and the bias, per class if there are any; a line of CSV has all."""
    booster = _train(objective, tmp_path)
    expected = _direct(booster, pred_contribs=True)

    nested = np.array(json.loads(invoke(tmp_path, "output=contributions").text), np.float32)
    assert np.array_equal(nested, expected)
    assert np.allclose(nested.sum(axis=-1), _direct(booster, output_margin=True), atol=1e-4)
    flat = invoke(tmp_path, "output=contributions", "text/csv").text
    lines = np.array([line.split(",") for line in flat.splitlines()], np.float32)
    assert np.array_equal(lines, expected.reshape(len(expected), -1))


def test_requests_for_what_a_model_has_not_are_answered_with_400(
    invoke: Callable[..., SimpleNamespace], tmp_path: Path
) -> None:
    """An unknown word, and classes of a regression."""
    _train("reg:squarederror", tmp_path)
    for attributes, reason in (
        ("output=everything", "expected output=probability|class|contributions"),
        ("output=class", "a model of reg:squarederror tells no classes apart"),
    ):
        answer = invoke(tmp_path, attributes)
        assert answer.status == 400
        assert reason in json.loads(answer.text)["error"]


def test_a_worker_that_shall_give_classes_of_a_regression_does_not_start(
    handlers: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its answers would be nonsense."""
    _train("rank:ndcg", tmp_path)
    monkeypatch.setenv("INFERENCE_OUTPUT", "class")
    with pytest.raises(ValueError, match="must be probability for a model of rank:ndcg"):
        handlers.model_fn(str(tmp_path))


def test_classes_have_names_if_there_are_labels(
    handlers: ModuleType,
    tmp_path: Path,
    invoke: Callable[..., SimpleNamespace],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Quoted as CSV and JSON want them."""
    scores = _direct(_train("binary:logistic", tmp_path))
    monkeypatch.setenv("INFERENCE_OUTPUT", "class")
    monkeypatch.setenv("INFERENCE_LABELS", 'benign, so "malignant"')
    names = np.array(["benign", 'so "malignant"'])[(scores > 0.5).astype(int)].tolist()

    assert json.loads(invoke(tmp_path).text) == names
    quoted = {"benign": "benign", 'so "malignant"': '"so ""malignant"""'}
    assert invoke(tmp_path, None, "text/csv").text.splitlines() == [quoted[n] for n in names]


def test_a_calibration_of_one_s_own_is_applied_to_probabilities_and_classes(
    handlers: ModuleType,
    tmp_path: Path,
    invoke: Callable[..., SimpleNamespace],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The edit that a data scientist makes in `business_logic.py`."""
    import business_logic

    scores = _direct(_train("binary:logistic", tmp_path))
    monkeypatch.setattr(business_logic, "calibrate", lambda given: given * np.float32(0.5))

    halves = np.array(json.loads(invoke(tmp_path).text), np.float32)
    assert np.array_equal(halves, scores * np.float32(0.5))
    assert set(json.loads(invoke(tmp_path, "output=class").text)) == {0}


# --- failures ------------------------------------------------------------------------------------


def test_a_failure_of_the_model_is_a_500_whose_cause_is_in_the_log_only(
    handlers: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Under the id by which the caller knows the request."""
    import business_logic

    def fail(_scores: object) -> None:
        raise ZeroDivisionError("the secret of the model")

    _train("binary:logistic", tmp_path)
    model = handlers.model_fn(str(tmp_path))
    monkeypatch.setattr(business_logic, "calibrate", fail)
    headers = {"X-Amzn-SageMaker-Inference-Id": "order-4711"}
    with flask.Flask("container").test_request_context("/invocations", headers=headers):
        answer = handlers.predict_fn(handlers.input_fn(_CSV, "text/csv"), model)
        response = handlers.output_fn(answer, "text/csv")

    assert response.status_code == 500
    assert response.mimetype == "application/json"
    body = response.get_data(as_text=True)
    assert "order-4711" in json.loads(body)["error"]
    assert "secret" not in body
    assert "Traceback" not in body
    [line] = [json.loads(x) for x in capsys.readouterr().out.splitlines() if "failed" in x]
    assert line["level"] == "ERROR"
    assert line["request_id"] == "order-4711"
    assert "Traceback" in line["trace"]
    assert "ZeroDivisionError: the secret of the model" in line["trace"]


def test_an_answer_that_json_cannot_hold_is_a_500(
    handlers: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NaN is no JSON; CSV has it."""
    import business_logic

    _train("binary:logistic", tmp_path)
    model = handlers.model_fn(str(tmp_path))
    monkeypatch.setattr(business_logic, "calibrate", lambda scores: scores * np.float32(np.nan))
    answer = handlers.predict_fn(handlers.input_fn(_CSV, "text/csv"), model)

    assert handlers.output_fn(answer, "application/json").status_code == 500
    assert handlers.output_fn(answer, "application/jsonlines").status_code == 500
    assert handlers.output_fn(answer, "text/csv").get_data(as_text=True) == "nan\n" * len(_ROWS)


def test_without_a_server_there_are_no_attributes_and_an_id_of_our_own(
    handlers: ModuleType,
) -> None:
    """A test of one's own calls the handlers outside of any request."""
    import inference_request

    assert inference_request.requested_output(("class",), "class") == "class"
    assert inference_request.request_id() != inference_request.request_id()


# --- how it is asked -----------------------------------------------------------------------------


def test_threads_that_ask_at_once_get_their_own_answers(
    handlers: ModuleType, tmp_path: Path
) -> None:
    """None sees the rows or the scores of another."""
    booster = _train("binary:logistic", tmp_path)
    predict = handlers.model_fn(str(tmp_path)).engine.predict
    random = np.random.default_rng(3)
    tables = [random.normal(size=(50 + 40 * n, 4)).astype(np.float32) for n in range(8)]
    expected = [booster.predict(xgb.DMatrix(table, nthread=1)).tobytes() for table in tables]

    def ask(number: int) -> bool:
        return all(predict(tables[number]).tobytes() == expected[number] for _ in range(100))

    with ThreadPoolExecutor(len(tables)) as pool:
        assert all(pool.map(ask, range(len(tables))))


def test_rows_that_are_not_contiguous_are_predicted_as_they_are(
    handlers: ModuleType, tmp_path: Path
) -> None:
    """The C API reads addresses, and would take what lies between the columns."""
    booster = _train("binary:logistic", tmp_path)
    predict = handlers.model_fn(str(tmp_path)).engine.predict
    wide = np.random.default_rng(3).normal(size=(30, 8)).astype(np.float32)
    for rows in (wide[:, ::2], np.asfortranarray(wide[:, :4]), wide[::2, :4].astype(np.float64)):
        expected = booster.predict(xgb.DMatrix(rows.astype(np.float32), nthread=1))
        assert predict(rows).tobytes() == expected.tobytes()


def test_an_image_without_pyarrow_answers_the_same(handlers: ModuleType, tmp_path: Path) -> None:
    """More slowly."""
    _train("multi:softprob", tmp_path)
    script = (
        "import sys\n"
        "if sys.argv[1] == 'without': sys.modules['pyarrow'] = None\n"
        "import inference\n"
        "model = inference.model_fn(sys.argv[2])\n"
        "data = inference.input_fn('0.1,,-2.5e-3,4\\n' * 500, 'text/csv')\n"
        "for accept in ('text/csv', 'application/json', 'application/jsonlines'):\n"
        "    answer = inference.predict_fn(data, model)\n"
        "    print(inference.output_fn(answer, accept).get_data(as_text=True))\n"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", script, way, tmp_path],
            env={"PYTHONPATH": str(_SERVING), "SAGEMAKER_CONTAINER_LOG_LEVEL": "50"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for way in ("with", "without")
    ]
    assert outputs[0] == outputs[1]
    assert outputs[0].count("\n") > 1_000
