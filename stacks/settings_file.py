"""Reads `config/<stage>.yaml`, and says what is wrong with it: file, key and fix."""

import difflib
import typing
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from stacks.settings import CONFIG, Settings

# In the directory of the stages, and no stage.
DELIVERY = "delivery"

_Model = TypeVar("_Model", bound=BaseModel)


class SettingsError(ValueError):
    """A settings file that cannot be used. Its message is all that the reader needs."""


def known_stages(directory: Path = CONFIG) -> list[str]:
    """The stages that have a file.

    Args:
        directory: where the files are.
    """
    return sorted(path.stem for path in directory.glob("*.yaml") if path.stem != DELIVERY)


def load_settings(stage: str, directory: Path = CONFIG) -> Settings:
    """Reads the settings of a stage.

    Args:
        stage: its name.
        directory: where the files are.

    Returns:
        The settings.

    Raises:
        SettingsError: there is no such stage, or its file is wrong; names every fault.
    """
    stages = known_stages(directory)
    if not stages:
        raise SettingsError(f"{directory.name}/ holds no stage: add {directory.name}/{stage}.yaml")
    if stage not in stages:
        raise SettingsError(
            f"unknown stage {stage!r}{_did_you_mean(stage, stages)}: use one of "
            f"{', '.join(stages)}, or add {directory.name}/{stage}.yaml"
        )
    return read_file(
        directory / f"{stage}.yaml", Settings, lambda values: Settings.of_stage(stage, values)
    )


def read_file(path: Path, model: type[_Model], make: Callable[[dict[str, Any]], _Model]) -> _Model:
    """Reads a settings file.

    Args:
        path: the file.
        model: what it holds, for the keys that a message names.
        make: makes it from the file's values.

    Raises:
        SettingsError: the file is missing or wrong; names every fault.
    """
    name = f"{path.parent.name}/{path.name}"
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)
    except FileNotFoundError:
        raise SettingsError(f"there is no {name}: write it") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = name if mark is None else f"{name}, line {mark.line + 1}"
        raise SettingsError(f"{where}: {error.problem}") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{name}: is not UTF-8 ({error.reason}): save it as UTF-8") from None
    if not isinstance(values, dict):
        raise SettingsError(f"{name}: must hold keys and values, as `region: us-east-1` does")
    try:
        return make(values)
    except ValidationError as error:
        faults = [_describe(fault, model) for fault in error.errors()]
        raise SettingsError("\n".join(f"{name}: {fault}" for fault in faults)) from None


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML as it is written: of two equal keys PyYAML would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} stands here twice: keep one", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def _describe(fault: ErrorDetails, model: type[BaseModel]) -> str:
    # Keys of a mapping are marked by a last element of their own.
    location = [part for part in fault["loc"] if part != "[key]"]
    key = ".".join(str(part) for part in location)
    match fault["type"]:
        case "extra_forbidden":
            known = _keys_at(location[:-1], model)
            hint = _did_you_mean(str(location[-1]), known)
            return f"unknown key {key}{hint}: use one of {', '.join(known)}, or remove it"
        case "missing":
            return f"{key} is missing: add it"
        case "value_error":
            message = str(fault["msg"]).removeprefix("Value error, ")
            return f"{key}: {message}" if key else message
        case "string_type":
            return f"{key}: must be text, not {fault['input']!r}: put it in quotes"
        case "string_pattern_mismatch":
            pattern = fault["ctx"]["pattern"]
            return f"{key}: must look like {pattern}, not {fault['input']!r}"
        case _:
            message = str(fault["msg"])
            return f"{key}: {message[:1].lower()}{message[1:]}, not {fault['input']!r}"


def _keys_at(location: Sequence[int | str], model: type[BaseModel]) -> list[str]:
    for part in location:
        field = model.model_fields.get(str(part))
        # The name of a variant is no field: its model was found with the mapping of variants.
        if field is not None:
            found = _model_in(field.annotation)
            if found is not None:
                model = found
    return sorted(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in typing.get_args(annotation):
        found = _model_in(argument)
        if found is not None:
            return found
    return None


def _did_you_mean(word: str, known: Sequence[str]) -> str:
    nearest = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {nearest[0]}?)" if nearest else ""
