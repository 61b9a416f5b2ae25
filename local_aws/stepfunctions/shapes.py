"""Parameters and results of a task in the two spellings: the state machine's and boto3's.

A state machine writes every name with a capital first letter, whatever the service's API does, and
knows nothing but JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.response import StreamingBody

_Convert = Callable[[Any, Shape], Any]


@cache
def operation(boto_service: str, action: str) -> OperationModel | None:
    """An operation by boto3's name of its service and its own in snake case; None if unknown."""
    session = botocore.session.get_session()
    if boto_service not in session.get_available_services():
        return None
    model = session.get_service_model(boto_service)
    for name in model.operation_names:
        if xform_name(name) == action:
            return model.operation_model(name)
    return None


def to_request(value: Any, shape: Shape | None) -> Any:
    """Parameters of a task as boto3 takes them."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = {name.lower(): name for name in shape.members}
        found = ((members.get(key.lower(), key), item) for key, item in value.items())
        return {name: to_request(item, shape.members.get(name)) for name, item in found}
    if _is_container(shape, value):
        return _items(to_request, value, shape)
    if shape is not None and shape.type_name == "blob" and not isinstance(value, bytes):
        return (value if isinstance(value, str) else _text(value)).encode()
    if shape is not None and shape.type_name == "string" and not isinstance(value, str):
        return _text(value)
    return value


def from_response(value: Any, shape: Shape | None) -> Any:
    """What boto3 returned as a state's result."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {
            name[0].upper() + name[1:]: from_response(item, shape.members.get(name))
            for name, item in value.items()
        }
    if _is_container(shape, value):
        return _items(from_response, value, shape)
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, StreamingBody):
        value = value.read()
    return value.decode() if isinstance(value, bytes) else value


def _is_container(shape: Shape | None, value: Any) -> bool:
    return (isinstance(shape, ListShape) and isinstance(value, list)) or (
        isinstance(shape, MapShape) and isinstance(value, dict)
    )


def _items(convert: _Convert, value: Any, shape: Any) -> Any:
    if isinstance(shape, ListShape):
        return [convert(item, shape.member) for item in value]
    return {key: convert(item, shape.value) for key, item in value.items()}


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
