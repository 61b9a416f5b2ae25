"""Rules of composite alarms.

Follows https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<state>ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s()"]+))\s*\)
    | (?P<word>AND|OR|NOT|TRUE|FALSE)\b
    | (?P<bracket>[()])
    )""",
    re.VERBOSE,
)

States = Callable[[str], str]
"""Gives the state of an alarm by its name or ARN."""


class RuleError(ValueError):
    """The rule cannot be read."""


@dataclass(frozen=True)
class Rule:
    """A rule that was read.

    Attributes:
        alarms: names or ARNs of the alarms it looks at, in their order.
    """

    alarms: tuple[str, ...]
    _holds: Callable[[States], bool] = field(repr=False)

    def holds(self, states: States) -> bool:
        """Whether the rule is true with these states."""
        return self._holds(states)


def parse_rule(text: str) -> Rule:
    """Read an alarm rule.

    Raises:
        RuleError: it has a syntax error.
    """
    parser = _Parser(list(_tokens(text)))
    holds = parser.either()
    parser.end()
    return Rule(tuple(dict.fromkeys(parser.alarms)), holds)


def name_of(alarm: str) -> str:
    """The name in an alarm's ARN, or the name itself."""
    return alarm.split(":alarm:", 1)[1] if alarm.startswith("arn:") else alarm


def _tokens(text: str) -> Iterator[re.Match[str]]:
    position, end = 0, len(text.rstrip())
    while position < end:
        found = _TOKEN.match(text, position)
        if found is None:
            raise RuleError(
                f"Alarm rule has a syntax error at column {position}: {text[position:]!r}"
            )
        yield found
        position = found.end()


class _Parser:
    """Recursive descent; NOT binds closest, then AND, then OR."""

    def __init__(self, tokens: list[re.Match[str]]) -> None:
        self._tokens = tokens
        self._next = 0
        self.alarms: list[str] = []

    def either(self) -> Callable[[States], bool]:
        sides = [self._both()]
        while self._take("OR"):
            sides.append(self._both())
        return lambda states: any(side(states) for side in sides)

    def end(self) -> None:
        if self._next < len(self._tokens):
            raise RuleError(f"Alarm rule has a syntax error at {self._tokens[self._next][0]!r}")

    def _both(self) -> Callable[[States], bool]:
        sides = [self._single()]
        while self._take("AND"):
            sides.append(self._single())
        return lambda states: all(side(states) for side in sides)

    def _single(self) -> Callable[[States], bool]:
        if self._take("NOT"):
            inner = self._single()
            return lambda states: not inner(states)
        if self._take("("):
            inner = self.either()
            if not self._take(")"):
                raise RuleError("Alarm rule has a syntax error: a bracket is not closed")
            return inner
        if self._take("TRUE"):
            return lambda _states: True
        if self._take("FALSE"):
            return lambda _states: False
        token = self._tokens[self._next] if self._next < len(self._tokens) else None
        if token is None or token["state"] is None:
            raise RuleError("Alarm rule has a syntax error: expected a state, NOT, TRUE or FALSE")
        self._next += 1
        state, alarm = token["state"], token["quoted"] or token["bare"]
        self.alarms.append(alarm)
        return lambda states: states(alarm) == state

    def _take(self, word: str) -> bool:
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            if word in (token["word"], token["bracket"]):
                self._next += 1
                return True
        return False
