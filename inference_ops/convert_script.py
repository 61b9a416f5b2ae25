"""Runs within an environment for conversions; knows XGBoost and numpy, and nothing of this package.

    convert_script.py convert LEGACY UBJ PROBE     with the release that reads the legacy format
    convert_script.py verify UBJ PROBE             with the release that will serve the model

The first saves the model anew and writes rows and its own predictions for them to PROBE; the second
predicts the same rows from the new file and compares. Both print a JSON object, or one line on the
standard error with exit code 1.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import xgboost as xgb

_SEED = 7
_MOST_ROWS = 4096
_MOST_CELLS = 8_000_000
_MISSING_SHARE = 0.1
_SPLIT = re.compile(r"\[f(\d+)<([^\]]+)\]")


def convert(legacy: str, ubj: str, probe: str) -> dict[str, object]:
    """Save a model anew, and note what it predicts."""
    booster = load(legacy)
    rows = probe_rows(booster)
    predictions = predict(booster, rows)
    with open(ubj, "wb") as file:
        file.write(_save(booster))
    with open(probe, "wb") as file:
        np.savez(file, rows=rows, **predictions)
    return {"converted_by": xgb.__version__}


def verify(ubj: str, probe: str) -> dict[str, object]:
    """Compare the predictions of the new file with those of the old one, bit for bit."""
    kept = dict(np.load(probe))
    rows = kept.pop("rows")
    predictions = predict(load(ubj), rows)
    for name, old in kept.items():
        new = predictions[name]
        if old.shape != new.shape or not np.array_equal(old, new, equal_nan=True):
            worst = np.nanmax(np.abs(old - new)) if old.shape == new.shape else "another shape"
            raise ValueError(f"the {name} differ (by up to {worst}); nothing was written")
    return {"verified_by": xgb.__version__, "rows_compared": len(rows)}


def load(path: str) -> xgb.Booster:
    """Load a model from a file of whatever name."""
    with open(path, "rb") as file:
        content = bytearray(file.read())
    booster = xgb.Booster({"nthread": 1})
    booster.load_model(content)
    return booster


def _save(booster: xgb.Booster) -> bytearray:
    """Write a model as UBJ.

    The legacy format has no place for the rounds of a linear booster, and 3.1 and later take one
    with no rounds for untrained: they would read its base score otherwise, and predict wrongly
    without an error. How many there were makes no difference to predictions, only that there were
    some.
    """
    document = json.loads(bytes(booster.save_raw(raw_format="json")))
    gradient_booster = document["learner"]["gradient_booster"]
    if gradient_booster["name"] == "gblinear" and gradient_booster["model"]["boosted_rounds"] == 0:
        gradient_booster["model"]["boosted_rounds"] = 1
        booster = xgb.Booster({"nthread": 1})
        booster.load_model(bytearray(json.dumps(document).encode()))
    return booster.save_raw(raw_format="ubj")


def predict(booster: xgb.Booster, rows: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """What a model predicts for rows, and the margins behind it."""
    data = xgb.DMatrix(
        rows,
        feature_names=booster.feature_names,
        feature_types=booster.feature_types,
        enable_categorical=True,
        nthread=1,
    )
    return {
        "predictions": booster.predict(data),
        "margins": booster.predict(data, output_margin=True),
    }


def probe_rows(booster: xgb.Booster) -> np.ndarray[Any, Any]:
    """Rows that take both sides of the model's splits, some with missing values."""
    columns = booster.num_features()
    count = max(64, min(_MOST_ROWS, _MOST_CELLS // max(columns, 1)))
    random = np.random.default_rng(_SEED)
    rows = random.normal(scale=3.0, size=(count, columns)).astype(np.float32)
    for column, splits in _splits(booster).items():
        values = np.array(splits, dtype=np.float32)
        # At the split, and the next number on either side.
        around = np.concatenate(
            [
                values,
                np.nextafter(values, np.float32(-np.inf)),
                np.nextafter(values, np.float32(np.inf)),
            ]
        )
        near = random.random(count) < 0.8
        rows[near, column] = random.choice(around, size=int(near.sum()))
    rows[random.random(rows.shape) < _MISSING_SHARE] = np.nan
    return rows


def _splits(booster: xgb.Booster) -> dict[int, list[float]]:
    splits: dict[int, list[float]] = defaultdict(list)
    try:
        # Without names: a dump would use them in place of f0, f1, …
        names, booster.feature_names = booster.feature_names, None
        trees = booster.get_dump()
        booster.feature_names = names
    except (xgb.core.XGBoostError, ValueError):
        return splits
    for tree in trees:
        for column, threshold in _SPLIT.findall(tree):
            splits[int(column)].append(float(threshold))
    return splits


if __name__ == "__main__":
    commands: dict[str, Callable[..., dict[str, object]]] = {"convert": convert, "verify": verify}
    try:
        print(json.dumps(commands[sys.argv[1]](*sys.argv[2:])))
    except (ValueError, xgb.core.XGBoostError) as error:
        print(str(error).strip().splitlines()[0], file=sys.stderr)
        raise SystemExit(1) from None
