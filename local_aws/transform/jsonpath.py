"""The subset of JSONPath that batch transform's filters take.

Supported: ``$``, ``.name``, ``.*``, ``['a','b']``, ``[0]``, ``[0,-1]``, ``[1:]``, ``[0,5:]`` and
``[*]``, as
https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html lists them.
A slice with an end is refused: the guide calls the end inclusive, the implementation it links to
exclusive, and what means two things must not pass here in one of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_DOT_NAME = re.compile(r"\.([^.\[\]*'\"\s]+)")
_DOT_STAR = re.compile(r"\.\*|\.?\[\*\]")
_NAMES = re.compile(r"\.?\[\s*('[^']*'|\"[^\"]*\")((?:\s*,\s*(?:'[^']*'|\"[^\"]*\"))*)\s*\]")
_POSITIONS = re.compile(r"\.?\[\s*(-?\d*:?-?\d*(?:\s*,\s*-?\d*:?-?\d*)*)\s*\]")
_INDEX = re.compile(r"-?\d+")
_OPEN_SLICE = re.compile(r"(-?\d*):")
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")


class JsonPathError(ValueError):
    """The expression is not one that batch transform takes, or finds nothing in a record."""


@dataclass(frozen=True, kw_only=True)
class _Name:
    name: str

    def select(self, value: Any) -> Any:
        if not isinstance(value, dict) or self.name not in value:
            raise JsonPathError(f"no attribute {self.name!r}")
        return value[self.name]


@dataclass(frozen=True, kw_only=True)
class _Names:
    names: tuple[str, ...]

    def select(self, value: Any) -> Any:
        return {name: _Name(name=name).select(value) for name in self.names}


@dataclass(frozen=True, kw_only=True)
class _Wildcard:
    def select(self, value: Any) -> Any:
        if isinstance(value, dict):
            return list(value.values())
        if isinstance(value, list):
            return value
        raise JsonPathError("a wildcard needs an object or an array")


@dataclass(frozen=True, kw_only=True)
class _Positions:
    """Indexes, and slices without an end (given by where they start)."""

    parts: tuple[int | slice, ...]

    def select(self, value: Any) -> Any:
        if not isinstance(value, list):
            raise JsonPathError("an index needs an array")
        chosen: list[Any] = []
        for part in self.parts:
            if isinstance(part, slice):
                start = part.start or 0
                if not -len(value) <= start < len(value):
                    raise _out_of_range(start, value)
                chosen.extend(value[part])
            elif -len(value) <= part < len(value):
                chosen.append(value[part])
            else:
                raise _out_of_range(part, value)
        single = len(self.parts) == 1 and isinstance(self.parts[0], int)
        return chosen[0] if single else chosen


def _out_of_range(index: int, value: list[Any]) -> JsonPathError:
    return JsonPathError(f"index {index} is out of range for {len(value)} elements")


_Step = _Name | _Names | _Wildcard | _Positions


@dataclass(frozen=True, kw_only=True)
class JsonPath:
    """A parsed expression.

    Attributes:
        expression: as it was written.
        steps: what it applies, one after the other; none for ``$``.
    """

    expression: str
    steps: tuple[_Step, ...]

    @property
    def is_root(self) -> bool:
        """Whether it selects everything."""
        return not self.steps

    @property
    def indexes_only(self) -> bool:
        """Whether it can be applied to a CSV row, which is an array of fields."""
        return all(isinstance(step, _Positions | _Wildcard) for step in self.steps)

    def select(self, value: Any) -> Any:
        """What it selects in ``value``: a value, a list, or an object of named children.

        Raises:
            JsonPathError: it names an attribute that is missing or an index out of range.
        """
        for step in self.steps:
            value = step.select(value)
        return value


def parse(expression: str) -> JsonPath:
    """Parse ``expression``.

    Raises:
        JsonPathError: not an expression of the subset, with the part that is not.
    """
    if not expression.startswith("$"):
        raise JsonPathError(f"{expression!r} must start with $")
    steps: list[_Step] = []
    position = 1
    while position < len(expression):
        step, position = _step(expression, position)
        steps.append(step)
    return JsonPath(expression=expression, steps=tuple(steps))


def _step(expression: str, position: int) -> tuple[_Step, int]:
    if match := _DOT_STAR.match(expression, position):
        return _Wildcard(), match.end()
    if match := _DOT_NAME.match(expression, position):
        return _Name(name=match[1]), match.end()
    if match := _NAMES.match(expression, position):
        names = tuple(a or b for a, b in _QUOTED.findall(match[0]))
        return (_Name(name=names[0]) if len(names) == 1 else _Names(names=names)), match.end()
    if match := _POSITIONS.match(expression, position):
        parts = tuple(_position(text.strip(), expression) for text in match[1].split(","))
        return _Positions(parts=parts), match.end()
    raise JsonPathError(f"{expression[position:]!r} in {expression!r} is not supported")


def _position(text: str, expression: str) -> int | slice:
    if _INDEX.fullmatch(text):
        return int(text)
    if match := _OPEN_SLICE.fullmatch(text):
        return slice(int(match[1]) if match[1] else None, None)
    if ":" in text:
        raise JsonPathError(
            f"the slice [{text}] in {expression!r} has an end, and AWS's documents disagree on "
            "whether that is inclusive: list the indexes instead, or leave the end open"
        )
    raise JsonPathError(f"{text!r} in {expression!r} is not an index")
