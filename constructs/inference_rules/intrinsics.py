"""CloudFormation's intrinsic functions, worked out as far as a template alone allows."""

import re
from collections.abc import Callable, Mapping
from typing import Any

_VARIABLE = re.compile(r"\$\{([^!{}][^{}]*)\}")
_ESCAPED = re.compile(r"\$\{!([^{}]*)\}")
_NOTHING = object()


class Intrinsics:
    """Works values of one template out.

    Args:
        template: the template, for its parameters, mappings and conditions.
        resources: its resources.
        name_properties: by type, the property that holds a resource's name.
    """

    def __init__(
        self,
        template: Mapping[str, Any],
        resources: Mapping[str, Mapping[str, Any]],
        name_properties: Mapping[str, str],
    ) -> None:
        self._parameters = _section(template, "Parameters")
        self._mappings = _section(template, "Mappings")
        self._conditions = _section(template, "Conditions")
        self._resources = resources
        self._names = name_properties
        self._functions: Mapping[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::If": self._if,
            "Fn::FindInMap": self._find_in_map,
        }
        self._resolving: set[str] = set()

    def resolve(self, value: Any) -> Any:
        """Works a value out.

        Args:
            value: as in the template.

        Returns:
            The same without functions: what is not known is text with `${…}`.
        """
        found = self._resolve(value)
        return None if found is _NOTHING else found

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            items = (self._resolve(item) for item in value)
            return [item for item in items if item is not _NOTHING]
        if not isinstance(value, Mapping):
            return value
        if len(value) == 1:
            ((key, argument),) = value.items()
            if key in self._functions:
                return self._functions[key](argument)
            if isinstance(key, str) and key.startswith("Fn::"):
                return _unknown(key.removeprefix("Fn::"), argument)
        pairs = ((str(key), self._resolve(inner)) for key, inner in value.items())
        return {key: inner for key, inner in pairs if inner is not _NOTHING}

    def _ref(self, name: Any) -> Any:
        if name == "AWS::NoValue":
            return _NOTHING
        if name in self._parameters:
            parameter = self._parameters[name]
            default = parameter.get("Default") if isinstance(parameter, Mapping) else None
            lookup = isinstance(parameter, Mapping) and "SSM" in str(parameter.get("Type"))
            return f"${{{name}}}" if default is None or lookup else default
        # Some types answer Ref with their name, and then a literal name is known.
        resource = self._resources.get(name, {})
        answers_with_name = not str(resource.get("Type")).startswith("AWS::SageMaker::")
        if answers_with_name and resource.get("Type") not in ("AWS::SNS::Topic", "AWS::SQS::Queue"):
            return self._named(name) or f"${{{name}}}"
        return f"${{{name}}}"

    def _get_att(self, argument: Any) -> str:
        parts = argument.split(".", 1) if isinstance(argument, str) else list(argument)
        name, attribute = str(parts[0]), ".".join(str(part) for part in parts[1:])
        name_property = self._names.get(str(self._resources.get(name, {}).get("Type")))
        if attribute == name_property:
            return self._named(name) or f"${{{name}.{attribute}}}"
        return f"${{{name}.{attribute}}}"

    def _named(self, logical_id: str) -> str | None:
        resource = self._resources.get(logical_id, {})
        name_property = self._names.get(str(resource.get("Type")), "")
        properties = resource.get("Properties")
        given = properties.get(name_property) if isinstance(properties, Mapping) else None
        if given is None or logical_id in self._resolving:
            return None
        self._resolving.add(logical_id)
        try:
            found = self._resolve(given)
        finally:
            self._resolving.discard(logical_id)
        return found if isinstance(found, str) else None

    def _sub(self, argument: Any) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])
        values = {name: self._resolve(value) for name, value in given.items()}

        def put(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name in values:
                return _text(values[name])
            if "." in name:
                return self._get_att(name)
            return _text(self._ref(name))

        return _ESCAPED.sub(r"${\1}", _VARIABLE.sub(put, str(text)))

    def _join(self, argument: Any) -> str:
        delimiter, values = argument
        found = self._resolve(values)
        if not isinstance(found, list):
            return _unknown("Join", argument)
        return str(delimiter).join(_text(value) for value in found)

    def _select(self, argument: Any) -> Any:
        index, values = argument
        found = self._resolve(values)
        if isinstance(found, list) and str(index).isdigit() and int(index) < len(found):
            return found[int(index)]
        return _unknown("Select", argument)

    def _split(self, argument: Any) -> Any:
        delimiter, text = argument
        found = self._resolve(text)
        if isinstance(found, str) and "${" not in found:
            return found.split(delimiter)
        return _unknown("Split", argument)

    def _if(self, argument: Any) -> Any:
        condition, yes, no = argument
        holds = self._holds({"Condition": condition})
        if holds is None:
            chosen, other = self._resolve(yes), self._resolve(no)
            return chosen if chosen == other else _unknown("If", argument)
        return self._resolve(yes if holds else no)

    def _holds(self, condition: Any) -> bool | None:
        if not isinstance(condition, Mapping) or len(condition) != 1:
            return None
        ((kind, argument),) = condition.items()
        if kind == "Condition":
            return self._holds(self._conditions.get(argument))
        if kind == "Fn::Equals":
            return self._equal(*argument)
        if kind == "Fn::Not":
            inner = self._holds(argument[0])
            return None if inner is None else not inner
        if kind in ("Fn::And", "Fn::Or"):
            parts = [self._holds(part) for part in argument]
            decisive = kind == "Fn::Or"
            undecided = None if None in parts else not decisive
            return decisive if decisive in parts else undecided
        return None

    def _equal(self, first: Any, second: Any) -> bool | None:
        sides = [str(self._resolve(side)) for side in (first, second)]
        if sides[0] == sides[1]:
            return True
        return None if any("${" in side for side in sides) else False

    def _find_in_map(self, argument: Any) -> Any:
        keys = [self._resolve(key) for key in argument[:3]]
        value: Any = self._mappings
        for key in keys:
            if not isinstance(value, Mapping) or key not in value:
                return _unknown("FindInMap", argument)
            value = value[key]
        return self._resolve(value)


def references(value: Any) -> frozenset[str]:
    """Collects the logical ids and parameters that a value refers to.

    Args:
        value: as in the template.
    """
    if isinstance(value, list):
        return frozenset().union(*(references(item) for item in value))
    if not isinstance(value, Mapping):
        return frozenset()
    found: set[str] = set()
    for key, inner in value.items():
        if key == "Ref" and isinstance(inner, str):
            found.add(inner)
        elif key == "Fn::GetAtt":
            found.add(str(inner).split(".", 1)[0] if isinstance(inner, str) else str(inner[0]))
        elif key == "Fn::Sub":
            text = inner if isinstance(inner, str) else inner[0]
            found |= {name.split(".", 1)[0].strip() for name in _VARIABLE.findall(str(text))}
            found |= references(inner)
        else:
            found |= references(inner)
    return frozenset(found)


def _section(template: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = template.get(name)
    return section if isinstance(section, Mapping) else {}


def _text(value: Any) -> str:
    return "" if value is _NOTHING else str(value)


def _unknown(function: str, argument: Any) -> str:
    # The same argument gives the same text, so that equal values stay equal.
    return f"${{{function}:{argument}}}"
