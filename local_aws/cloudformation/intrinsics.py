"""Intrinsic functions: from a template's expressions to values."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from local_aws.cloudformation.errors import ValidationError
from local_aws.cloudformation.template import Template, attribute_parts

_DYNAMIC_REFERENCE = re.compile(r"\{\{resolve:([a-z-]+):([^{}]+)\}\}")
_SUB_TOKEN = re.compile(r"\$\{(!?)([^{}$]+)\}")


class Unresolved(str):
    """A value that exists only after the change set was executed.

    It is a string as AWS shows it in a change set, so that code that looks at property values needs
    no special case.

    Attributes:
        cause: the reference it hangs on, ``LogicalId`` or ``LogicalId.Attribute``.
    """

    cause: str

    def __new__(cls, cause: str) -> Unresolved:
        """A placeholder that waits for ``cause``."""
        made = super().__new__(cls, "{{changeSet:KNOWN_AFTER_APPLY}}")
        made.cause = cause
        return made


def first_unresolved(value: Any) -> Unresolved | None:
    """An `Unresolved` somewhere in ``value``; None when everything is known."""
    if isinstance(value, Unresolved):
        return value
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in items:
        found = first_unresolved(item)
        if found is not None:
            return found
    return None


class _NoValue:
    """What ``AWS::NoValue`` gives: the property or item around it is left out."""


NO_VALUE = _NoValue()


class Lookup(Protocol):
    """Where a `Resolver` gets what stands outside of the template."""

    def ref(self, logical_id: str) -> Any:
        """The physical id of a resource."""

    def attribute(self, logical_id: str, name: str) -> Any:
        """An attribute of a resource."""

    def import_value(self, name: str) -> Any:
        """The value of an export."""

    def dynamic_reference(self, service: str, reference: str) -> str:
        """The value of ``{{resolve:service:reference}}``."""


class Resolver:
    """Evaluates the expressions of one template with one set of parameters.

    Args:
        template: the template.
        parameters: parameter values: strings, or lists of strings.
        pseudo: values of the ``AWS::`` pseudo parameters.
        lookup: resources, exports, dynamic references.
    """

    def __init__(
        self,
        template: Template,
        parameters: Mapping[str, Any],
        pseudo: Mapping[str, Any],
        lookup: Lookup,
    ) -> None:
        self._template = template
        self._values = {**parameters, **pseudo}
        self._lookup = lookup
        self._conditions: dict[str, bool] = {}
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::Base64": self._base64,
            "Fn::Cidr": self._cidr,
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self._get_att,
            "Fn::GetAZs": self._get_azs,
            "Fn::If": self._if,
            "Fn::ImportValue": self._import_value,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::Sub": self._sub,
            "Fn::And": lambda value: all(self._truth(item) for item in value),
            "Fn::Or": lambda value: any(self._truth(item) for item in value),
            "Fn::Not": lambda value: not self._truth(value[0]),
            "Fn::Equals": lambda value: (
                self._text(self.resolve(value[0])) == self._text(self.resolve(value[1]))
            ),
            "Fn::Contains": lambda value: self.resolve(value[1]) in self.resolve(value[0]),
            "Fn::EachMemberIn": lambda value: (
                set(self.resolve(value[0])) <= set(self.resolve(value[1]))
            ),
            "Condition": self.condition,
        }

    def resolve(self, value: Any) -> Any:
        """``value`` with every function evaluated; what is ``AWS::NoValue`` is left out."""
        if isinstance(value, dict):
            if len(value) == 1:
                ((key, argument),) = value.items()
                function = self._functions.get(key)
                # A policy's "Condition" block is an object, a template's condition is a name.
                if function is not None and (key != "Condition" or self._is_condition(argument)):
                    return function(argument)
                if key.startswith("Fn::"):
                    raise ValidationError(f"Template error: {key} is not supported")
            resolved = {key: self.resolve(item) for key, item in value.items()}
            return {key: item for key, item in resolved.items() if item is not NO_VALUE}
        if isinstance(value, list):
            items = [self.resolve(item) for item in value]
            return [item for item in items if item is not NO_VALUE]
        if isinstance(value, str) and "{{resolve:" in value:
            return self._dynamic(value)
        return value

    def condition(self, name: str) -> bool:
        """Whether the template's condition ``name`` holds."""
        if name not in self._conditions:
            if name not in self._template.conditions:
                raise ValidationError(
                    f"Template error: unresolved condition dependency {name} in Conditions"
                )
            self._conditions[name] = self._truth(self._template.conditions[name])
        return self._conditions[name]

    def included(self, logical_id: str) -> bool:
        """Whether the resource's own condition holds."""
        name = self._template.resources[logical_id].condition
        return name is None or self.condition(name)

    def check_rules(self) -> None:
        """Evaluate the template's Rules section.

        Raises:
            ValidationError: an assertion does not hold.
        """
        failed = []
        for name, rule in self._template.rules.items():
            if "RuleCondition" in rule and not self._truth(rule["RuleCondition"]):
                continue
            for assertion in rule.get("Assertions", ()):
                if not self._truth(assertion["Assert"]):
                    failed.append(assertion.get("AssertDescription") or f"Rule {name} failed")
        if failed:
            raise ValidationError(f"Template validation error: {'; '.join(failed)}")

    def _is_condition(self, argument: Any) -> bool:
        return isinstance(argument, str) and argument in self._template.conditions

    def _truth(self, value: Any) -> bool:
        resolved = self.resolve(value)
        return resolved is True or resolved == "true"

    @staticmethod
    def _text(value: Any) -> Any:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return str(value)
        return value

    @staticmethod
    def _known(value: Any, function: Callable[[Any], Any]) -> Any:
        waiting = first_unresolved(value)
        return waiting if waiting is not None else function(value)

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self._values:
            return self._values[name]
        return self._lookup.ref(name)

    def _get_att(self, argument: Any) -> Any:
        logical_id, name = attribute_parts(
            [self.resolve(part) for part in argument] if isinstance(argument, list) else argument
        )
        return self._lookup.attribute(logical_id, name)

    def _import_value(self, argument: Any) -> Any:
        return self._known(self.resolve(argument), self._lookup.import_value)

    def _if(self, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) != 3:
            raise ValidationError(
                "Template error: Fn::If requires a list argument with three elements"
            )
        return self.resolve(argument[1] if self.condition(argument[0]) else argument[2])

    def _join(self, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) != 2:
            raise ValidationError(
                "Template error: every Fn::Join object requires two parameters, (1) a string "
                "delimiter and (2) a list of strings to be joined"
            )
        items = self.resolve(argument[1])
        return self._known(items, lambda known: argument[0].join(str(self._text(i)) for i in known))

    def _select(self, argument: Any) -> Any:
        index, items = self.resolve(argument[0]), self.resolve(argument[1])
        if isinstance(items, Unresolved):
            return items
        if not 0 <= int(index) < len(items):
            raise ValidationError(
                f"Template error: Fn::Select cannot select nonexistent value at index {index}"
            )
        return items[int(index)]

    def _split(self, argument: Any) -> Any:
        return self._known(self.resolve(argument[1]), lambda known: known.split(argument[0]))

    def _sub(self, argument: Any) -> Any:
        text, variables = (argument, {}) if isinstance(argument, str) else argument
        waiting: list[Unresolved] = []

        def replace(match: re.Match[str]) -> str:
            literal, name = match.group(1), match.group(2).strip()
            if literal:
                return f"${{{name}}}"
            if name in variables:
                value = self.resolve(variables[name])
            elif "." in name and name not in self._values:
                value = self._get_att(name)
            else:
                value = self._ref(name)
            if isinstance(value, Unresolved):
                waiting.append(value)
            return str(self._text(value))

        done = _SUB_TOKEN.sub(replace, text)
        return waiting[0] if waiting else self.resolve(done)

    def _base64(self, argument: Any) -> Any:
        return self._known(
            self.resolve(argument), lambda known: base64.b64encode(known.encode()).decode()
        )

    def _find_in_map(self, argument: Any) -> Any:
        keys = [self.resolve(part) for part in argument[:3]]
        found: Any = self._template.mappings
        for key in keys:
            if not isinstance(found, Mapping) or key not in found:
                if len(argument) > 3 and "DefaultValue" in argument[3]:
                    return self.resolve(argument[3]["DefaultValue"])
                raise ValidationError(
                    f"Template error: Unable to get mapping for {'::'.join(map(str, keys))}"
                )
            found = found[key]
        return found

    def _get_azs(self, argument: Any) -> list[str]:
        region = self.resolve(argument) or self._values["AWS::Region"]
        return [f"{region}{letter}" for letter in "abc"]

    def _cidr(self, argument: Any) -> Any:
        block, count = self.resolve(argument[0]), int(self.resolve(argument[1]))
        if isinstance(block, Unresolved):
            return block
        bits = int(self.resolve(argument[2])) if len(argument) > 2 else 8
        network = ipaddress.ip_network(block)
        subnets = network.subnets(new_prefix=network.max_prefixlen - bits)
        return [str(subnet) for subnet, _ in zip(subnets, range(count), strict=False)]

    def _dynamic(self, text: str) -> Any:
        if isinstance(text, Unresolved):
            return text
        return _DYNAMIC_REFERENCE.sub(
            lambda match: self._lookup.dynamic_reference(match.group(1), match.group(2)), text
        )


def canonical(value: Any) -> str:
    """``value`` as JSON with sorted keys, to compare and to show values."""
    return json.dumps(value, sort_keys=True, default=str)
