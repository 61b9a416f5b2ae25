"""Condition operators of policies.

Follows https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
and https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html.
"""

from __future__ import annotations

import base64
import ipaddress
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local_aws.permissions.patterns import Context, matches, substituted

Test = Callable[[str, str, Context], bool]
"""Compares a policy's value with the request's."""


class PolicyError(ValueError):
    """A policy that IAM would not have taken."""


def _plain(compare: Callable[[str, str], bool]) -> Test:
    def test(wanted: str, given: str, context: Context) -> bool:
        value = substituted(wanted, context)
        return value is not None and compare(value, given)

    return test


def _like(wanted: str, given: str, context: Context) -> bool:
    return matches(wanted, given, context)


def _arn(wanted: str, given: str, context: Context) -> bool:
    """Each of the six parts of an ARN is matched by itself, so a wildcard does not cross colons."""
    if "${" in wanted or wanted == "*":
        # A variable may hold a whole ARN.
        return matches(wanted, given, context)
    wanted_parts, given_parts = wanted.split(":", 5), given.split(":", 5)
    return len(wanted_parts) == len(given_parts) and all(
        matches(pattern, part, context)
        for pattern, part in zip(wanted_parts, given_parts, strict=True)
    )


def _numbers(compare: Callable[[float, float], bool]) -> Test:
    def test(wanted: str, given: str, _context: Context) -> bool:
        try:
            return compare(float(given), float(wanted))
        except ValueError:
            return False

    return test


def _dates(compare: Callable[[float, float], bool]) -> Test:
    def test(wanted: str, given: str, _context: Context) -> bool:
        try:
            return compare(_seconds(given), _seconds(wanted))
        except ValueError:
            return False

    return test


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _address(wanted: str, given: str, _context: Context) -> bool:
    try:
        return ipaddress.ip_address(given) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _binary(wanted: str, given: str, _context: Context) -> bool:
    return base64.b64decode(wanted) == base64.b64decode(given)


_POSITIVE: dict[str, Test] = {
    "stringequals": _plain(operator.eq),
    "stringequalsignorecase": _plain(lambda wanted, given: wanted.lower() == given.lower()),
    "stringlike": _like,
    "arnequals": _arn,
    "arnlike": _arn,
    "bool": _plain(lambda wanted, given: wanted.lower() == given.lower()),
    "binaryequals": _binary,
    "ipaddress": _address,
    "numericequals": _numbers(operator.eq),
    "numericlessthan": _numbers(operator.lt),
    "numericlessthanequals": _numbers(operator.le),
    "numericgreaterthan": _numbers(operator.gt),
    "numericgreaterthanequals": _numbers(operator.ge),
    "dateequals": _dates(operator.eq),
    "datelessthan": _dates(operator.lt),
    "datelessthanequals": _dates(operator.le),
    "dategreaterthan": _dates(operator.gt),
    "dategreaterthanequals": _dates(operator.ge),
}
_NEGATED: dict[str, Test] = {
    "stringnotequals": _POSITIVE["stringequals"],
    "stringnotequalsignorecase": _POSITIVE["stringequalsignorecase"],
    "stringnotlike": _POSITIVE["stringlike"],
    "arnnotequals": _arn,
    "arnnotlike": _arn,
    "notipaddress": _address,
    "numericnotequals": _POSITIVE["numericequals"],
    "datenotequals": _POSITIVE["dateequals"],
}


@dataclass(frozen=True)
class Condition:
    """One operator applied to one key.

    Attributes:
        key: the condition key in lower case.
        values: the policy's values, one of which must match (none, for a negated operator).
        test: compares two values.
        negated: holds where `test` does not.
        null: the operator is Null, which looks only at whether the key is there.
        if_exists: holds where the request has no such key.
        quantifier: ``forallvalues``, ``foranyvalue`` or nothing.
    """

    key: str
    values: tuple[str, ...]
    test: Test
    negated: bool = False
    null: bool = False
    if_exists: bool = False
    quantifier: str = ""

    def holds(self, context: Context) -> bool:
        """Whether the request's values satisfy it."""
        given = context.get(self.key)
        if self.null:
            return any((wanted.lower() == "true") == (given is None) for wanted in self.values)
        if self.quantifier == "forallvalues":
            return all(self._one(value, context) for value in given or ())
        if given is None:
            # Negated operators hold without the key, unless a value is asked for.
            return self.if_exists or (self.negated and self.quantifier == "")
        if self.negated and self.quantifier == "":
            return all(self._one(value, context) for value in given)
        return any(self._one(value, context) for value in given)

    def _one(self, given: str, context: Context) -> bool:
        found = any(self.test(wanted, given, context) for wanted in self.values)
        return found != self.negated


def parse_conditions(block: Mapping[str, Mapping[str, Any]]) -> tuple[Condition, ...]:
    """Read a Condition element; all of its conditions must hold.

    Raises:
        PolicyError: an operator does not exist.
    """
    conditions = []
    for written, keys in block.items():
        quantifier, _, name = written.lower().rpartition(":")
        if quantifier not in {"", "forallvalues", "foranyvalue"}:
            raise PolicyError(f"Invalid Condition operator: {written}")
        if_exists = name.endswith("ifexists")
        name = name.removesuffix("ifexists")
        test = _POSITIVE.get(name) or _NEGATED.get(name) or (_like if name == "null" else None)
        if test is None:
            raise PolicyError(f"Invalid Condition operator: {written}")
        for key, values in keys.items():
            conditions.append(
                Condition(
                    key=key.lower(),
                    values=tuple(_texts(values)),
                    test=test,
                    negated=name in _NEGATED,
                    null=name == "null",
                    if_exists=if_exists,
                    quantifier=quantifier,
                )
            )
    return tuple(conditions)


def _texts(values: Any) -> Sequence[str]:
    listed = values if isinstance(values, list) else [values]
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in listed]
