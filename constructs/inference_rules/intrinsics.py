"""Works out CloudFormation's intrinsic functions, as far as the template alone tells."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

_PLACEHOLDER: Final = re.compile(r"\$\{(!?)([^}]+)\}")
_PARTITIONS: Final = {"cn": ("aws-cn", "amazonaws.com.cn")}
_NO_VALUE: Final = object()
# What wrong arguments of a function raise: they are for a linter, or for CloudFormation, to tell.
_WRONG_ARGUMENTS: Final = (AttributeError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, kw_only=True)
class Unresolved:
    """What only a deployment tells.

    Attributes:
        text: what it is, as in `Fn::Sub`: `Endpoint.EndpointName`, `AWS::AccountId`.
        logical_id: the resource or parameter that it comes from, if it is one's.
        attribute: of the resource; None for what `Ref` gives.
    """

    text: str
    logical_id: str | None = None
    attribute: str | None = None

    def __str__(self) -> str:
        return f"${{{self.text}}}"


class Resolver:
    """Resolves values of one template.

    Parameters have their defaults. Within a longer text what only a deployment tells stays
    as `${Endpoint.EndpointName}`, so that two texts that mean the same are equal.

    Args:
        template: the template.
        region: where it goes, if that is known.
        parameters: values that count instead of the defaults.
    """

    def __init__(
        self,
        template: Mapping[str, Any],
        *,
        region: str | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        self._template = template
        self._region = region
        self._given = {} if parameters is None else dict(parameters)
        # What is being worked out, for a template whose parts refer to one another in a circle.
        self._open: list[tuple[str, str]] = []

    def properties(self, logical_id: str) -> dict[str, Any]:
        """The resolved properties of a resource.

        Args:
            logical_id: the resource.
        """
        resolved = self.resolve(self._section("Resources")[logical_id].get("Properties", {}))
        return resolved if isinstance(resolved, dict) else {}

    def exists(self, logical_id: str) -> bool | None:
        """Whether a resource's condition holds; None if only a deployment tells.

        Args:
            logical_id: the resource.
        """
        condition = self._section("Resources")[logical_id].get("Condition")
        return True if condition is None else self.condition(str(condition))

    def condition(self, name: str) -> bool | None:
        """Whether a condition of the template holds; None if only a deployment tells.

        Args:
            name: the condition.
        """
        key = ("condition", name)
        if key in self._open or name not in self._section("Conditions"):
            return None
        self._open.append(key)
        try:
            return self._holds(self._section("Conditions")[name])
        except _WRONG_ARGUMENTS:
            return None
        finally:
            self._open.pop()

    def resolve(self, value: Any) -> Any:
        """Works a value out.

        Args:
            value: anything of the template.

        Returns:
            The value without intrinsic functions; `Unresolved` stands for those that only a
            deployment works out.
        """
        resolved = self._resolve(value)
        return None if resolved is _NO_VALUE else resolved

    def _section(self, name: str) -> Mapping[str, Any]:
        section = self._template.get(name)
        return section if isinstance(section, Mapping) else {}

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            members = [self._resolve(member) for member in value]
            return [member for member in members if member is not _NO_VALUE]
        if not isinstance(value, Mapping):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name == "Ref" or str(name).startswith("Fn::"):
                return self._function(str(name), argument)
        entries = {name: self._resolve(member) for name, member in value.items()}
        return {name: member for name, member in entries.items() if member is not _NO_VALUE}

    def _function(self, name: str, argument: Any) -> Any:
        function = _FUNCTIONS.get(name)
        if function is None:
            return Unresolved(text=f"{name} {_text(self._resolve(argument))}")
        try:
            return function(self, argument)
        except _WRONG_ARGUMENTS:
            return Unresolved(text=name)

    def _ref(self, argument: Any) -> Any:
        name = str(argument)
        if name.startswith("AWS::"):
            return self._pseudo(name)
        if name in self._given:
            return self._given[name]
        parameter = self._section("Parameters").get(name)
        if parameter is None:
            return Unresolved(text=name, logical_id=name)
        kind = str(parameter.get("Type", "String"))
        # The default of an SSM parameter is its name.
        if "Default" not in parameter or kind.startswith("AWS::SSM::Parameter::Value"):
            return Unresolved(text=name, logical_id=name)
        default = parameter["Default"]
        if kind == "CommaDelimitedList" or kind.startswith("List<"):
            return [part.strip() for part in str(default).split(",")]
        return default

    def _pseudo(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if self._region is not None:
            partition, suffix = _PARTITIONS.get(self._region[:2], ("aws", "amazonaws.com"))
            known = {
                "AWS::Region": self._region,
                "AWS::Partition": partition,
                "AWS::URLSuffix": suffix,
            }
            if name in known:
                return known[name]
        return Unresolved(text=name)

    def _get_att(self, argument: Any) -> Any:
        name, attribute = (
            argument.split(".", 1) if isinstance(argument, str) else (argument[0], argument[1])
        )
        attribute = _text(self._resolve(attribute))
        # Attributes with the name of a property, such as EndpointName, are that property.
        properties = self._section("Resources").get(name, {}).get("Properties", {})
        key = (name, attribute)
        if isinstance(properties, Mapping) and attribute in properties and key not in self._open:
            self._open.append(key)
            try:
                return self._resolve(properties[attribute])
            finally:
                self._open.pop()
        return Unresolved(text=f"{name}.{attribute}", logical_id=name, attribute=attribute)

    def _sub(self, argument: Any) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else argument

        def replace(found: re.Match[str]) -> str:
            literal, name = found.groups()
            name = name.strip()
            if literal:
                return f"${{{name}}}"
            if name in given:
                return _text(self._resolve(given[name]))
            if "." in name and not name.startswith("AWS::"):
                return _text(self._get_att(name))
            return _text(self._ref(name))

        return _PLACEHOLDER.sub(replace, text)

    def _join(self, argument: Any) -> Any:
        separator, parts = argument
        members = self._resolve(parts)
        if isinstance(members, Unresolved):
            return members
        return str(separator).join(_text(member) for member in members)

    def _select(self, argument: Any) -> Any:
        index, members = self._resolve(argument)
        if isinstance(index, Unresolved) or isinstance(members, Unresolved):
            return Unresolved(text=f"Fn::Select {index} of {members}")
        return members[int(index)]

    def _split(self, argument: Any) -> Any:
        separator, text = self._resolve(argument)
        return text if isinstance(text, Unresolved) else str(text).split(separator)

    def _find_in_map(self, argument: Any) -> Any:
        keys = [_text(self._resolve(key)) for key in argument[:3]]
        try:
            return self._resolve(self._section("Mappings")[keys[0]][keys[1]][keys[2]])
        except KeyError:
            options = argument[3] if len(argument) > 3 else {}
            if "DefaultValue" in options:
                return self._resolve(options["DefaultValue"])
            return Unresolved(text=f"Fn::FindInMap {'.'.join(keys)}")

    def _if(self, argument: Any) -> Any:
        name, yes, no = argument
        holds = self.condition(str(name))
        if holds is None:
            return Unresolved(text=f"Fn::If {name}")
        return self._resolve(yes if holds else no)

    def _to_json(self, argument: Any) -> str:
        return json.dumps(self._resolve(argument), default=str)

    def _base64(self, argument: Any) -> Any:
        return self._resolve(argument)

    def _holds(self, expression: Any) -> bool | None:
        if not isinstance(expression, Mapping) or len(expression) != 1:
            return None
        [(name, argument)] = expression.items()
        if name == "Condition":
            return self.condition(str(argument))
        function = _CONDITIONS.get(str(name))
        return None if function is None else function(self, argument)

    def _not(self, argument: Any) -> bool | None:
        holds = self._holds(argument[0])
        return None if holds is None else not holds

    def _and(self, argument: Any) -> bool | None:
        members = [self._holds(member) for member in argument]
        return False if False in members else None if None in members else True

    def _or(self, argument: Any) -> bool | None:
        members = [self._holds(member) for member in argument]
        return True if True in members else None if None in members else False

    def _equals(self, argument: Any) -> bool | None:
        left, right = (self._resolve(member) for member in argument)
        if isinstance(left, Unresolved) or isinstance(right, Unresolved):
            # The same unknown is equal to itself, whatever it is.
            return True if left == right else None
        return _text(left) == _text(right)


_FUNCTIONS: Final[Mapping[str, Callable[[Resolver, Any], Any]]] = {
    "Ref": Resolver._ref,
    "Fn::GetAtt": Resolver._get_att,
    "Fn::Sub": Resolver._sub,
    "Fn::Join": Resolver._join,
    "Fn::Select": Resolver._select,
    "Fn::Split": Resolver._split,
    "Fn::FindInMap": Resolver._find_in_map,
    "Fn::If": Resolver._if,
    "Fn::ToJsonString": Resolver._to_json,
    "Fn::Base64": Resolver._base64,
}
_CONDITIONS: Final[Mapping[str, Callable[[Resolver, Any], bool | None]]] = {
    "Fn::Not": Resolver._not,
    "Fn::And": Resolver._and,
    "Fn::Or": Resolver._or,
    "Fn::Equals": Resolver._equals,
}


def _text(value: Any) -> str:
    """A value within a text, as CloudFormation writes it."""
    if value is _NO_VALUE:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
