"""Judges a request by SageMaker's service model, and says so in the service's words.

boto3 checks types and lower bounds only; enums, patterns and the rest are the service's to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore.model import Shape, StringShape
from moto.core.utils import get_service_model

from local_aws.sagemaker.errors import ValidationException


def validate(operation: str, request: Mapping[str, Any], *, service: str = "sagemaker") -> None:
    """Check the parameters of an operation of a service of SageMaker's.

    Raises:
        ValidationException: all faults in one message.
    """
    faults = list(_faults(_input(service, operation), request, ""))
    if faults:
        plural = "s" if len(faults) > 1 else ""
        raise ValidationException(
            f"{len(faults)} validation error{plural} detected: {'; '.join(faults)}"
        )


@cache
def _input(service: str, operation: str) -> Shape:
    return get_service_model(service).operation_model(operation).input_shape


def _faults(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            inner = f"{path}.{_lower(name)}" if path else _lower(name)
            if value.get(name) is not None:
                yield from _faults(member, value[name], inner)
            elif name in shape.required_members:
                yield _fault("null", inner, "Member must not be null")
        return
    if shape.type_name == "list":
        yield from _size(shape, len(value), "[...]", path)
        for number, item in enumerate(value, 1):
            yield from _faults(shape.member, item, f"{path}.{number}.member")
    elif shape.type_name == "map":
        yield from _size(shape, len(value), "{...}", path)
    elif shape.type_name == "string":
        yield from _string(shape, value, path)
    elif shape.type_name in {"integer", "long", "float", "double"}:
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if low is not None and value < low:
            what = f"Member must have value greater than or equal to {low}"
            yield _fault(f"'{value}'", path, what)
        if high is not None and value > high:
            yield _fault(f"'{value}'", path, f"Member must have value less than or equal to {high}")


def _string(shape: StringShape, value: str, path: str) -> Iterator[str]:
    shown = f"'{value}'"
    if shape.enum and value not in shape.enum:
        allowed = ", ".join(shape.enum)
        yield _fault(shown, path, f"Member must satisfy enum value set: [{allowed}]")
    pattern = shape.metadata.get("pattern")
    if pattern is not None and not _matches(pattern, value):
        yield _fault(shown, path, f"Member must satisfy regular expression pattern: {pattern}")
    yield from _size(shape, len(value), shown, path)


def _size(shape: Shape, length: int, shown: str, path: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and length < low:
        yield _fault(shown, path, f"Member must have length greater than or equal to {low}")
    if high is not None and length > high:
        yield _fault(shown, path, f"Member must have length less than or equal to {high}")


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:
        # Java's classes such as \p{L}: what cannot be checked is let through.
        return None


def _matches(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


def _fault(value: str, path: str, constraint: str) -> str:
    return f"Value {value} at '{path}' failed to satisfy constraint: {constraint}"


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]
