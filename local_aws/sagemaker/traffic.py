"""Which fleet a request goes to: the one in service, or the new one beside it."""

from __future__ import annotations

import random
from typing import NamedTuple

from local_aws.sagemaker.fleet import Fleet


class _Split(NamedTuple):
    main: Fleet | None = None
    other: Fleet | None = None
    share: float = 0.0


class Traffic:
    """The traffic of one endpoint; every change of it is one assignment."""

    def __init__(self) -> None:
        self._split = _Split()

    @property
    def fleets(self) -> list[Fleet]:
        """The fleets that requests may go to."""
        return [fleet for fleet in self._split[:2] if fleet is not None]

    @property
    def main(self) -> Fleet | None:
        """The fleet that takes what no other fleet takes."""
        return self._split.main

    def choose(self) -> Fleet | None:
        """A fleet for one request; None while there is none."""
        main, other, share = self._split
        return other if other is not None and random.random() < share else main

    def turn_to(self, fleet: Fleet | None) -> None:
        """Let ``fleet`` take all requests."""
        self._split = _Split(fleet)

    def share(self, main: Fleet, other: Fleet, share: float) -> None:
        """Let ``other`` take a share from 0 to 1 of the requests, and ``main`` the rest."""
        self._split = _Split(main, other, share)
