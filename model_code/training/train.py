"""Trains the model that the examples deploy: is a breast tumour malignant?

Data: Wisconsin Diagnostic Breast Cancer, 569 samples with 30 features each, as shipped with
scikit-learn. Two runs write the same bytes: the split is seeded and training uses one thread.

    python model_code/training/train.py --output build/model
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xgboost as xgb
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split

HELD_OUT = 0.25
SEED = 20
ROUNDS = 200
PARAMETERS = {
    "objective": "binary:logistic",
    "eval_metric": "auc",
    "tree_method": "hist",
    "max_depth": 3,
    "eta": 0.1,
    "subsample": 0.8,
    "colsample_bytree": 0.8,
    "seed": SEED,
    # More threads would add floating-point numbers in an order of their own.
    "nthread": 1,
}

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def train(output: Path) -> dict[str, object]:
    """Train, measure on rows that training never saw, and write everything down.

    The model holds no feature names: XGBoost would refuse rows without names then, and CSV has
    none.

    Args:
        output: The directory for `xgboost-model` (UBJ), `heldout.csv` (features only, no header),
            `heldout_labelled.csv` (the label first, as SageMaker's XGBoost expects it) and
            `metrics.json`.

    Returns:
        The content of `metrics.json`.
    """
    data = load_breast_cancer()
    # scikit-learn codes malignant as 0; the event that is looked for is the positive class here.
    labels: Labels = 1 - data.target
    train_x, test_x, train_y, test_y = train_test_split(
        data.data, labels, test_size=HELD_OUT, stratify=labels, random_state=SEED
    )
    booster = xgb.train(PARAMETERS, xgb.DMatrix(train_x, train_y, nthread=1), ROUNDS)
    scores = booster.predict(xgb.DMatrix(test_x, nthread=1))

    metrics: dict[str, object] = {
        "auc": float(roc_auc_score(test_y, scores)),
        "accuracy": float(accuracy_score(test_y, scores > 0.5)),
        "training_rows": len(train_y),
        "heldout_rows": len(test_y),
        "xgboost": xgb.__version__,
        "positive_class": "malignant",
        "features": [str(name) for name in data.feature_names],
    }
    output.mkdir(parents=True, exist_ok=True)
    (output / "heldout.csv").write_text(_csv(test_x))
    (output / "heldout_labelled.csv").write_text(_csv(test_x, test_y))
    (output / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    # Last, so that where there is a model everything else is there as well. Not by save_model: it
    # tells the format by the extension, and the container's name for the file has none.
    (output / "xgboost-model").write_bytes(booster.save_raw(raw_format="ubj"))
    return metrics


def _csv(rows: Floats, labels: Labels | None = None) -> str:
    lines = (",".join(map(repr, row)) for row in rows.tolist())
    if labels is not None:
        lines = (f"{label},{line}" for label, line in zip(labels.tolist(), lines, strict=True))
    return "".join(f"{line}\n" for line in lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run as a script."""
    parser = argparse.ArgumentParser(description="Train the example model.")
    parser.add_argument(
        "--output", type=Path, default=Path("build/model"), help="directory to write"
    )
    output: Path = parser.parse_args(arguments).output
    metrics = train(output)
    print(
        f"AUC {metrics['auc']:.4f}, accuracy {metrics['accuracy']:.4f} on "
        f"{metrics['heldout_rows']} held-out rows "
        f"({metrics['training_rows']} rows trained on); wrote {output}/"
    )


if __name__ == "__main__":
    main()
