"""Wildcards and variables of policies."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

Context = Mapping[str, Sequence[str]]
"""Values of condition keys; the keys in lower case, because they do not differ by case."""

_VARIABLE = re.compile(r"\$\{\s*([^},]+?)\s*(?:,\s*'([^']*)'\s*)?\}")
# ${*}, ${?} and ${$} stand for the characters themselves.
_LITERALS = ("*", "?", "$")


@lru_cache(maxsize=16_384)
def compiled(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """The regular expression of a pattern with ``*`` and ``?``."""
    text = "".join(
        ".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern
    )
    return re.compile(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def matches(pattern: str, value: str, context: Context, *, ignore_case: bool = False) -> bool:
    """Whether ``value`` matches a pattern with wildcards and policy variables.

    A variable without a value and without a default matches nothing, as on AWS.
    """
    if "${" not in pattern:
        return compiled(pattern, ignore_case=ignore_case).fullmatch(value) is not None
    text = ""
    position = 0
    for variable in _VARIABLE.finditer(pattern):
        text += _globbed(pattern[position : variable.start()])
        substitute = _value(variable[1], variable[2], context)
        if substitute is None:
            return False
        text += re.escape(substitute)
        position = variable.end()
    text += _globbed(pattern[position:])
    return re.fullmatch(text, value, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


def substituted(text: str, context: Context) -> str | None:
    """``text`` with its variables replaced; None if one of them has no value."""
    if "${" not in text:
        return text
    missing = False

    def replace(variable: re.Match[str]) -> str:
        nonlocal missing
        value = _value(variable[1], variable[2], context)
        missing = missing or value is None
        return value or ""

    result = _VARIABLE.sub(replace, text)
    return None if missing else result


def _globbed(text: str) -> str:
    return "".join(
        ".*" if char == "*" else "." if char == "?" else re.escape(char) for char in text
    )


def _value(name: str, default: str | None, context: Context) -> str | None:
    if name in _LITERALS:
        return name
    values = context.get(name.lower(), ())
    return values[0] if len(values) == 1 else default
