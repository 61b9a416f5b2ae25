"""Random models of every class that the accelerator takes, and rows that are hard for them."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb

Rows = npt.NDArray[np.float32]

OBJECTIVES = (
    "binary:logistic",
    "binary:logitraw",
    "binary:hinge",
    "reg:logistic",
    "reg:squarederror",
    "reg:squaredlogerror",
    "reg:pseudohubererror",
    "reg:absoluteerror",
    "reg:quantileerror",
    "reg:gamma",
    "reg:tweedie",
    "count:poisson",
    "multi:softprob",
    "multi:softmax",
    "rank:ndcg",
    "rank:pairwise",
    "rank:map",
)
# Around the 16 rows that walk side by side and the 64 of a block.
_COUNTS = (1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129, 200)


def random_model(seed: int) -> xgb.Booster:
    """Train a model on noise.

    Args:
        seed: Decides on everything: objective, depth, missing values, columns, how trees grow.
    """
    random = np.random.default_rng(seed)
    objective = OBJECTIVES[seed % len(OBJECTIVES)]
    columns = int(random.integers(1, 12))
    # Few distinct values in some columns: rows then lie on the thresholds.
    rows = random.normal(size=(300, columns)) * 10.0 ** random.integers(-3, 4, columns)
    rows[:, ::3] = np.round(rows[:, ::3])
    rows[random.random(rows.shape) < random.choice([0, 0.1, 0.6])] = np.nan
    parameters, labels = _target(objective, random, len(rows))
    parameters |= {
        "objective": objective,
        "nthread": 1,
        "seed": seed,
        "max_depth": int(random.integers(1, 13)),
        "eta": float(random.choice([0.05, 0.3, 1.0])),
        "min_child_weight": 0,
        "lambda": float(random.choice([0, 1])),
        "tree_method": str(random.choice(["hist", "approx", "exact"])),
        "num_parallel_tree": int(random.choice([1, 1, 3])),
        "subsample": 0.8,
    }
    if random.random() < 0.3 and parameters["tree_method"] == "hist":
        # Trees that are deep on one side only.
        parameters |= {"grow_policy": "lossguide", "max_leaves": 40, "max_depth": 0}
    if random.random() < 0.3 and objective.startswith(("reg:logistic", "binary:logistic")):
        parameters["base_score"] = float(random.uniform(0, 1))
    data = xgb.DMatrix(rows.astype(np.float32), labels, nthread=1)
    if objective.startswith("rank:"):
        data.set_group([10] * 30)
    booster = xgb.train(parameters, data, int(random.integers(1, 12)))
    if random.random() < 0.3:
        # What early stopping leaves behind; predict() asks all trees none the less.
        booster.set_attr(best_iteration="1", best_score="0.5")
    return booster


def _target(
    objective: str, random: np.random.Generator, count: int
) -> tuple[dict[str, Any], npt.NDArray[Any]]:
    """Further parameters, and labels that the objective can have."""
    parameters: dict[str, Any] = {}
    labels: npt.NDArray[Any] = random.normal(size=count) * 100
    if objective.startswith("multi:"):
        parameters["num_class"] = int(random.integers(2, 6))
        labels = random.integers(0, parameters["num_class"], count)
    elif objective in ("binary:logistic", "binary:logitraw", "binary:hinge", "rank:map"):
        labels = random.integers(0, 2, count)
    elif objective.startswith("rank:"):
        labels = random.integers(0, 4, count)
    elif objective == "reg:logistic":
        labels = random.random(count)
    elif objective in ("reg:gamma", "reg:tweedie", "count:poisson", "reg:squaredlogerror"):
        labels = random.integers(1, 9, count)
    elif objective == "reg:quantileerror":
        parameters["quantile_alpha"] = [0.1, 0.5, 0.9]
    elif objective == "reg:squarederror" and random.random() < 0.5:
        labels = random.normal(size=(count, 3))
    return parameters, labels


def hard_rows(booster: xgb.Booster, seed: int) -> list[Rows]:
    """Batches of rows on, next to and far from the thresholds, with and without missing values."""
    random = np.random.default_rng(seed)
    columns = booster.num_features()
    frame = booster.trees_to_dataframe()
    rows = (random.normal(size=(max(_COUNTS), columns)) * 10).astype(np.float32)
    for column in range(columns):
        splits = frame.loc[frame["Feature"] == f"f{column}", "Split"].to_numpy(np.float32)
        if len(splits):
            near = [np.nextafter(splits, np.float32(side)) for side in (-np.inf, np.inf)]
            chosen = random.choice(np.concatenate([splits, *near]), len(rows))
            rows[::2, column] = chosen[::2]
    rows[1] = 0.0
    rows[2] = -0.0
    rows[3] = np.finfo(np.float32).max
    rows[4] = np.finfo(np.float32).min
    rows[5] = np.finfo(np.float32).smallest_subnormal
    holey = rows.copy()
    holey[random.random(rows.shape) < 0.3] = np.nan
    holey[0] = np.nan
    return [batch[:count] for count in _COUNTS for batch in (rows, holey)]
