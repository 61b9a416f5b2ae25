"""What the instance types have: CPUs, memory and accelerators.

Sizes follow from the names, as EC2's do; where a family does not follow its size, it stands here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from local_aws.sagemaker.variant_fleet import vcpus

Value = TypeVar("Value")

# Gigabytes of memory for each CPU, by the beginning of the family's name, the longest first.
_MEMORY = {
    "c4": 1.875,
    "c": 2.0,
    "inf1": 2.0,
    "t2": 2.0,
    "m": 4.0,
    "g": 4.0,
    "inf2": 4.0,
    "trn1": 4.0,
    "p2": 15.25,
    "p3": 7.625,
    "p4": 12.0,
    "p5": 10.667,
    "p": 12.0,
    "trn2": 10.667,
    "dl1": 8.0,
    "r": 8.0,
}
# Accelerators by family and size; a size that is not here has as many as the family's "".
_ACCELERATORS: dict[str, dict[str, int]] = {
    "g4dn": {"": 1, "12xlarge": 4},
    "g5": {"": 1, "12xlarge": 4, "24xlarge": 4, "48xlarge": 8},
    "g6": {"": 1, "12xlarge": 4, "24xlarge": 4, "48xlarge": 8},
    "g7": {"": 1, "12xlarge": 2, "24xlarge": 4, "48xlarge": 8},
    "p2": {"": 1, "8xlarge": 8, "16xlarge": 16},
    "p3": {"": 1, "8xlarge": 4, "16xlarge": 8},
    "p": {"": 8, "4xlarge": 1, "36xlarge": 4},
    "inf1": {"": 1, "6xlarge": 4, "24xlarge": 16},
    "inf2": {"": 1, "24xlarge": 6, "48xlarge": 12},
    "trn1": {"": 1, "32xlarge": 16},
    "trn2": {"": 16},
    "dl1": {"": 8},
}


class Resources(NamedTuple):
    """What an instance has, or what a copy of an inference component needs.

    Attributes:
        cpus: CPU cores, parts of one included.
        memory: megabytes.
        accelerators: GPUs or Neuron devices.
    """

    cpus: float
    memory: float
    accelerators: float

    def minus(self, other: Resources) -> Resources:
        """What is left without ``other``."""
        return Resources(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))

    def fits(self, other: Resources) -> bool:
        """Whether ``other`` finds room in it."""
        return all(mine >= theirs for mine, theirs in zip(self, other, strict=True))


def resources_of(instance_type: str) -> Resources:
    """Everything that an instance of a type has, e.g. of ``ml.m5.large``."""
    _, family, size = instance_type.split(".")
    cpus = vcpus(instance_type)
    accelerators = _longest(family, _ACCELERATORS) or {"": 0}
    return Resources(
        cpus=cpus,
        memory=cpus * (_longest(family, _MEMORY) or 4.0) * 1024,
        accelerators=accelerators.get(size, accelerators[""]),
    )


def _longest(family: str, table: Mapping[str, Value]) -> Value | None:
    """What the table has for the longest beginning of a family's name."""
    kind = re.sub(r"[^a-z0-9].*", "", family)
    found = [name for name in table if kind.startswith(name)]
    return table[max(found, key=len)] if found else None
