"""Several boosters that answer as one: `ensemble.json` beside them says how.

    {"method": "weighted-mean",
     "models": [{"file": "xgboost-model", "weight": 2}, {"file": "second.ubj", "weight": 1}]}

`mean` is the mean of the scores, `weighted-mean` that with the weights. `majority-vote` lets each
model name a class (above 0.5, or the highest score), and the scores are the shares of the votes,
weighted if there are weights; so a tie of two classes is 0.5 each, which is not above 0.5.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from inference_engine import Engine
from inference_predictor import Scores
from inference_table import Columns, Rows

MODEL_NAME = "xgboost-model"
ENSEMBLE_NAME = "ensemble.json"
METHODS = ("mean", "weighted-mean", "majority-vote")


@dataclass(frozen=True, kw_only=True)
class Member:
    """A model of an ensemble.

    Attributes:
        file: Its name in the artifact.
        weight: What its scores or its vote count.
    """

    file: str
    weight: float


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """What `ensemble.json` says.

    Attributes:
        method: One of `METHODS`.
        members: At least two.
    """

    method: str
    members: tuple[Member, ...]


def read_ensemble(model_dir: Path) -> Ensemble | None:
    """Read `ensemble.json`.

    Args:
        model_dir: Where the artifact was unpacked.

    Returns:
        The ensemble, or None if there is one model only.

    Raises:
        ValueError: The file does not say what it has to.
    """
    path = model_dir / ENSEMBLE_NAME
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_bytes())
    except ValueError:
        raise ValueError(f"{ENSEMBLE_NAME} is not valid JSON") from None
    if not isinstance(document, dict) or set(document) != {"method", "models"}:
        raise ValueError(f"{ENSEMBLE_NAME} must be an object of `method` and `models`")
    method, models = document["method"], document["models"]
    if method not in METHODS:
        raise ValueError(f"{ENSEMBLE_NAME}: method must be one of {', '.join(METHODS)}")
    if not isinstance(models, list) or len(models) < 2:
        raise ValueError(f"{ENSEMBLE_NAME}: models must be a list of two or more")
    for number, model in enumerate(models, 1):
        fault = _fault(model_dir, model, method)
        if fault is not None:
            raise ValueError(f"{ENSEMBLE_NAME}: model {number} {fault}")
    members = tuple(
        Member(file=model["file"], weight=float(model.get("weight") or 1)) for model in models
    )
    files = {member.file for member in members}
    if len(files) != len(members):
        raise ValueError(f"{ENSEMBLE_NAME}: each file may be there once")
    if MODEL_NAME not in files:
        raise ValueError(f"{ENSEMBLE_NAME}: one of the models must be {MODEL_NAME}")
    return Ensemble(method=method, members=members)


def _fault(directory: Path, model: object, method: str) -> str | None:
    if not isinstance(model, dict) or not {"file"} <= set(model) <= {"file", "weight"}:
        return "must be an object of `file` and `weight`"
    file, weight = model["file"], model.get("weight")
    if not isinstance(file, str) or not file or Path(file).name != file:
        return f"must be the name of a file beside {ENSEMBLE_NAME}"
    if not (directory / file).is_file():
        return f"is not there: {file} must lie beside {ENSEMBLE_NAME}"
    return _weight_fault(weight, method)


def _weight_fault(weight: object, method: str) -> str | None:
    if method == "mean" and weight is not None:
        return "has a weight: take the method weighted-mean, or no weights"
    if method == "weighted-mean" and weight is None:
        return "has no weight: weighted-mean needs one for each model"
    if weight is None:
        return None
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        return "must have a number as weight"
    return None if 0 < weight < math.inf else "must have a weight above 0"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a model is, as far as its callers and its neighbours in an ensemble are concerned.

    Attributes:
        columns: What it takes.
        objective: What it was trained for, in XGBoost's words.
        classes: How many classes it tells apart, 0 if it does not.
    """

    columns: Columns
    objective: str
    classes: int


def joint_kind(kinds: Sequence[Kind], method: str) -> Kind:
    """Tell what models are together.

    Args:
        kinds: Of the models.
        method: How they are put together.

    Returns:
        What the ensemble is.

    Raises:
        ValueError: They differ too much, or have nothing to average or to vote on.
    """
    first = kinds[0]
    if any((kind.columns, kind.classes) != (first.columns, first.classes) for kind in kinds):
        raise ValueError(
            f"{ENSEMBLE_NAME}: the models must have the same features and the same classes"
        )
    if method == "majority-vote":
        if not first.classes:
            raise ValueError(
                f"{ENSEMBLE_NAME}: models of {first.objective} have no votes: take mean"
            )
        multi = first.objective.startswith("multi:")
        return replace(first, objective="multi:softprob" if multi else "binary:logistic")
    if any(kind.objective == "multi:softmax" for kind in kinds):
        raise ValueError(
            f"{ENSEMBLE_NAME}: models of multi:softmax give no scores to average: take "
            "majority-vote"
        )
    return first


class EnsembleEngine:
    """Asks several engines; what it reads and writes is left to the first.

    Args:
        engines: One per model.
        ensemble: How to put their scores together.
        classes: How many classes they tell apart, 0 for none.
    """

    def __init__(self, engines: Sequence[Engine], ensemble: Ensemble, classes: int) -> None:
        self._engines = engines
        self._vote = ensemble.method == "majority-vote"
        self._classes = classes
        weights = np.array([member.weight for member in ensemble.members])
        self._shares = weights / weights.sum()
        self.parse = engines[0].parse
        self.format_csv = engines[0].format_csv
        self.format_json = engines[0].format_json

    def predict(self, rows: Rows) -> Scores:
        """Give the mean of the scores, or the shares of the votes, computed as doubles."""
        total: npt.NDArray[np.float64] | None = None
        for engine, share in zip(self._engines, self._shares, strict=True):
            scores = engine.predict(rows)
            part = share * (self._votes(scores) if self._vote else scores.astype(np.float64))
            total = part if total is None else total + part
        assert total is not None
        return total.astype(np.float32)

    def _votes(self, scores: Scores) -> npt.NDArray[np.float64]:
        if scores.ndim == 1 and self._classes == 2:
            return (scores > 0.5).astype(np.float64)
        voted = scores.argmax(axis=1) if scores.ndim > 1 else scores.astype(np.int64)
        votes: npt.NDArray[np.float64] = np.eye(self._classes)[voted]
        return votes
