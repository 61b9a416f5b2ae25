"""Checks an ensemble before it is packed, by the rules by which the handler takes it at start."""

import json
import math
from pathlib import Path

from model_artifacts.errors import ArtifactError
from model_artifacts.model_file import check_model
from model_artifacts.packing import MODEL_NAME

ENSEMBLE_NAME = "ensemble.json"

_METHODS = ("mean", "weighted-mean", "majority-vote")


def ensemble_files(
    directory: Path, *, image_version: str, allow_pickle: bool = False
) -> dict[str, Path]:
    """Find what an artifact holds beside `xgboost-model` if it is an ensemble.

    Args:
        directory: Where the model lies.
        image_version: As `check_model` takes it.
        allow_pickle: As `check_model` takes it.

    Returns:
        The files by their name in the artifact; none if there is no `ensemble.json`.

    Raises:
        ArtifactError: `ensemble.json` does not say what it has to, or a model would not be read.
    """
    path = directory / ENSEMBLE_NAME
    if not path.exists():
        return {}
    files = _read(path)
    for file in files:
        check_model(directory / file, image_version=image_version, allow_pickle=allow_pickle)
    return {name: directory / name for name in (ENSEMBLE_NAME, *files) if name != MODEL_NAME}


def _read(path: Path) -> list[str]:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        raise ArtifactError(f"{path} is not valid JSON") from None
    if not isinstance(document, dict) or set(document) != {"method", "models"}:
        raise ArtifactError(f"{path} must be an object of `method` and `models`")
    method, models = document["method"], document["models"]
    if method not in _METHODS:
        raise ArtifactError(f"{path}: method must be one of {', '.join(_METHODS)}")
    if not isinstance(models, list) or len(models) < 2:
        raise ArtifactError(f"{path}: models must be a list of two or more")
    for number, model in enumerate(models, 1):
        fault = _fault(path.parent, model, method)
        if fault is not None:
            raise ArtifactError(f"{path}: model {number} {fault}")
    files = [model["file"] for model in models]
    if len(set(files)) != len(files):
        raise ArtifactError(f"{path}: each file may be there once")
    if MODEL_NAME not in files:
        raise ArtifactError(f"{path}: one of the models must be {MODEL_NAME}")
    return files


def _fault(directory: Path, model: object, method: str) -> str | None:
    if not isinstance(model, dict) or not {"file"} <= set(model) <= {"file", "weight"}:
        return "must be an object of `file` and `weight`"
    file, weight = model["file"], model.get("weight")
    if not isinstance(file, str) or not file or Path(file).name != file:
        return f"must be the name of a file beside {ENSEMBLE_NAME}"
    if not (directory / file).is_file():
        return f"is not there: {file} must lie beside {ENSEMBLE_NAME}"
    return _weight_fault(weight, method)


def _weight_fault(weight: object, method: str) -> str | None:
    if method == "mean" and weight is not None:
        return "has a weight: take the method weighted-mean, or no weights"
    if method == "weighted-mean" and weight is None:
        return "has no weight: weighted-mean needs one for each model"
    if weight is None:
        return None
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        return "must have a number as weight"
    return None if 0 < weight < math.inf else "must have a weight above 0"
