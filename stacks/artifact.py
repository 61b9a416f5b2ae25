"""The model of a stage, as its settings name it."""

from pathlib import Path

from inference_constructs import ModelArtifact, find_image
from model_code.accelerator.build import BuildError, build
from stacks.section import ROOT
from stacks.settings import Settings
from stacks.settings_file import SettingsError


def model_artifact(settings: Settings, name: str | None = None) -> ModelArtifact:
    """Makes the artifact of a model; the stacks of a stage share that of its main model.

    Args:
        settings: the stage's settings.
        name: the model's name among `models`; None is the main one, `model`.

    Raises:
        SettingsError: the model or its code is not on this machine.
    """
    model = settings.model if name is None else settings.models[name]
    key = "model" if name is None else f"models.{name}"
    image = None
    if model.image is not None:
        image = find_image(model.image.framework, model.image.version)
    code = None if model.code is None else ROOT / model.code
    if code is not None and not code.is_dir():
        raise SettingsError(
            f"{settings.file}: {key}.code: the directory {model.code} does not exist: name the "
            "one that holds the handler"
        )
    if model.directory is None:
        assert model.source is not None  # the settings hold one of both
        return ModelArtifact.from_source(
            model.source,
            code=code,
            entry_point=model.entry_point,
            image=image,
            repack=model.repack,
            allow_unapproved=model.allow_unapproved,
            allow_pickle=model.allow_pickle,
            context_directory=ROOT,
        )
    if not (ROOT / model.directory / "xgboost-model").is_file():
        raise SettingsError(
            f"{settings.file}: {key}.directory: there is no {model.directory}/xgboost-model: train "
            "the example with `make model`, or name the directory of a model of yours"
        )
    return ModelArtifact.from_directory(
        ROOT / model.directory,
        code=code,
        entry_point=model.entry_point,
        image=image,
        allow_pickle=model.allow_pickle,
        libraries=_accelerator(f"{settings.file}: {key}") if model.accelerated else (),
    )


def _accelerator(where: str) -> list[Path]:
    try:
        return list(build(ROOT / "build" / "accelerator").values())
    except BuildError as error:
        raise SettingsError(f"{where}.accelerated: {error}") from None
