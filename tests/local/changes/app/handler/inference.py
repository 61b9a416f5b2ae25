"""A model that only tells its version, and can be told to fail or to take its time.

Environment:
    INFERENCE_MODEL_VERSION: What it answers.
    FAULT_PERCENT: How many of a hundred requests raise an error.
    DELAY_SECONDS: How long it takes to answer.
"""

import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Model:
    """What the variables say."""

    version: str
    fault_percent: int
    delay_seconds: float
    numbers: Iterator[int] = field(default_factory=itertools.count)


def model_fn(model_dir: str) -> Model:
    """Read the variables; there is nothing to load."""
    del model_dir
    return Model(
        version=os.environ["INFERENCE_MODEL_VERSION"],
        fault_percent=int(os.environ["FAULT_PERCENT"]),
        delay_seconds=float(os.environ["DELAY_SECONDS"]),
    )


def input_fn(body: Any, content_type: str | None = None) -> Any:
    """Take anything."""
    del content_type
    return body


def predict_fn(data: Any, model: Model) -> str:
    """Tell the version, late or not at all if told so."""
    del data
    time.sleep(model.delay_seconds)
    # Spread evenly: the seven in a hundred are no seven in a row.
    number = next(model.numbers)
    if (number + 1) * model.fault_percent // 100 > number * model.fault_percent // 100:
        raise RuntimeError(f"{model.version} was told to fail")
    return model.version


def output_fn(prediction: str, accept: str | None = None) -> tuple[str, str]:
    """Answer with the version as the whole body."""
    del accept
    return prediction, "text/csv"
