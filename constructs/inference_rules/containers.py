"""Containers of a model."""

from collections.abc import Iterator, Mapping
from typing import Any

from inference_rules.template import Resource


def containers(model: Resource) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields the containers of a model, each with its path."""
    primary = model.get("PrimaryContainer")
    if isinstance(primary, Mapping):
        yield "Properties/PrimaryContainer", primary
    for index, container in enumerate(model.mappings("Containers")):
        yield f"Properties/Containers/{index}", container
