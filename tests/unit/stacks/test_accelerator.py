"""`model.accelerated`: the compiled accelerator goes out with the handler, or the synth fails."""

import tarfile
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from inference_constructs import InferenceModel
from stacks.application import new_app
from stacks.artifact import model_artifact
from stacks.inference_stack import InferenceStack
from stacks.realtime import RealtimeInferenceStack
from stacks.settings import Settings
from stacks.settings_file import SettingsError

# The accelerator itself has tests of its own; here it is what is packed that counts.
_LIBRARIES = ["code/libaccelerator-aarch64.so", "code/libaccelerator-x86_64.so"]


@pytest.fixture
def model(tmp_path: Path, dev_values: dict[str, Any]) -> dict[str, Any]:
    """What stands below `model` in the settings: a small model with the project's handler."""
    directory = tmp_path / "model"
    directory.mkdir()
    (directory / "xgboost-model").write_text('{"learner":{},"version":[3,2,0]}')
    return {**dev_values["model"], "directory": str(directory)}


def _members(directory: Path, dev_values: dict[str, Any], model: dict[str, Any]) -> dict[str, int]:
    """What the archive of the realtime stack holds, with sizes."""
    settings = Settings.of_stage("dev", {**dev_values, "model": model})
    app = new_app(directory, {"@aws-cdk/core:failSynthOnValidationErrors": False})
    stack: InferenceStack = RealtimeInferenceStack(
        app, settings=settings, artifact=model_artifact(settings)
    )
    assert isinstance(stack.model, InferenceModel)
    (archive,) = Path(directory).glob("asset.*.tar.gz")
    with tarfile.open(archive) as packed:
        return {member.name: member.size for member in packed.getmembers()}


def test_an_accelerated_model_is_packed_with_the_libraries_of_both_architectures(
    tmp_path: Path, dev_values: dict[str, Any], model: dict[str, Any]
) -> None:
    """A Graviton instance finds its own; both are small. Without the setting there is none."""
    plain = _members(tmp_path / "plain", dev_values, model)
    assert [name for name in plain if name.endswith(".so")] == []
    accelerated = _members(tmp_path / "fast", dev_values, {**model, "accelerated": True})
    assert sorted(accelerated.keys() - plain.keys()) == _LIBRARIES
    assert all(0 < accelerated[name] < 200_000 for name in _LIBRARIES)


def test_a_compiler_that_is_missing_stops_the_synth_with_the_setting_to_change(
    dev_values: dict[str, Any], model: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not an artifact without: whoever asked for speed would not get it, and not know."""

    def version(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", version)
    settings = Settings.of_stage("dev", {**dev_values, "model": {**model, "accelerated": True}})
    with pytest.raises(SettingsError) as error:
        model_artifact(settings)
    assert str(error.value) == (
        "config/dev.yaml: model.accelerated: the compiler is missing: install the extra "
        "`accelerator` (PyPI's ziglang), or leave the accelerator out"
    )
