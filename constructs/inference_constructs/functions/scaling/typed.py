"""CloudFormation's properties as the API takes them.

A custom resource gets every number and truth value as a text; the API's own model, which boto3
brings along, tells what they are.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any


def arguments(client: Any, operation: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of an operation, out of properties of the same names.

    Args:
        client: a boto3 client.
        operation: in the API's own words.
        properties: more than these may be given; what the operation does not know stays out.
    """
    shape = client.meta.service_model.operation_model(operation).input_shape
    given: dict[str, Any] = _typed(properties, shape)
    return given


def same(wanted: Mapping[str, Any], found: Mapping[str, Any], *, whole: bool = False) -> bool:
    """Whether what is there is what is wanted.

    Args:
        wanted: arguments of an operation.
        found: what a description of the same thing says.
        whole: whether nothing else may be there.
    """
    names = wanted.keys() | (_CHOSEN & found.keys() if whole else set())
    return all(_plain(wanted.get(name)) == _plain(found.get(name)) for name in names)


# Of a scheduled action, what is not made up by the service.
_CHOSEN = frozenset({"Schedule", "Timezone", "StartTime", "EndTime", "ScalableTargetAction"})


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "integer": int,
    "double": float,
    "boolean": lambda value: str(value).lower() == "true",
    "timestamp": lambda value: datetime.fromisoformat(str(value)),
}


def _typed(value: Any, shape: Any) -> Any:
    if shape.type_name == "structure":
        return {
            name: _typed(value[name], member)
            for name, member in shape.members.items()
            if name in value
        }
    if shape.type_name == "list":
        return [_typed(member, shape.member) for member in value]
    return _SCALARS.get(shape.type_name, str)(value)


def _plain(value: Any) -> Any:
    """A value without what says nothing: empty members, and where a moment was told."""
    match value:
        case Mapping():
            members = {name: _plain(member) for name, member in value.items()}
            return {name: member for name, member in members.items() if member not in (None, [])}
        case list():
            return [_plain(member) for member in value]
        case datetime():
            return value.astimezone(UTC)
        case _:
            return value
