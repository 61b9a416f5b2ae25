"""What does the work of a request: our own engine, and the accelerator where there is one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt
import xgboost as xgb

import inference_answers
from inference_csv import parse_csv
from inference_json import parse_json, parse_jsonlines
from inference_log import StructuredLog
from inference_predictor import Predictor, Scores, make_predictor
from inference_table import Rows

_PARSERS: dict[str, Callable[[str | bytes], Rows | None]] = {
    "text/csv": parse_csv,
    "application/json": parse_json,
    "application/jsonlines": parse_jsonlines,
}


def parse_plain(body: str | bytes, media_type: str) -> Rows | None:
    """See `Engine.parse`."""
    return _PARSERS[media_type](body)


class Engine(Protocol):
    """Parses, predicts and formats; each method gives what the plain engine would give."""

    def parse(self, body: str | bytes, media_type: str) -> Rows | None:
        """Read a plain table of numbers: CSV, JSON or JSON Lines.

        None if the reference must have a look.
        """

    def predict(self, rows: Rows) -> Scores:
        """Give scores that are bit for bit those of `Booster.predict`."""

    def format_csv(self, values: npt.NDArray[Any]) -> str | bytes | None:
        """Write answers as CSV; None if the plain engine must do it."""

    def format_json(self, values: npt.NDArray[Any]) -> str | bytes | None:
        """Write answers as JSON; None if the plain engine must do it."""


class PlainEngine:
    """Works with the image's own libraries.

    Args:
        booster: The model.
        threads: That one prediction may use.
    """

    def __init__(self, booster: xgb.Booster, threads: int) -> None:
        self._predictor: Predictor = make_predictor(booster, threads)

    def parse(self, body: str | bytes, media_type: str) -> Rows | None:
        """See `Engine.parse`."""
        return parse_plain(body, media_type)

    def predict(self, rows: Rows) -> Scores:
        """See `Engine.predict`."""
        return self._predictor.predict(rows)

    def format_csv(self, values: npt.NDArray[Any]) -> str | bytes | None:
        """See `Engine.format_csv`."""
        return inference_answers.format_csv(values)

    def format_json(self, values: npt.NDArray[Any]) -> str | bytes | None:
        """See `Engine.format_json`."""
        return inference_answers.format_json(values)


def make_engine(model_dir: Path, booster: xgb.Booster, threads: int, log: StructuredLog) -> Engine:
    """Choose the engine of a model.

    Args:
        model_dir: Where the artifact was unpacked.
        booster: The model.
        threads: That one prediction may use.
        log: Where to say why there is no accelerator.

    Returns:
        The accelerator if the artifact holds one that takes this model, else the plain engine.
    """
    try:
        import inference_accelerator
    except ModuleNotFoundError:
        return PlainEngine(booster, threads)
    engine: Engine | None = inference_accelerator.load(model_dir, booster, log)
    return PlainEngine(booster, threads) if engine is None else engine
