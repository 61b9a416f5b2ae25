"""Several boosters answer as one; an ensemble that cannot is refused at start and when packed."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import xgboost as xgb

from model_artifacts import ArtifactError
from model_artifacts.ensemble import ensemble_files

_FILES = ("xgboost-model", "second.ubj", "third.json")
_ROWS = np.random.default_rng(6).normal(size=(50, 3)).astype(np.float32)
_CSV = "\n".join(",".join(map(str, row)) for row in _ROWS) + "\n"
_NAMES = ["a", "b", "c"]


def _save(directory: Path, objective: str, count: int = 3, **other: Any) -> list[xgb.Booster]:
    boosters = []
    for seed, file in enumerate(_FILES[:count]):
        random = np.random.default_rng(seed)
        rows = random.normal(size=(150, 3))
        score = rows.sum(axis=1) + random.normal(size=150)
        parameters: dict[str, Any] = {"objective": objective, "nthread": 1, "max_depth": 3}
        if objective.startswith("multi"):
            parameters["num_class"] = 3
            labels = np.digitize(score, [-1, 1])
        else:
            labels = score > 0
        data = xgb.DMatrix(rows, labels, nthread=1, feature_names=_NAMES)
        booster = xgb.train(parameters | other, data, 4)
        raw = booster.save_raw(raw_format="json" if file.endswith("json") else "ubj")
        (directory / file).write_bytes(raw)
        boosters.append(booster)
    return boosters


def _describe(directory: Path, method: str, weights: list[float] | None = None) -> None:
    models: list[dict[str, object]] = [{"file": file} for file in _FILES]
    for model, weight in zip(models, weights or [], strict=False):
        model["weight"] = weight
    text = json.dumps({"method": method, "models": models})
    (directory / "ensemble.json").write_text(text)


def _scores(boosters: list[xgb.Booster]) -> list[npt.NDArray[np.float64]]:
    data = xgb.DMatrix(_ROWS, nthread=1, feature_names=_NAMES)
    return [booster.predict(data).astype(np.float64) for booster in boosters]


def _answer(handlers: ModuleType, directory: Path) -> npt.NDArray[Any]:
    model = handlers.model_fn(str(directory))
    content: npt.NDArray[Any] = handlers.predict_fn(
        handlers.input_fn(_CSV, "text/csv"), model
    ).content
    return content


@pytest.mark.parametrize("objective", ["binary:logistic", "multi:softprob", "reg:squarederror"])
def test_the_mean_is_that_of_the_scores(
    handlers: ModuleType, tmp_path: Path, objective: str
) -> None:
    """Plain, and weighted as 1 to 2 to 5."""
    first, second, third = _scores(_save(tmp_path, objective))

    _describe(tmp_path, "mean")
    plain = (first + second + third) / 3
    assert np.allclose(_answer(handlers, tmp_path), plain, rtol=1e-6)
    _describe(tmp_path, "weighted-mean", [1, 2, 5])
    weighted = (first + 2 * second + 5 * third) / 8
    assert np.allclose(_answer(handlers, tmp_path), weighted, rtol=1e-6)
    assert not np.allclose(plain, weighted, rtol=1e-3)


def test_the_majority_of_two_classes_decides(
    handlers: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The score is the share of the votes; with weights one model can outvote two."""
    votes = [score > 0.5 for score in _scores(_save(tmp_path, "binary:logistic"))]
    total = np.sum(votes, axis=0)
    assert {1, 2} <= set(total.tolist()), "the models disagree on some rows"

    _describe(tmp_path, "majority-vote")
    assert np.allclose(_answer(handlers, tmp_path), total / 3)
    monkeypatch.setenv("INFERENCE_OUTPUT", "class")
    assert _answer(handlers, tmp_path).tolist() == [int(count >= 2) for count in total]
    _describe(tmp_path, "majority-vote", [3, 1, 1])
    assert _answer(handlers, tmp_path).tolist() == votes[0].astype(int).tolist()


@pytest.mark.parametrize("objective", ["multi:softprob", "multi:softmax"])
def test_the_majority_of_several_classes_decides(
    handlers: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, objective: str
) -> None:
    """A vote each, whether a model gives probabilities or a class."""
    scores = _scores(_save(tmp_path, objective))
    votes = [score.argmax(axis=1) if score.ndim > 1 else score.astype(int) for score in scores]
    shares = np.array([[np.mean([v[i] == c for v in votes]) for c in range(3)] for i in range(50)])

    _describe(tmp_path, "majority-vote")
    assert np.allclose(_answer(handlers, tmp_path), shares)
    monkeypatch.setenv("INFERENCE_OUTPUT", "class")
    assert _answer(handlers, tmp_path).tolist() == shares.argmax(axis=1).tolist()


def test_the_version_of_an_ensemble_is_that_of_all_its_files(
    handlers: ModuleType, tmp_path: Path
) -> None:
    """Another weight is another model."""
    _save(tmp_path, "binary:logistic")
    versions = set()
    for weights in ([1, 2, 3], [1, 2, 4]):
        _describe(tmp_path, "weighted-mean", weights)
        versions.add(handlers.model_fn(str(tmp_path)).version)
    (tmp_path / "third.json").write_bytes((tmp_path / "second.ubj").read_bytes())
    versions.add(handlers.model_fn(str(tmp_path)).version)

    assert len(versions) == 3


def test_an_ensemble_has_no_contributions(
    handlers: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would explain the mean of raw scores, which is not what it answers."""
    _save(tmp_path, "binary:logistic")
    _describe(tmp_path, "mean")
    monkeypatch.setenv("INFERENCE_OUTPUT", "contributions")
    with pytest.raises(ValueError, match="must not be contributions for an ensemble"):
        handlers.model_fn(str(tmp_path))


_MODELS = [{"file": file} for file in _FILES]
_BAD: list[tuple[object, str]] = [
    ("{", "is not valid JSON"),
    ([], "must be an object of `method` and `models`"),
    ({"models": _MODELS}, "must be an object of `method` and `models`"),
    ({"method": "mean", "models": _MODELS, "weights": []}, "must be an object of `method`"),
    ({"method": "median", "models": _MODELS}, "method must be one of mean, weighted-mean"),
    ({"method": "mean", "models": _MODELS[:1]}, "models must be a list of two or more"),
    ({"method": "mean", "models": {"a": 1}}, "models must be a list of two or more"),
    ({"method": "mean", "models": [*_MODELS, "x"]}, "model 4 must be an object of `file`"),
    ({"method": "mean", "models": [*_MODELS, {"name": "x"}]}, "model 4 must be an object of"),
    ({"method": "mean", "models": [*_MODELS, {"file": 3}]}, "model 4 must be the name of a file"),
    ({"method": "mean", "models": [*_MODELS, {"file": "../x"}]}, "model 4 must be the name"),
    ({"method": "mean", "models": [*_MODELS, {"file": "absent"}]}, "model 4 is not there: absent"),
    ({"method": "mean", "models": [*_MODELS, _MODELS[0]]}, "each file may be there once"),
    ({"method": "mean", "models": _MODELS[1:]}, "one of the models must be xgboost-model"),
    ({"method": "mean", "models": [_MODELS[0], {"file": "second.ubj", "weight": 2}]}, "2 has a we"),
    ({"method": "weighted-mean", "models": _MODELS}, "model 1 has no weight"),
    *(
        (
            {"method": "weighted-mean", "models": [{"file": f, "weight": w} for f in _FILES]},
            "model 1 must have a",
        )
        for w in (0, -1, True, "2", float("nan"), float("inf"))
    ),
]


@pytest.mark.parametrize(("document", "reason"), _BAD)
def test_a_bad_description_is_one_clear_error_at_start_and_when_packed(
    handlers: ModuleType, tmp_path: Path, document: object, reason: str
) -> None:
    """In the same words."""
    _save(tmp_path, "binary:logistic")
    text = document if isinstance(document, str) else json.dumps(document)
    (tmp_path / "ensemble.json").write_text(text)

    refusals: list[tuple[type[Exception], Callable[[], object]]] = [
        (ValueError, lambda: handlers.model_fn(str(tmp_path))),
        (ArtifactError, lambda: ensemble_files(tmp_path, image_version="3.2-0")),
    ]
    for error, refused in refusals:
        with pytest.raises(error, match=r"ensemble\.json") as caught:
            refused()
        assert reason in str(caught.value)
        assert "\n" not in str(caught.value)


def test_models_that_do_not_fit_together_stop_the_worker(
    handlers: ModuleType, tmp_path: Path
) -> None:
    """Other classes, nothing to vote on, nothing to average."""
    _save(tmp_path, "multi:softprob")
    _save(tmp_path, "binary:logistic", count=1)
    _describe(tmp_path, "mean")
    with pytest.raises(ValueError, match="must have the same features and the same classes"):
        handlers.model_fn(str(tmp_path))
    _save(tmp_path, "reg:squarederror")
    _describe(tmp_path, "majority-vote")
    with pytest.raises(ValueError, match="models of reg:squarederror have no votes: take mean"):
        handlers.model_fn(str(tmp_path))
    _save(tmp_path, "multi:softmax")
    _describe(tmp_path, "mean")
    with pytest.raises(ValueError, match="give no scores to average: take majority-vote"):
        handlers.model_fn(str(tmp_path))


def test_all_models_of_an_ensemble_are_packed_and_checked(tmp_path: Path) -> None:
    """A second model that the image cannot read stops the packing as the first one does."""
    _save(tmp_path, "binary:logistic")
    assert ensemble_files(tmp_path, image_version="3.2-0") == {}
    _describe(tmp_path, "mean")

    found = ensemble_files(tmp_path, image_version="3.2-0")
    assert found == {
        name: tmp_path / name for name in ("ensemble.json", "second.ubj", "third.json")
    }
    with pytest.raises(ArtifactError, match=r"xgboost-model was saved by XGBoost 3\.2\.0"):
        ensemble_files(tmp_path, image_version="3.0-5")
    (tmp_path / "third.json").write_text("no model")
    with pytest.raises(ArtifactError, match=r"third\.json"):
        ensemble_files(tmp_path, image_version="3.2-0")
