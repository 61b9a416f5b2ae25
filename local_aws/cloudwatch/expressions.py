"""Metric math: the part of CloudWatch's language that alarms and dashboards commonly use.

Follows https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html.
Offered: numbers, metric ids, ``+ - * / ^``, comparisons, ``AND``/``OR``, and the functions ABS,
CEIL, FLOOR, IF, FILL, SUM, AVG, MIN, MAX, METRICS, PERIOD. Anything else is refused by name.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Series = list[float | None]
"""One value for each period; None where there is no datapoint."""

Value = Series | float | list[Series]

_BINARY: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.And: lambda left, right: bool(left) and bool(right),
    ast.Or: lambda left, right: bool(left) or bool(right),
}
_ROUNDING: dict[str, Callable[[float], float]] = {
    "ABS": abs,
    "CEIL": math.ceil,
    "FLOOR": math.floor,
}
_AGGREGATES: dict[str, Callable[[Sequence[float]], float]] = {
    "SUM": math.fsum,
    "AVG": lambda values: math.fsum(values) / len(values),
    "MIN": min,
    "MAX": max,
}


class ExpressionError(ValueError):
    """The expression cannot be read, or uses what is not offered here."""


def references(expression: str) -> set[str]:
    """Ids of the metrics and expressions that ``expression`` names."""
    return {
        node.id
        for node in ast.walk(_parse(expression))
        if isinstance(node, ast.Name) and node.id not in {"REPEAT", "LINEAR"} | _functions()
    }


def evaluate(
    expression: str, inputs: Mapping[str, Series], *, length: int, period: float
) -> Series:
    """The value of ``expression`` in each period.

    Args:
        expression: metric math.
        inputs: series by id.
        length: number of periods.
        period: length of a period in seconds, for ``PERIOD()``.

    Raises:
        ExpressionError: the expression cannot be read, names an unknown id or gives several series.
    """
    value = _Evaluation(inputs, length, period).value(_parse(expression))
    if isinstance(value, float):
        return [value] * length
    if value and isinstance(value[0], list):
        raise ExpressionError(f"expected one time series from {expression!r}, got several")
    return value  # type: ignore[return-value]


def _functions() -> set[str]:
    return {"IF", "FILL", "METRICS", "PERIOD"} | set(_ROUNDING) | set(_AGGREGATES)


def _parse(expression: str) -> ast.expr:
    """CloudWatch's syntax is Python's but for power, logical operators and equality of one sign."""
    text = re.sub(r"\^", "**", expression)
    text = re.sub(r"&&|\bAND\b", " and ", text)
    text = re.sub(r"\|\||\bOR\b", " or ", text)
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise ExpressionError(f"expected a metric math expression, got {expression!r}") from error


@dataclass(frozen=True)
class _Evaluation:
    inputs: Mapping[str, Series]
    length: int
    period: float

    def value(self, node: ast.expr) -> Value:  # noqa: PLR0911 - one kind of node each
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name):
                return self._named(name)
            case ast.List(elts=items):
                return [self._series(self.value(item)) for item in items]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._elementwise(lambda value: -value, self.value(operand))
            case ast.BinOp(left=left, op=op, right=right):
                return self._binary(op, left, right)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._binary(op, left, right)
            case ast.BoolOp(op=op, values=[first, *rest]):
                value = self.value(first)
                for other in rest:
                    value = self._elementwise(_BINARY[type(op)], value, self.value(other))
                return value
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self._call(name.upper(), arguments)
        raise ExpressionError(f"not offered in metric math here: {ast.unparse(node)}")

    def _named(self, name: str) -> Series:
        if name not in self.inputs:
            raise ExpressionError(f"no metric or expression has the id {name!r}")
        return self.inputs[name]

    def _binary(self, op: ast.AST, left: ast.expr, right: ast.expr) -> Value:
        if type(op) not in _BINARY:
            raise ExpressionError(f"not offered in metric math here: {type(op).__name__}")
        return self._elementwise(_BINARY[type(op)], self.value(left), self.value(right))

    def _call(self, name: str, arguments: list[ast.expr]) -> Value:
        if name == "METRICS":
            return list(self.inputs.values())
        if name == "PERIOD":
            return float(self.period)
        if name == "FILL" and len(arguments) == 2:
            return self._fill(*arguments)
        if name == "IF" and len(arguments) in (2, 3):
            return self._if([self.value(argument) for argument in arguments])
        if name in _ROUNDING and len(arguments) == 1:
            return self._elementwise(_ROUNDING[name], self.value(arguments[0]))
        if name in _AGGREGATES and len(arguments) == 1:
            return self._aggregate(_AGGREGATES[name], self.value(arguments[0]))
        raise ExpressionError(
            f"not offered in metric math here: {name} of {len(arguments)} arguments"
        )

    def _series(self, value: Value) -> Series:
        if isinstance(value, float):
            return [value] * self.length
        if value and isinstance(value[0], list):
            raise ExpressionError("expected a time series, got a list of them")
        return value  # type: ignore[return-value]

    def _elementwise(self, function: Callable[..., float], *values: Value) -> Value:
        """Apply to each period; a period that misses a value, or divides by zero, has none."""

        def apply(*numbers: float | None) -> float | None:
            if None in numbers:
                return None
            try:
                return float(function(*numbers))
            except (ZeroDivisionError, OverflowError):
                return None

        if all(isinstance(value, float) for value in values):
            constant = apply(*values)  # type: ignore[arg-type]
            return self._nothing() if constant is None else constant
        return [apply(*row) for row in zip(*map(self._series, values), strict=True)]

    def _if(self, values: list[Value]) -> Series:
        condition, then, *otherwise = map(self._series, values)
        other = otherwise[0] if otherwise else self._nothing()
        return [
            None if test is None else (yes if test else no)
            for test, yes, no in zip(condition, then, other, strict=True)
        ]

    def _fill(self, values: ast.expr, filling: ast.expr) -> Value:
        value = self.value(values)
        if isinstance(value, list) and value and isinstance(value[0], list):
            return [self._fill_one(series, filling) for series in value]
        return self._fill_one(self._series(value), filling)

    def _fill_one(self, series: Series, filling: ast.expr) -> Series:
        if isinstance(filling, ast.Name) and filling.id == "REPEAT":
            filled: Series = []
            for value in series:
                filled.append(filled[-1] if value is None and filled else value)
            return filled
        if isinstance(filling, ast.Name) and filling.id == "LINEAR":
            raise ExpressionError("not offered in metric math here: FILL with LINEAR")
        other = self._series(self.value(filling))
        return [new if old is None else old for old, new in zip(series, other, strict=True)]

    def _aggregate(self, function: Callable[[Sequence[float]], float], value: Value) -> Value:
        """Of a list of series: per period over what is there; of one series: over its periods."""

        def over(row: Sequence[float | None]) -> float | None:
            known = [number for number in row if number is not None]
            return function(known) if known else None

        if isinstance(value, float):
            return value
        if value and isinstance(value[0], list):
            return [over(row) for row in zip(*value, strict=True)]
        single = over(value)  # type: ignore[arg-type]
        return self._nothing() if single is None else single

    def _nothing(self) -> Series:
        return [None] * self.length
