"""What a definition says of its distributed maps; moto's grammar knows only a part of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from moto.stepfunctions.parser.asl.component.state.exec.state_map.state_map import StateMap
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.state_parallel import (
    StateParallel,
)
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

_stock_parse: Any = AmazonStateLanguageParser.parse
_NUMBERS = ("ToleratedFailureCount", "ToleratedFailurePercentage")
_FIELDS = (
    "ItemReader",
    "ItemBatcher",
    "ResultWriter",
    *(name for number in _NUMBERS for name in (number, f"{number}Path")),
)
_READERS = {
    "arn:aws:states:::s3:listObjectsV2": (None,),
    "arn:aws:states:::s3:getObject": ("CSV", "JSON", "JSONL", "MANIFEST"),
}
_WRITER = "arn:aws:states:::s3:putObject"


class Template:
    """A JSON object in which names that end in ``.$`` have paths and intrinsics as values."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        state = {"Type": "Pass", "Parameters": content, "End": True}
        program, _ = _stock_parse(json.dumps({"StartAt": "T", "States": {"T": state}}))
        self._parameters = program.states.states["T"].parameters

    def value(self, env: Any, given: Any) -> Any:
        """The object for the state's input ``given``."""
        frame = env.open_frame()
        try:
            frame.states.reset(given)
            frame.stack = [given]
            self._parameters.eval(frame)
            return frame.stack.pop()
        finally:
            env.close_frame(frame)


def _number(settings: Mapping[str, Any], name: str) -> Template | None:
    """A setting that is a number or, under a name with Path, a reference to one."""
    if f"{name}Path" in settings:
        return Template({"value.$": settings[f"{name}Path"]})
    return Template({"value": settings[name]}) if name in settings else None


@dataclass(frozen=True, kw_only=True)
class ItemReader:
    """Where the items are.

    Attributes:
        resource: the ARN of the S3 operation.
        config: its ReaderConfig, without MaxItems.
        max_items: how many of them at most.
        parameters: bucket, and key or prefix.
    """

    resource: str
    config: Mapping[str, Any]
    max_items: Template | None
    parameters: Template

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> ItemReader:
        """From the definition.

        Raises:
            ValueError: it asks for what the local AWS does not have.
        """
        resource = given.get("Resource")
        config = dict(given.get("ReaderConfig") or {})
        kind = config.get("InputType")
        if resource not in _READERS:
            raise ValueError(f"ItemReader's Resource must be one of {list(_READERS)}: {resource}")
        if kind not in _READERS[resource]:
            raise ValueError(f"the local AWS does not read items of InputType {kind} by {resource}")
        if kind == "MANIFEST" and config.get("ManifestType", "S3_INVENTORY") != "S3_INVENTORY":
            raise ValueError("the local AWS reads manifests of ManifestType S3_INVENTORY only")
        if config.get("Transformation", "NONE") != "NONE":
            raise ValueError("the local AWS does not load and flatten listed objects")
        if kind == "CSV" and config.get("CSVHeaderLocation") not in ("FIRST_ROW", "GIVEN"):
            raise ValueError("CSVHeaderLocation must be FIRST_ROW or GIVEN")
        return cls(
            resource=resource,
            config=config,
            max_items=_number(config, "MaxItems"),
            parameters=Template(given.get("Parameters") or {}),
        )


@dataclass(frozen=True, kw_only=True)
class ItemBatcher:
    """How many items a child gets at once.

    Attributes:
        max_items: their number.
        max_bytes: the size of its input.
        batch_input: what each child gets beside its items.
    """

    max_items: Template | None
    max_bytes: Template | None
    batch_input: Template | None

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> ItemBatcher:
        """From the definition.

        Raises:
            ValueError: it has no limit.
        """
        batcher = cls(
            max_items=_number(given, "MaxItemsPerBatch"),
            max_bytes=_number(given, "MaxInputBytesPerBatch"),
            batch_input=Template(given["BatchInput"]) if "BatchInput" in given else None,
        )
        if batcher.max_items is None and batcher.max_bytes is None:
            raise ValueError("ItemBatcher needs MaxItemsPerBatch or MaxInputBytesPerBatch")
        return batcher


@dataclass(frozen=True, kw_only=True)
class ResultWriter:
    """How results are given back.

    Attributes:
        parameters: bucket and prefix; None to hand them to the next state.
        transformation: NONE with, COMPACT without the data of the executions, or FLATTEN.
        lines: JSON Lines instead of an array.
    """

    parameters: Template | None
    transformation: str
    lines: bool

    @classmethod
    def parse(cls, given: Mapping[str, Any] | None) -> ResultWriter:
        """From the definition.

        Raises:
            ValueError: it names another operation than PutObject, or an unknown format.
        """
        given = given or {}
        if given and given.get("Resource", _WRITER) != _WRITER:
            raise ValueError(f"ResultWriter's Resource must be {_WRITER}: {given['Resource']}")
        config = given.get("WriterConfig") or {}
        transformation = config.get("Transformation", "NONE" if "Resource" in given else "COMPACT")
        output = config.get("OutputType", "JSON")
        if transformation not in ("NONE", "COMPACT", "FLATTEN") or output not in ("JSON", "JSONL"):
            raise ValueError(f"WriterConfig must have a known format: {config}")
        return cls(
            parameters=Template(given.get("Parameters") or {}) if "Resource" in given else None,
            transformation=transformation,
            lines=output == "JSONL",
        )


@dataclass(frozen=True, kw_only=True)
class DistributedMap:
    """The distributed fields of one Map state."""

    reader: ItemReader | None
    batcher: ItemBatcher | None
    writer: ResultWriter
    tolerated_count: Template | None
    tolerated_percentage: Template | None

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> DistributedMap:
        """From the fields that were taken out of the state."""
        return cls(
            reader=ItemReader.parse(given["ItemReader"]) if "ItemReader" in given else None,
            batcher=ItemBatcher.parse(given["ItemBatcher"]) if "ItemBatcher" in given else None,
            writer=ResultWriter.parse(given.get("ResultWriter")),
            tolerated_count=_number(given, "ToleratedFailureCount"),
            tolerated_percentage=_number(given, "ToleratedFailurePercentage"),
        )


@lru_cache(maxsize=64)
def parse(definition: str) -> Any:
    """The program of a definition in moto's terms, each distributed map with its `DistributedMap`.

    Programs keep no state of their executions, which so share them.

    Raises:
        ValueError: a distributed map asks for what the local AWS does not have.
    """
    try:
        content = json.loads(definition)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        return _stock_parse(definition)
    found: dict[str, DistributedMap] = {}
    for name, state in _distributed(content):
        if name in found:
            raise ValueError(f"state names must be unique within the state machine: {name}")
        found[name] = DistributedMap.parse(
            {field: state.pop(field) for field in _FIELDS if field in state}
        )
    if not found:
        return _stock_parse(definition)
    program, tree = _stock_parse(json.dumps(content))
    for state in _states(program.states.states):
        if isinstance(state, StateMap) and state.name in found:
            vars(state)["distributed"] = found[state.name]
    return program, tree


def _distributed(content: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every Map state in distributed mode, outer ones first."""
    for name, state in (content.get("States") or {}).items():
        processor = state.get("ItemProcessor") or state.get("Iterator") or {}
        config = processor.get("ProcessorConfig") or {}
        if config.get("Mode") == "DISTRIBUTED":
            if config.get("ExecutionType", "STANDARD") != "STANDARD":
                raise ValueError("the local AWS runs children of a Distributed Map as STANDARD")
            if "JSONata" in (content.get("QueryLanguage"), state.get("QueryLanguage")):
                raise ValueError("the local AWS runs a Distributed Map with JSONPath only")
            yield name, state
        for inner in (processor, *(state.get("Branches") or ())):
            yield from _distributed(inner)


def _states(states: Mapping[str, Any]) -> Iterator[Any]:
    """Every state of a program."""
    for state in states.values():
        yield state
        if isinstance(state, StateParallel):
            for branch in state.branches.programs:
                yield from _states(branch.states.states)
        elif isinstance(state, StateMap):
            yield from _states(state.iteration_component._states.states)
