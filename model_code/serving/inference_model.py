"""Loads what an artifact holds: one model or an ensemble, with its columns and its rule."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xgboost as xgb

from business_logic import Rule, count_classes
from inference_engine import Engine, PlainEngine, make_engine
from inference_ensemble import (
    ENSEMBLE_NAME,
    MODEL_NAME,
    EnsembleEngine,
    Kind,
    joint_kind,
    read_ensemble,
)
from inference_log import StructuredLog
from inference_predictor import MatrixPredictor
from inference_table import Columns

BAD_RECORDS = ("fail", "mark")


@dataclass(frozen=True, kw_only=True)
class Model:
    """A loaded model.

    Attributes:
        engine: Parses, predicts and formats.
        contributions: Gives SHAP values; None for an ensemble, which has none.
        columns: What a row must have.
        threads: Threads that one prediction may use.
        rule: What its scores mean.
        mark: Whether records that cannot be read are marked.
        version: Its version, for logs and responses.
    """

    engine: Engine
    contributions: MatrixPredictor | None
    columns: Columns
    threads: int
    rule: Rule
    mark: bool
    version: str


def load(model_dir: Path, environment: Mapping[str, str], log: StructuredLog) -> Model:
    """Load the model, or the models of an ensemble.

    Args:
        model_dir: Where the artifact was unpacked.
        environment: Such as `os.environ`.
        log: Gets the version, and says what was loaded.

    Returns:
        The model, ready to predict.

    Raises:
        FileNotFoundError: The artifact holds no model.
        ValueError: An environment variable of ours, or `ensemble.json`, does not say what it may.
    """
    if not (model_dir / MODEL_NAME).is_file():
        raise FileNotFoundError(
            f"there is no {MODEL_NAME} in {model_dir}: was the artifact packed?"
        )
    ensemble = read_ensemble(model_dir)
    files = [MODEL_NAME] if ensemble is None else [member.file for member in ensemble.members]
    contents: list[bytearray] = [bytearray((model_dir / file).read_bytes()) for file in files]
    how = b"" if ensemble is None else (model_dir / ENSEMBLE_NAME).read_bytes()
    version = environment.get("INFERENCE_MODEL_VERSION") or _digest(how, *contents)
    if not (version.isascii() and version.isprintable() and len(version) <= 256):
        raise ValueError("INFERENCE_MODEL_VERSION must be at most 256 printable ASCII characters")
    log.set_version(version)
    threads = int(environment.get("OMP_NUM_THREADS", "1"))
    boosters = [_booster(content, threads) for content in contents]
    kinds = [_kind(booster) for booster in boosters]
    kind = kinds[0] if ensemble is None else joint_kind(kinds, ensemble.method)
    engines = [make_engine(model_dir, booster, threads, log) for booster in boosters]
    engine = engines[0]
    if ensemble is not None:
        engine = EnsembleEngine(engines, ensemble, kind.classes)
    model = Model(
        engine=engine,
        contributions=MatrixPredictor(boosters[0], threads) if ensemble is None else None,
        columns=kind.columns,
        threads=threads,
        rule=Rule.from_environment(environment, objective=kind.objective, classes=kind.classes),
        mark=_marks(environment),
        version=version,
    )
    if model.rule.output == "contributions" and model.contributions is None:
        raise ValueError("INFERENCE_OUTPUT must not be contributions for an ensemble: it has none")
    # XGBoost prepares itself within its first prediction: not within that of a caller.
    engine.predict(np.full((1, kind.columns.count), np.nan, np.float32))
    log.info(
        "model loaded",
        features=kind.columns.count,
        models=len(boosters),
        accelerated=not isinstance(engines[0], PlainEngine),
        threads=threads,
        xgboost=xgb.__version__,
    )
    return model


def _booster(content: bytearray, threads: int) -> xgb.Booster:
    # From a buffer: by name, XGBoost would warn that it has to guess the format.
    booster = xgb.Booster({"nthread": threads})
    booster.load_model(content)
    return booster


def _kind(booster: xgb.Booster) -> Kind:
    learner = json.loads(booster.save_config())["learner"]
    objective = learner["objective"]["name"]
    names = booster.feature_names
    return Kind(
        columns=Columns(
            count=booster.num_features(), names=None if names is None else tuple(names)
        ),
        objective=objective,
        classes=count_classes(objective, int(learner["learner_model_param"]["num_class"])),
    )


def _marks(environment: Mapping[str, str]) -> bool:
    wish = environment.get("INFERENCE_BAD_RECORDS", BAD_RECORDS[0])
    if wish not in BAD_RECORDS:
        raise ValueError(
            f"INFERENCE_BAD_RECORDS must be one of {', '.join(BAD_RECORDS)}, not {wish!r}"
        )
    return wish == "mark"


def _digest(*parts: bytes | bytearray) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:12]
