"""Which fleet a request goes to: the one in service, or the new one beside it."""

from __future__ import annotations

import random
from typing import NamedTuple

from local_aws.sagemaker.fleet import Fleet


class Split(NamedTuple):
    """Where requests go: ``share`` of them, from 0 to 1, to ``other``, and the rest to ``main``."""

    main: Fleet | None = None
    other: Fleet | None = None
    share: float = 0.0


class Traffic:
    """The traffic of one endpoint; every change of it is one assignment."""

    def __init__(self) -> None:
        self.split = Split()

    @property
    def fleets(self) -> list[Fleet]:
        """The fleets that requests may go to."""
        return [fleet for fleet in self.split[:2] if fleet is not None]

    def choose(self) -> Fleet | None:
        """A fleet for one request; None while there is none."""
        main, other, share = self.split
        return other if other is not None and random.random() < share else main

    def turn_to(self, fleet: Fleet | None) -> None:
        """Let ``fleet`` take all requests."""
        self.split = Split(fleet)

    def share(self, main: Fleet, other: Fleet, share: float) -> None:
        """Let ``other`` take a share from 0 to 1 of the requests, and ``main`` the rest."""
        self.split = Split(main, other, share)
