"""Refuses models that the image would not read, or would read wrongly."""

import re
from pathlib import Path

from model_artifacts.errors import ArtifactError
from model_artifacts.model_format import ModelFile, ModelFormat, Version, inspect_model

__all__ = ["ModelFile", "ModelFormat", "Version", "check_model", "inspect_model"]

# Since 3.1 `base_score` is written as an array, which older versions read as the default 0.5.
_ARRAY_BASE_SCORE = (3, 1)
_FIRST_WITH: dict[ModelFormat, tuple[int, int]] = {"json": (1, 0), "ubj": (1, 6)}


def check_model(path: Path, *, image_version: str, allow_pickle: bool = False) -> ModelFile:
    """Make sure that the XGBoost of an image reads a model, and reads it right.

    Args:
        path: The model file.
        image_version: The image's tag (`3.2-0`), or for another framework's image the version of
            the XGBoost bundled with the code (`3.2.0`).
        allow_pickle: Whether a pickle may go out. Loading one executes whatever it holds.

    Returns:
        What the file says of itself.

    Raises:
        ArtifactError: The model is missing, damaged, of another format than UBJ or JSON, or was
            written by a newer XGBoost than the image's.
    """
    model = inspect_model(path)
    check_model_format(
        model, name=str(path), image_version=image_version, allow_pickle=allow_pickle
    )
    return model


def check_model_format(
    model: ModelFile, *, name: str, image_version: str, allow_pickle: bool = False
) -> None:
    """Do what `check_model` does for a model that was inspected before.

    Args:
        model: What the file says of itself.
        name: How to call the file in an error.
        image_version: As `check_model` takes it.
        allow_pickle: As `check_model` takes it.

    Raises:
        ArtifactError: As `check_model` raises it.
    """
    reader = _library_version(image_version)
    if model.format == "legacy-binary":
        unread = " and XGBoost 3.1 and later cannot read it" if reader >= _ARRAY_BASE_SCORE else ""
        raise ArtifactError(
            f"{name} is in XGBoost's legacy binary format, which is deprecated{unread}: "
            f"save it as UBJ with `inference convert {name}`"
        )
    if model.format == "pickle":
        if allow_pickle:
            return
        raise ArtifactError(
            f"{name} is a pickle, which executes code when it is loaded: save the model with "
            "Booster.save_model('model.ubj'), or allow pickles if you trust every byte of it"
        )
    _check_version(name, model, reader, image_version)


def _check_version(
    name: str, model: ModelFile, reader: tuple[int, int], image_version: str
) -> None:
    first = _FIRST_WITH[model.format]
    if reader < first:
        raise ArtifactError(
            f"{name} is {model.format.upper()}, which XGBoost reads since {_text(first)}, and the "
            f"image {image_version} is older: use the image 3.2-0"
        )
    assert model.version is not None
    writer = model.version[:2]
    if writer <= reader:
        return
    silently = (
        "it would predict wrongly without an error, since before 3.1 `base_score` is read otherwise"
        if reader < _ARRAY_BASE_SCORE <= writer
        else "newer models are not guaranteed to load, or to predict the same"
    )
    raise ArtifactError(
        f"{name} was saved by XGBoost {_text(model.version)}, and the image {image_version} "
        f"reads up to {_text(reader)}: {silently}; use an image of {_text(writer)} or later, "
        f"or train with XGBoost {_text(reader)}"
    )


def _library_version(image_version: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)\.(\d+)(?:[-.].*)?", image_version)
    if match is None:
        raise ArtifactError(
            f"the image version {image_version!r} is not of the form 3.2-0 or 3.2.0"
        )
    return int(match[1]), int(match[2])


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
