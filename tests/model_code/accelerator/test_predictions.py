"""Predictions by the accelerator: those of `Booster.predict`, bit for bit."""

import dataclasses
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from tests.model_code.accelerator.models import OBJECTIVES, hard_rows, random_model

Load = Callable[[xgb.Booster], Any]


def _differences(booster: xgb.Booster, accelerator: Any, seed: int) -> list[tuple[int, ...]]:
    """The shapes of the batches for which one bit differs."""
    different = []
    for rows in hard_rows(booster, seed):
        expected = booster.predict(xgb.DMatrix(rows, nthread=1))
        given = accelerator.predict(rows)
        if given.shape != expected.shape or given.tobytes() != expected.tobytes():
            different.append(rows.shape)
    return different


@pytest.mark.parametrize("seed", range(3 * len(OBJECTIVES)))
def test_a_random_model_predicts_as_the_booster_bit_for_bit(accelerate: Load, seed: int) -> None:
    """Each objective three times, on rows at the thresholds and with values missing."""
    booster = random_model(seed)
    assert _differences(booster, accelerate(booster), seed) == []


def test_a_model_that_was_saved_and_loaded_predicts_alike(accelerate: Load) -> None:
    """A handler has it from a file."""
    for form in ("ubj", "json"):
        loaded = xgb.Booster(model_file=random_model(0).save_raw(form))
        assert _differences(loaded, accelerate(loaded), 0) == []


def test_a_stump_a_lone_leaf_and_no_tree_at_all_are_models_as_well(accelerate: Load) -> None:
    """Depth 1, depth 0 where nothing can be split, and no round of training."""
    for labels, rounds in (([0.0, 1.0], 3), ([1.0, 1.0], 3), ([0.0, 1.0], 0)):
        data = xgb.DMatrix(np.array([[0.0], [1.0]], np.float32), labels, nthread=1)
        booster = xgb.train({"max_depth": 1, "min_child_weight": 0, "nthread": 1}, data, rounds)
        assert _differences(booster, accelerate(booster), 1) == []


def test_margins_far_out_are_transformed_alike(accelerate: Load) -> None:
    """XGBoost keeps the exponential from overflowing, and adds 1e-16 to what it divides by."""
    rows = np.linspace(-1, 1, 400, dtype=np.float32)[:, None]
    noise = np.random.default_rng(2).random(400)
    data = xgb.DMatrix(rows, np.arange(400) / 400 > noise, nthread=1)
    parameters = {"objective": "binary:logistic", "eta": 70, "lambda": 0, "nthread": 1}
    booster = xgb.train({**parameters, "min_child_weight": 0}, data, 1)
    margins = booster.predict(data, output_margin=True)
    assert margins.min() < -88.7
    assert margins.max() > 88.7
    assert accelerate(booster).predict(rows).tobytes() == booster.predict(data).tobytes()


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_a_model_of_one_class_starts_from_a_bounded_margin(accelerate: Load, label: float) -> None:
    """Its base score is 0 or 1, of which there is no logit."""
    rows = np.arange(40, dtype=np.float32).reshape(20, 2)
    data = xgb.DMatrix(rows, np.full(20, label), nthread=1)
    booster = xgb.train({"objective": "binary:logistic", "nthread": 1}, data, 2)
    assert _differences(booster, accelerate(booster), 1) == []


def test_of_equal_classes_the_first_is_answered(accelerate: Load) -> None:
    """Without a round of training all sums are the same."""
    rows = np.arange(40, dtype=np.float32).reshape(20, 2)
    data = xgb.DMatrix(rows, np.arange(20) % 3, nthread=1)
    parameters = {"objective": "multi:softmax", "num_class": 3, "base_score": 0.5, "nthread": 1}
    booster = xgb.train(parameters, data, 0)
    assert booster.predict(data).tolist() == [0.0] * 20
    assert accelerate(booster).predict(rows).tolist() == [0.0] * 20


def test_rows_that_are_not_contiguous_are_read_as_they_are(accelerate: Load) -> None:
    """A transposed or a strided view is copied first."""
    booster = random_model(4)
    accelerator = accelerate(booster)
    rows = hard_rows(booster, 4)[-2]
    expected = booster.predict(xgb.DMatrix(rows, nthread=1))
    assert accelerator.predict(np.asfortranarray(rows)).tobytes() == expected.tobytes()
    assert accelerator.predict(np.repeat(rows, 2, axis=0)[::2]).tobytes() == expected.tobytes()


def test_rows_of_another_width_are_refused(accelerate: Load) -> None:
    """C would read beyond their end."""
    booster = random_model(4)
    accelerator = accelerate(booster)
    with pytest.raises(ValueError, match=f"expected rows of {booster.num_features()} columns"):
        accelerator.predict(np.zeros((2, booster.num_features() - 1), np.float32))
    with pytest.raises(ValueError, match="expected rows of"):
        accelerator.predict(np.zeros(booster.num_features(), np.float32))


def test_several_models_predict_at_once_in_one_process(accelerate: Load) -> None:
    """The library keeps nothing between two calls, and each model has its own trees."""
    boosters = [random_model(seed) for seed in (0, 4, 12, 13)]
    questions = [hard_rows(booster, 9)[-1] for booster in boosters]
    expected = [
        booster.predict(xgb.DMatrix(rows, nthread=1)).tobytes()
        for booster, rows in zip(boosters, questions, strict=True)
    ]
    accelerators = [accelerate(booster) for booster in boosters]
    wrong = []

    def ask(index: int) -> None:
        for _ in range(300):
            if accelerators[index].predict(questions[index]).tobytes() != expected[index]:
                wrong.append(index)

    threads = [threading.Thread(target=ask, args=(index % 4,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_each_malformed_tree_is_refused(serving: SimpleNamespace, native: Any) -> None:
    """A child out of range, a circle, a feature that is not there, a threshold of NaN."""
    trees = serving.inference_trees.read_trees(random_model(4))
    library = serving.inference_accelerator._open(native._name)
    serving.inference_accelerator.Accelerator(library, trees)

    def broken(**arrays: tuple[int, Any]) -> Any:
        changed = {}
        for name, (index, value) in arrays.items():
            changed[name] = getattr(trees, name).copy()
            changed[name][index] = value
        return dataclasses.replace(trees, **changed)

    size = int(trees.offsets[1])
    for wrong in (
        broken(left=(0, size), right=(0, size + 1)),
        broken(left=(0, size - 1), right=(0, size)),
        broken(left=(0, -2), right=(0, -1)),
        broken(left=(0, 0), right=(0, 1)),
        broken(left=(1, 1), right=(1, 2)),
        broken(right=(0, 5)),
        broken(feature=(0, trees.features)),
        broken(feature=(0, -1)),
        broken(value=(0, np.nan)),
        broken(value=(0, np.inf)),
        broken(group=(0, trees.groups)),
        broken(group=(0, -1)),
        broken(offsets=(1, 0)),
        broken(offsets=(0, 1)),
    ):
        with pytest.raises(serving.inference_trees.UnsupportedModelError, match="refuses"):
            serving.inference_accelerator.Accelerator(library, wrong)
