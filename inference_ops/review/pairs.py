"""Endpoints that are there before and after a change."""

from collections.abc import Iterator
from dataclasses import dataclass

from inference_ops.review.changes import Change
from inference_rules.hosting import Endpoint, Variant, endpoints


@dataclass(frozen=True, kw_only=True)
class EndpointPair:
    """An endpoint that an update changes in place.

    Attributes:
        old: The endpoint before.
        new: The endpoint after.
    """

    old: Endpoint
    new: Endpoint

    @property
    def logical_id(self) -> str:
        """Its name in the template."""
        return self.new.resource.logical_id

    @property
    def variants(self) -> list[tuple[Variant, Variant]]:
        """The variants that both configs have."""
        after = {variant.name: variant for variant in self.new.variants}
        return [(old, after[old.name]) for old in self.old.variants if old.name in after]


def updated_endpoints(change: Change) -> Iterator[EndpointPair]:
    """Yields the endpoints that stay, and whose configs are known on both sides."""
    after = {endpoint.resource.logical_id: endpoint for endpoint in endpoints(change.head)}
    for old in endpoints(change.base):
        new = after.get(old.resource.logical_id)
        if new is None or old.config is None or new.config is None:
            continue
        found = change.resources.get(new.resource.logical_id)
        if found is None or found.action != "replace":
            yield EndpointPair(old=old, new=new)
