"""What the tags of an endpoint tell of its deployments.

The same tags stand on the endpoint config that CloudFormation deployed last, so that nothing is
forgotten while there is no endpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

# On each config and model of an endpoint: whose it is.
OWNER = "inference:endpoint"

LIVE = "inference:live-config"
# With a number, from 1 on: the one that was live most recently first.
PREVIOUS = "inference:previous-config/"
DEPLOYED = "inference:deployed-config"
KEEP = "inference:keep-previous"
RETAINED = "inference:retained-properties"
SUPERSEDED = "inference:superseded"


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What one deployment of the stack asked for.

    Attributes:
        config: the endpoint config that it made.
        keep: how many previous configs are retained.
    """

    config: str
    keep: int

    @classmethod
    def parse(cls, text: str) -> Deployment:
        """Reads what `str` wrote."""
        config, _, keep = text.rpartition("/")
        return cls(config=config, keep=int(keep))

    def __str__(self) -> str:
        return f"{self.config}/{self.keep}"


@dataclass(frozen=True, kw_only=True)
class Record:
    """The deployments of an endpoint.

    Attributes:
        live: the config that the endpoint serves.
        previous: other configs that were live and still exist, the most recent first.
        deployed: what the stack deployed last; its config is another than the live one after a
            rollback beside CloudFormation.
        superseded: what the stack had deployed before, while an update may still be rolled back.
        retained_properties: what an update keeps of the variants: `DesiredInstanceCount`,
            `DesiredWeight`.
    """

    live: str
    previous: tuple[str, ...] = ()
    deployed: Deployment
    superseded: Deployment | None = None
    retained_properties: tuple[str, ...] = ()

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> Record | None:
        """Reads the tags; None where there is no record."""
        if not {LIVE, DEPLOYED, KEEP} <= tags.keys():
            return None
        numbered = sorted(
            (int(key.removeprefix(PREVIOUS)), value)
            for key, value in tags.items()
            if key.startswith(PREVIOUS)
        )
        superseded = tags.get(SUPERSEDED)
        return cls(
            live=tags[LIVE],
            previous=tuple(config for _, config in numbered),
            deployed=Deployment(config=tags[DEPLOYED], keep=int(tags[KEEP])),
            superseded=None if superseded is None else Deployment.parse(superseded),
            retained_properties=tuple(tags.get(RETAINED, "").split()),
        )

    def to_tags(self) -> dict[str, str]:
        """The record as tags."""
        tags = {LIVE: self.live, DEPLOYED: self.deployed.config, KEEP: str(self.deployed.keep)}
        tags |= {f"{PREVIOUS}{n}": config for n, config in enumerate(self.previous, start=1)}
        if self.superseded is not None:
            tags[SUPERSEDED] = str(self.superseded)
        if self.retained_properties:
            tags[RETAINED] = " ".join(self.retained_properties)
        return tags

    @property
    def beyond(self) -> tuple[str, ...]:
        """The previous configs that are more than are to be kept.

        Neither what is live nor what the stack deployed is ever among them.
        """
        return self.beyond_keep(self.deployed.keep)

    @property
    def kept(self) -> tuple[str, ...]:
        """The configs that stay, the live one first."""
        beyond = {*self.beyond}
        others = (config for config in self.previous if config not in beyond)
        return tuple(dict.fromkeys((self.live, self.deployed.config, *others)))

    def beyond_keep(self, keep: int) -> tuple[str, ...]:
        """The previous configs that are more than a number.

        Args:
            keep: how many to keep, beside the config that the stack deployed.
        """
        free = [config for config in self.previous if config != self.deployed.config]
        return tuple(free[keep:])

    def moved_to(self, config: str) -> Record:
        """The record after the endpoint moved to a config."""
        others = [found for found in (self.live, *self.previous) if found != config]
        return replace(self, live=config, previous=tuple(dict.fromkeys(others)))

    def without(self, configs: Iterable[str]) -> Record:
        """The record without configs that are gone."""
        gone = set(configs)
        return replace(self, previous=tuple(c for c in self.previous if c not in gone))


def is_record(key: str) -> bool:
    """Whether a tag is part of the record."""
    return key in {LIVE, DEPLOYED, KEEP, RETAINED, SUPERSEDED} or key.startswith(PREVIOUS)
