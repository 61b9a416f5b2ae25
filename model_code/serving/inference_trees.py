"""The trees of a booster as flat arrays, and whether the accelerator can stand in for it."""

import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb

# Numbers are those of `accelerator.h`: what a sum of leaves becomes, and how `base_score` in the
# model file becomes the value that the sum starts from.
_IDENTITY, _SIGMOID, _EXP, _HINGE, _SOFTMAX, _ARGMAX = range(6)
_NO_LINK, _LOGIT, _LOG = range(3)
_OBJECTIVES = {
    "reg:squarederror": (_IDENTITY, _NO_LINK),
    "reg:squaredlogerror": (_IDENTITY, _NO_LINK),
    "reg:pseudohubererror": (_IDENTITY, _NO_LINK),
    "reg:absoluteerror": (_IDENTITY, _NO_LINK),
    "reg:quantileerror": (_IDENTITY, _NO_LINK),
    "rank:pairwise": (_IDENTITY, _NO_LINK),
    "rank:ndcg": (_IDENTITY, _NO_LINK),
    "rank:map": (_IDENTITY, _NO_LINK),
    "binary:logitraw": (_IDENTITY, _NO_LINK),
    "binary:logistic": (_SIGMOID, _LOGIT),
    "reg:logistic": (_SIGMOID, _LOGIT),
    "binary:hinge": (_HINGE, _NO_LINK),
    "count:poisson": (_EXP, _LOG),
    "reg:gamma": (_EXP, _LOG),
    "reg:tweedie": (_EXP, _LOG),
    "multi:softprob": (_SOFTMAX, _NO_LINK),
    "multi:softmax": (_ARGMAX, _NO_LINK),
}

_NUMBERS = {"i": "b", "U": "B", "I": ">h", "l": ">i", "L": ">q", "d": ">f", "D": ">d"}
_CONSTANTS = {"Z": None, "T": True, "F": False}


class UnsupportedModelError(ValueError):
    """The accelerator cannot stand in for the booster; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Trees:
    """Trees one after the other: node i of tree t is at `offsets[t] + i`.

    Attributes:
        features: Columns of a row.
        groups: Sums of leaves per row.
        single: Whether a row has one answer, and the answers have one dimension.
        offsets: Where each tree starts, and the end.
        group: Per tree, to which sum it adds.
        left: Per node, the left child; -1 in a leaf.
        right: Per node, the right child.
        feature: Per node, the feature that it splits by.
        value: Per node, the threshold of a split or the value of a leaf.
        default_left: Per node, whether missing values go left.
        base_score: Per group, as in the model file.
        link: What makes a margin of `base_score`.
        transform: What makes an answer of a sum.
    """

    features: int
    groups: int
    single: bool
    offsets: npt.NDArray[np.int64]
    group: npt.NDArray[np.int32]
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    feature: npt.NDArray[np.int32]
    value: npt.NDArray[np.float32]
    default_left: npt.NDArray[np.uint8]
    base_score: npt.NDArray[np.float32]
    link: int
    transform: int


def read_trees(booster: xgb.Booster) -> Trees:
    """Take a booster apart.

    Args:
        booster: Trained or loaded.

    Returns:
        Its trees.

    Raises:
        UnsupportedModelError: It is no gbtree of numeric splits with one value per leaf, or its
            objective is not among those that are known to be bit-equal.
    """
    learner = _decode(bytes(booster.save_raw("ubj")))["learner"]
    booster_name = learner["gradient_booster"]["name"]
    if booster_name != "gbtree":
        raise UnsupportedModelError(f"the booster is {booster_name}: expected gbtree")
    objective = learner["objective"]["name"]
    if objective not in _OBJECTIVES:
        raise UnsupportedModelError(f"the objective {objective} is not known to be bit-equal")
    transform, link = _OBJECTIVES[objective]
    model = learner["gradient_booster"]["model"]
    trees = model["trees"]
    parameters = learner["learner_model_param"]
    groups = max(int(parameters["num_class"]), int(parameters.get("num_target", 1)), 1)
    _check(trees, groups, transform)
    base_score = _base_score(parameters["base_score"], groups)

    def join(key: str, kind: type) -> Any:
        return np.concatenate([tree[key] for tree in trees] or [[]]).astype(kind)

    return Trees(
        features=int(parameters["num_feature"]),
        groups=groups,
        single=groups == 1 or transform == _ARGMAX,
        offsets=np.cumsum([0, *(len(tree["left_children"]) for tree in trees)], dtype=np.int64),
        group=np.array(model["tree_info"], dtype=np.int32),
        left=join("left_children", np.int32),
        right=join("right_children", np.int32),
        feature=join("split_indices", np.int32),
        value=join("split_conditions", np.float32),
        default_left=join("default_left", np.uint8),
        base_score=base_score,
        link=link,
        transform=transform,
    )


def _check(trees: list[dict[str, Any]], groups: int, transform: int) -> None:
    if transform in (_SOFTMAX, _ARGMAX) and groups < 2:
        raise UnsupportedModelError("a multiclass model of one class")
    if any(int(tree["tree_param"]["size_leaf_vector"]) > 1 for tree in trees):
        raise UnsupportedModelError("the trees have vectors as leaves")
    if any(np.any(tree["split_type"]) for tree in trees):
        raise UnsupportedModelError("the trees split by categories")


def _base_score(text: str, groups: int) -> npt.NDArray[np.float32]:
    # "5E-1" before XGBoost 3.1, "[5E-1]" since then, one or one per group.
    numbers = np.array([float(part) for part in text.strip("[]").split(",")], dtype=np.float32)
    return np.array(np.broadcast_to(numbers, groups))


def _decode(data: bytes) -> dict[str, Any]:
    """A UBJSON document as XGBoost writes it; typed arrays as numpy's, without a loop."""
    view = memoryview(data)
    at = 0

    def marker() -> str:
        nonlocal at
        at += 1
        return chr(view[at - 1])

    def number(kind: str) -> Any:
        nonlocal at
        (value,) = struct.unpack_from(_NUMBERS[kind], view, at)
        at += struct.calcsize(_NUMBERS[kind])
        return value

    def text() -> str:
        nonlocal at
        length = number(marker())
        at += length
        return bytes(view[at - length : at]).decode()

    def array() -> Any:
        nonlocal at
        kind = None
        if chr(view[at]) == "$":
            at += 1
            kind = marker()
        count = math.inf
        if chr(view[at]) == "#":
            at += 1
            count = number(marker())
        if kind is not None:
            numbers = np.frombuffer(view, _NUMBERS[kind], int(count), at)
            at += numbers.nbytes
            return numbers
        items: list[Any] = []
        while len(items) < count:
            kind = marker()
            if kind == "]":
                break
            items.append(value(kind))
        return items

    def value(kind: str) -> Any:
        nonlocal at
        if kind in _NUMBERS:
            return number(kind)
        if kind == "S":
            return text()
        if kind == "[":
            return array()
        if kind == "{":
            members = {}
            while chr(view[at]) != "}":
                key = text()
                members[key] = value(marker())
            at += 1
            return members
        return _CONSTANTS[kind]

    document: dict[str, Any] = value(marker())
    return document
