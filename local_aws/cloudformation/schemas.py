"""CloudFormation's resource schemas: validation of properties and what a change needs.

The schemas are AWS's own, as cfn-lint ships them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError

from local_aws.cloudformation.intrinsics import Unresolved

_JSON_TYPES = {
    bool: "Boolean",
    int: "Integer",
    float: "Number",
    str: "String",
    list: "JSONArray",
    dict: "JSONObject",
}


_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "array": (list,),
    "integer": (int,),
    "null": (type(None),),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}


class Problem:
    """A fault of a property.

    Attributes:
        path: where, as names and indexes from the properties' root.
        reason: what, as AWS words it.
    """

    def __init__(self, path: tuple[str | int, ...], reason: str) -> None:
        self.path = path
        self.reason = reason

    def pointer(self, logical_id: str) -> str:
        """Where in the template the fault is."""
        return "/".join(("/Resources", logical_id, "Properties", *map(str, self.path)))

    def __str__(self) -> str:
        return f"{'/'.join(('#', *map(str, self.path)))}: {self.reason}"


class Schema:
    """The schema of one resource type."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._definitions = document.get("definitions", {})

    def recreation(self, name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
        """Whether a changed property needs a new resource: Always, Conditionally or Never."""
        for key, verdict in (
            ("createOnlyProperties", "Always"),
            ("conditionalCreateOnlyProperties", "Conditionally"),
        ):
            for pointer in self._document.get(key, ()):
                names = _names(pointer)
                if names[0] == name and list(_at(old, names)) != list(_at(new, names)):
                    return verdict
        return "Never"

    @property
    def tag_property(self) -> str | None:
        """Name of the property that holds tags; None when there is none."""
        tagging = self._document.get("tagging", {})
        name = str(tagging.get("tagProperty", "/properties/Tags")).rsplit("/", 1)[-1]
        known = name in self._document.get("properties", {})
        return name if known and tagging.get("taggable") is not False else None

    def tagged(self, properties: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
        """``properties`` with the stack's tags, where the type has tags; its own tags win."""
        name = self.tag_property
        own = properties.get(name) if name is not None else None
        if not tags or name is None or isinstance(own, Unresolved):
            return dict(properties)
        declared = self._expand(self._document["properties"][name])
        if declared.get("type") != "array":
            return {**properties, name: {**tags, **(own or {})}}
        item = self._expand(declared.get("items", {})).get("properties", {})
        key, value = ("TagKey", "TagValue") if "TagKey" in item else ("Key", "Value")
        taken = {tag.get(key) for tag in own or ()}
        extra = {"PropagateAtLaunch": True} if "PropagateAtLaunch" in item else {}
        added = [{key: k, value: v, **extra} for k, v in tags.items() if k not in taken]
        return {**properties, name: [*(own or ()), *added]}

    def coerced(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """``properties`` with scalars in the schema's types, as CloudFormation converts them."""
        result = self._coerce(self._document, dict(properties))
        assert isinstance(result, dict)
        return result

    def problems(self, properties: Mapping[str, Any]) -> list[Problem]:
        """Faults of ``properties``; values that are not known yet pass."""
        return list(self._check(self._document, dict(properties), ()))

    def _expand(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        seen = 0
        while "$ref" in schema and seen < 20:
            target: Any = self._document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            schema = target
            seen += 1
        return schema

    def _coerce(self, schema: Mapping[str, Any], value: Any) -> Any:
        schema = self._expand(schema)
        kind = schema.get("type")
        if isinstance(value, dict):
            return {k: self._coerce(_inner(schema, k) or {}, item) for k, item in value.items()}
        if isinstance(value, list):
            return [self._coerce(schema.get("items", {}), item) for item in value]
        if isinstance(value, Unresolved):
            return value
        return _scalar(kind, value)

    def _check(
        self, schema: Mapping[str, Any], value: Any, path: tuple[str | int, ...]
    ) -> Iterator[Problem]:
        schema = self._expand(schema)
        if isinstance(value, Unresolved):
            return
        kinds = schema.get("type")
        if kinds is not None and not _is(kinds, value):
            expected = kinds if isinstance(kinds, str) else kinds[0]
            yield Problem(
                path,
                f"expected type: {_TITLES.get(expected, expected)}, found: {_found(value)}",
            )
            return
        if isinstance(value, dict):
            yield from self._check_object(schema, value, path)
        elif isinstance(value, list):
            yield from _check_count(schema, value, path)
            for index, item in enumerate(value):
                yield from self._check(schema.get("items", {}), item, (*path, index))
        else:
            yield from _check_scalar(schema, value, path)

    def _check_object(
        self, schema: Mapping[str, Any], value: dict[str, Any], path: tuple[str | int, ...]
    ) -> Iterator[Problem]:
        for name in schema.get("required", ()):
            if name not in value:
                yield Problem(path, f"required key [{name}] not found")
        for key, item in value.items():
            inner = _inner(schema, key)
            if inner is not None:
                yield from self._check(inner, item, (*path, key))
            elif schema.get("additionalProperties") is False:
                yield Problem(path, f"extraneous key [{key}] is not permitted")


_TITLES = {
    "array": "JSONArray",
    "boolean": "Boolean",
    "integer": "Integer",
    "number": "Number",
    "object": "JSONObject",
    "string": "String",
}


@cache
def schema_of(type_name: str, region: str = "us-east-1") -> Schema | None:
    """The schema of ``type_name``; None when AWS publishes none, as for custom resources."""
    try:
        found = PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, type_name)
    except ResourceNotFoundError:
        return None
    return Schema(found.schema)


def _inner(schema: Mapping[str, Any], key: str) -> Mapping[str, Any] | None:
    """The schema of one property of an object; None when it has none of that name."""
    if key in schema.get("properties", {}):
        found: Mapping[str, Any] = schema["properties"][key]
        return found
    for pattern, found in schema.get("patternProperties", {}).items():
        if _matches(pattern, key):
            return found
    return None


def _names(pointer: str) -> list[str]:
    return pointer.removeprefix("/properties/").split("/")


def _at(value: Any, names: list[str]) -> Iterator[Any]:
    """Values at a pointer; ``*`` stands for each item."""
    if not names:
        yield value
    elif names[0] == "*":
        items = (
            value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        )
        for item in items:
            yield from _at(item, names[1:])
    elif isinstance(value, list):
        for item in value:
            yield from _at(item, names)
    elif isinstance(value, Mapping) and names[0] in value:
        yield from _at(value[names[0]], [name for name in names[1:] if name != "properties"])


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        # A pattern in the syntax of Java or JavaScript that Python does not know.
        return True


def _found(value: Any) -> str:
    return _JSON_TYPES.get(type(value), "Null")


def _is(kinds: str | list[str], value: Any) -> bool:
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        # A boolean is an integer in Python, and in no schema.
        if isinstance(value, bool):
            if kind == "boolean":
                return True
        elif isinstance(value, _PYTHON_TYPES.get(kind, ())):
            return True
    return False


def _scalar(kind: Any, value: Any) -> Any:
    """A scalar in the type the schema has; unchanged where it cannot be converted."""
    if isinstance(kind, list):
        kind = next((k for k in kind if _is(k, value)), kind[0])
    if isinstance(value, str):
        return _from_text(kind, value)
    if kind == "string" and isinstance(value, bool):
        return "true" if value else "false"
    if kind == "string" and isinstance(value, int | float):
        return str(value)
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _from_text(kind: str | None, value: str) -> Any:
    if kind == "boolean" and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if kind in ("integer", "number") and re.fullmatch(r"[+-]?\d+", value):
        return int(value)
    if kind == "number" and re.fullmatch(r"[+-]?\d*\.?\d+([eE][+-]?\d+)?", value):
        return float(value)
    return value


def _check_count(
    schema: Mapping[str, Any], value: list[Any], path: tuple[str | int, ...]
) -> Iterator[Problem]:
    if len(value) < schema.get("minItems", 0):
        yield Problem(
            path, f"expected minimum item count: {schema['minItems']}, found: {len(value)}"
        )
    if len(value) > schema.get("maxItems", len(value)):
        yield Problem(
            path, f"expected maximum item count: {schema['maxItems']}, found: {len(value)}"
        )


def _check_scalar(
    schema: Mapping[str, Any], value: Any, path: tuple[str | int, ...]
) -> Iterator[Problem]:
    if "enum" in schema and value not in schema["enum"]:
        yield Problem(path, "failed validation constraint for keyword [enum]")
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0):
            yield Problem(path, f"expected minLength: {schema['minLength']}, actual: {len(value)}")
        if len(value) > schema.get("maxLength", len(value)):
            yield Problem(path, f"expected maxLength: {schema['maxLength']}, actual: {len(value)}")
        if "pattern" in schema and not _matches(schema["pattern"], value):
            yield Problem(path, "failed validation constraint for keyword [pattern]")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if value < schema.get("minimum", value):
            yield Problem(path, f"{value} is not greater or equal to {schema['minimum']}")
        if value > schema.get("maximum", value):
            yield Problem(path, f"{value} is not less or equal to {schema['maximum']}")
