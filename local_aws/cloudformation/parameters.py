"""Template parameters: from what a request gives to values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from local_aws.cloudformation.errors import ValidationError
from local_aws.cloudformation.template import Template

SSM_VALUE = "AWS::SSM::Parameter::Value<"
NO_ECHO_MASK = "****"


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of a stack.

    Attributes:
        given: the value as the request has it; for an SSM type the name of the SSM parameter. It is
            what ``UsePreviousValue`` passes on.
        value: what ``Ref`` gives: a string, or a list of strings.
        from_ssm: whether ``value`` was read from SSM.
    """

    key: str
    given: str
    value: Any
    no_echo: bool = False
    from_ssm: bool = False

    def view(self) -> dict[str, Any]:
        """As DescribeStacks shows it."""
        shown = {
            "ParameterKey": self.key,
            "ParameterValue": NO_ECHO_MASK if self.no_echo else self.given,
        }
        if self.from_ssm:
            shown["ResolvedValue"] = (
                ",".join(self.value) if isinstance(self.value, list) else self.value
            )
        return shown


def resolve_parameters(
    template: Template,
    given: Iterable[Mapping[str, Any]],
    *,
    previous: Mapping[str, Parameter],
    read_ssm: Callable[[str], str | None],
) -> dict[str, Parameter]:
    """Values for every parameter of ``template``.

    Args:
        template: the template that declares them.
        given: ParameterKey with ParameterValue or UsePreviousValue, as in a request.
        previous: the stack's parameters until now.
        read_ssm: the value of an SSM parameter; None when there is none.

    Raises:
        ValidationError: a value is missing, unknown, or not allowed.
    """
    values: dict[str, str] = {}
    for item in given:
        key = item["ParameterKey"]
        if item.get("UsePreviousValue"):
            if key in previous:
                values[key] = previous[key].given
        elif "ParameterValue" in item:
            values[key] = str(item["ParameterValue"])
    unknown = sorted(set(values) - set(template.parameters))
    if unknown:
        raise ValidationError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    for key, declared in template.parameters.items():
        if key not in values and "Default" in declared:
            values[key] = _text(declared["Default"])
    missing = [key for key in template.parameters if key not in values]
    if missing:
        raise ValidationError(f"Parameters: [{', '.join(missing)}] must have values")
    for key, declared in template.parameters.items():
        _check(key, declared, values[key])
    return {
        key: _parameter(key, declared, values[key], read_ssm)
        for key, declared in template.parameters.items()
    }


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(_text(item) for item in value)
    return str(value)


def _parameter(
    key: str, declared: Mapping[str, Any], given: str, read_ssm: Callable[[str], str | None]
) -> Parameter:
    kind = declared.get("Type", "String")
    text = given
    from_ssm = kind.startswith(SSM_VALUE)
    if from_ssm:
        found = read_ssm(given)
        if found is None:
            raise ValidationError(
                f"Unable to fetch parameters [{given}] from parameter store for this account."
            )
        text = found
        kind = kind.removeprefix(SSM_VALUE).removesuffix(">")
    listed = kind == "CommaDelimitedList" or kind.startswith("List<")
    value: Any = [item.strip() for item in text.split(",")] if listed else text
    if listed and not text:
        value = [""]
    return Parameter(
        key=key,
        given=given,
        value=value,
        no_echo=_text(declared.get("NoEcho", False)) == "true",
        from_ssm=from_ssm,
    )


def _check(key: str, declared: Mapping[str, Any], value: str) -> None:
    """Refuse a value that breaks a constraint of its declaration."""
    problem = _problem(declared, value)
    if problem is not None:
        own_words = declared.get("ConstraintDescription")
        raise ValidationError(
            f"Parameter {key} failed to satisfy constraint: {own_words}"
            if own_words
            else f"Parameter '{key}' {problem}"
        )


def _problem(declared: Mapping[str, Any], value: str) -> str | None:
    kind = declared.get("Type", "String")
    items = [item.strip() for item in value.split(",")] if kind == "CommaDelimitedList" else [value]
    allowed = declared.get("AllowedValues")
    if allowed is not None and any(item not in [_text(a) for a in allowed] for item in items):
        return "must be one of AllowedValues"
    if "AllowedPattern" in declared and not re.fullmatch(declared["AllowedPattern"], value):
        return f"must match pattern {declared['AllowedPattern']}"
    return (
        _number_problem(declared, value) if kind == "Number" else _length_problem(declared, value)
    )


def _length_problem(declared: Mapping[str, Any], value: str) -> str | None:
    if "MinLength" in declared and len(value) < int(declared["MinLength"]):
        return f"must contain at least {declared['MinLength']} characters"
    if "MaxLength" in declared and len(value) > int(declared["MaxLength"]):
        return f"must contain at most {declared['MaxLength']} characters"
    return None


def _number_problem(declared: Mapping[str, Any], value: str) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return "must be a number."
    if "MinValue" in declared and number < float(declared["MinValue"]):
        return f"must be a number not less than {declared['MinValue']}"
    if "MaxValue" in declared and number > float(declared["MaxValue"]):
        return f"must be a number not greater than {declared['MaxValue']}"
    return None
