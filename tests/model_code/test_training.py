"""The example model is what the data make of it, and always the same bytes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import xgboost as xgb
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score

_SCRIPT = Path(__file__).parents[2] / "model_code" / "training" / "train.py"


def test_two_runs_write_the_same_bytes(trained: Path, tmp_path: Path) -> None:
    """In another process, with other thread counts and another hash seed."""
    subprocess.run(
        [sys.executable, _SCRIPT, "--output", tmp_path / "again"],
        env=os.environ | {"OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "5"},
        check=True,
        capture_output=True,
    )

    for path in trained.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_printed_auc_is_that_of_the_written_model_on_the_written_rows(tmp_path: Path) -> None:
    """Measured again from the files alone."""
    done = subprocess.run(
        [sys.executable, _SCRIPT, "--output", tmp_path], check=True, capture_output=True, text=True
    )
    labelled = np.genfromtxt(tmp_path / "heldout_labelled.csv", delimiter=",")
    booster = xgb.Booster(model_file=bytearray((tmp_path / "xgboost-model").read_bytes()))
    auc = roc_auc_score(labelled[:, 0], booster.predict(xgb.DMatrix(labelled[:, 1:])))

    assert auc > 0.98
    assert f"AUC {auc:.4f}" in done.stdout
    assert json.loads((tmp_path / "metrics.json").read_text())["auc"] == auc


def test_the_held_out_rows_are_rows_of_the_data_that_keep_its_balance(trained: Path) -> None:
    """A quarter of the 569 rows, 30 columns, as many malignant ones as in all of them."""
    labelled = np.genfromtxt(trained / "heldout_labelled.csv", delimiter=",")
    unlabelled = np.genfromtxt(trained / "heldout.csv", delimiter=",")
    data = load_breast_cancer()
    known = {tuple(row): 1 - target for row, target in zip(data.data, data.target, strict=True)}

    assert unlabelled.shape == (143, 30)
    assert np.array_equal(labelled[:, 1:], unlabelled)
    assert all(known[tuple(row[1:])] == row[0] for row in labelled)
    # 212 of the 569 tumours are malignant.
    assert abs(labelled[:, 0].mean() - 212 / 569) < 0.005
