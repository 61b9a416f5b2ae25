"""A trained model, and the handlers as the container imports them."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

_ROOT = Path(__file__).parents[2]
_SERVING = _ROOT / "model_code" / "serving"
_VARIABLES = (
    "INFERENCE_BAD_RECORDS",
    "INFERENCE_LABELS",
    "INFERENCE_OUTPUT",
    "INFERENCE_THRESHOLD",
    "INFERENCE_MODEL_VERSION",
    "OMP_NUM_THREADS",
    "SAGEMAKER_CONTAINER_LOG_LEVEL",
)


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """`inference.py`, imported anew with its directory first on the path."""
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.syspath_prepend(str(_SERVING))
    ours = {path.stem for path in _SERVING.glob("*.py")}
    for name in ours:
        sys.modules.pop(name, None)
    yield importlib.import_module("inference")
    for name in ours:
        sys.modules.pop(name, None)


@pytest.fixture(scope="session")
def train_script() -> ModuleType:
    """The training script as a module."""
    sys.path.insert(0, str(_ROOT / "model_code" / "training"))
    try:
        return importlib.import_module("train")
    finally:
        sys.path.pop(0)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, train_script: ModuleType) -> Path:
    """What training writes."""
    output: Path = tmp_path_factory.mktemp("model")
    train_script.train(output)
    return output


@pytest.fixture(scope="session")
def expected(trained: Path) -> np.ndarray[Any, np.dtype[np.float32]]:
    """`Booster.predict` for the held-out rows, by XGBoost alone."""
    # From a buffer: the file's name has no extension, of which XGBoost would warn.
    booster = xgb.Booster(model_file=bytearray((trained / "xgboost-model").read_bytes()))
    rows = np.genfromtxt(trained / "heldout.csv", delimiter=",", dtype=np.float64)
    scores: np.ndarray[Any, np.dtype[np.float32]] = booster.predict(xgb.DMatrix(rows, nthread=1))
    return scores


@pytest.fixture
def small_model(tmp_path: Path) -> Path:
    """A model of three columns, for bodies that fit on a line."""
    rows = np.random.default_rng(1).normal(size=(300, 3)).astype(np.float32)
    rows[::7, 1] = np.nan
    data = xgb.DMatrix(rows, rows[:, 0] + np.nan_to_num(rows[:, 1]) > 0, nthread=1)
    booster = xgb.train({"objective": "binary:logistic", "max_depth": 3, "nthread": 1}, data, 9)
    directory = tmp_path / "model"
    directory.mkdir()
    (directory / "xgboost-model").write_bytes(booster.save_raw(raw_format="ubj"))
    return directory


Ask = Callable[..., SimpleNamespace]


@pytest.fixture
def ask(handlers: ModuleType, small_model: Path) -> Ask:
    """Sends a body through the handlers, and gives status, type, text and headers of the answer."""
    model = handlers.model_fn(str(small_model))

    def ask(
        body: str | bytes, content_type: str | None = "text/csv", accept: str | None = "text/csv"
    ) -> SimpleNamespace:
        response = handlers.output_fn(
            handlers.predict_fn(handlers.input_fn(body, content_type), model), accept
        )
        return SimpleNamespace(
            status=response.status_code,
            type=response.mimetype,
            text=response.get_data().decode("utf-8", "replace"),
            body=response.get_data(),
            headers=response.headers,
        )

    return ask
