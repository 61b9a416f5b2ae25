"""What CreateTransformJob refuses before anything runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from local_aws.transform.join import CSV, JSON_TYPES, media_type
from local_aws.transform.jsonpath import JsonPathError
from local_aws.transform.settings import DEFAULT_PAYLOAD_MB, data_processing

MAX_PAYLOAD_MB = 100


@cache
def _operation(name: str) -> OperationModel:
    return botocore.session.get_session().get_service_model("sagemaker").operation_model(name)


def constraint_faults(operation: str, request: Mapping[str, Any]) -> list[str]:
    """Faults against the service's own model: required members, lengths, ranges, patterns, enums.

    boto3 checks types and minima only; the service checks the rest.
    """
    return list(_faults(_operation(operation).input_shape, request, ""))


def _faults(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            if value.get(name) is None:
                yield _fault(None, _member(path, name), "Member must not be null")
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from _faults(member, value[name], _member(path, name))
        return
    yield from _own_faults(shape, value, path)
    if isinstance(shape, ListShape):
        for index, item in enumerate(value, start=1):
            yield from _faults(shape.member, item, f"{path}.{index}.member")
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            yield from _faults(shape.key, key, f"{path}.{key}.key")
            yield from _faults(shape.value, item, f"{path}.{key}.member")


def _own_faults(shape: Shape, value: Any, path: str) -> Iterator[str]:
    limits = shape.metadata
    is_number = shape.type_name in ("integer", "long", "float", "double")
    size, what = (value, "value") if is_number else (_length(value), "length")
    if size is not None and size > limits.get("max", size):
        rule = f"Member must have {what} less than or equal to {limits['max']}"
        yield _fault(value, path, rule)
    if size is not None and size < limits.get("min", size):
        rule = f"Member must have {what} greater than or equal to {limits['min']}"
        yield _fault(value, path, rule)
    enum = limits.get("enum")
    if enum and value not in enum:
        yield _fault(value, path, f"Member must satisfy enum value set: [{', '.join(enum)}]")
    pattern = limits.get("pattern")
    if pattern and not re.fullmatch(pattern, value):
        yield _fault(value, path, f"Member must satisfy regular expression pattern: {pattern}")


def _length(value: Any) -> int | None:
    return len(value) if isinstance(value, str | list | dict) else None


def _member(path: str, name: str) -> str:
    lowered = name[0].lower() + name[1:]
    return f"{path}.{lowered}" if path else lowered


def _fault(value: Any, path: str, rule: str) -> str:
    shown = "Value null" if value is None else f"Value '{value}'"
    return f"{shown} at '{path}' failed to satisfy constraint: {rule}"


def combined(faults: list[str]) -> str:
    """Faults against the model in one message, as the service puts them."""
    word = "error" if len(faults) == 1 else "errors"
    return f"{len(faults)} validation {word} detected: {'; '.join(faults)}"


def combination_faults(request: Mapping[str, Any]) -> list[str]:
    """Faults between settings that are each valid; the request has no `constraint_faults`."""
    return [*_payload(request), *_source(request), *_strategy(request), *_processing(request)]


def _payload(request: Mapping[str, Any]) -> Iterator[str]:
    payload = request.get("MaxPayloadInMB")
    if payload is not None and payload > MAX_PAYLOAD_MB:
        yield f"MaxPayloadInMB cannot be greater than {MAX_PAYLOAD_MB} MB, got {payload}"
        return
    concurrency = request.get("MaxConcurrentTransforms") or 0
    total = concurrency * (DEFAULT_PAYLOAD_MB if payload is None else payload)
    if total > MAX_PAYLOAD_MB:
        yield (
            f"MaxConcurrentTransforms * MaxPayloadInMB cannot exceed {MAX_PAYLOAD_MB} MB, "
            f"got {concurrency} * {DEFAULT_PAYLOAD_MB if payload is None else payload} = {total}"
        )


def _source(request: Mapping[str, Any]) -> Iterator[str]:
    kind = request["TransformInput"]["DataSource"]["S3DataSource"]["S3DataType"]
    if kind not in ("S3Prefix", "ManifestFile"):
        yield f"S3DataType {kind} is not supported for transform jobs: S3Prefix or ManifestFile"


def _strategy(request: Mapping[str, Any]) -> Iterator[str]:
    split_type = request["TransformInput"].get("SplitType") or "None"
    if request.get("BatchStrategy") == "SingleRecord" and split_type == "None":
        yield "BatchStrategy SingleRecord needs SplitType Line, RecordIO or TFRecord, got None"


def _processing(request: Mapping[str, Any]) -> Iterator[str]:
    try:
        processing = data_processing(request)
    except JsonPathError as error:
        yield f"Invalid JSONPath in DataProcessing: {error}"
        return
    if processing.input_filter.is_root and not processing.changes_output:
        return
    source, output = request["TransformInput"], request["TransformOutput"]
    content, accept = media_type(source.get("ContentType")), media_type(output.get("Accept"))
    split_type, assembly = source.get("SplitType") or "None", output.get("AssembleWith") or "None"
    if content not in (CSV, *JSON_TYPES):
        known = ", ".join((CSV, *JSON_TYPES))
        yield f"DataProcessing needs a ContentType of {known}, got {content or 'none'}"
        return
    if processing.is_csv and split_type != "Line":
        yield f"DataProcessing of {CSV} needs SplitType Line, got {split_type}"
    if split_type not in ("Line", "None"):
        yield f"DataProcessing needs SplitType Line or None, got {split_type}"
    if processing.is_csv and not _csv_paths(processing):
        yield f"DataProcessing of {CSV} takes JSONPaths of indexes only, such as $[0] or $[1:]"
    if processing.changes_output:
        if accept != content:
            yield (
                "JoinSource and OutputFilter need the same ContentType and Accept, "
                f"got {content} and {accept or 'none'}"
            )
        if (split_type == "Line") != (assembly == "Line"):
            yield (
                "JoinSource and OutputFilter need SplitType and AssembleWith to be both Line or "
                f"both None, got {split_type} and {assembly}"
            )


def _csv_paths(processing: Any) -> bool:
    return bool(processing.input_filter.indexes_only and processing.output_filter.indexes_only)
