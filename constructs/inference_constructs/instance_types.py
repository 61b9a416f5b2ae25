"""What is known about SageMaker's instance types: which exist, and what they are made of."""

import difflib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).with_name("instance_types.json")


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    """An instance type that SageMaker offers for hosting.

    Attributes:
        name: the service's name, such as `ml.m5.large`.
        vcpus: virtual CPUs; CPUUtilization goes up to 100 % for each.
        local_storage: whether it has local NVMe disks, which are encrypted by their hardware and
            do not take a KMS key.
        transform: whether batch transform offers it as well.
    """

    name: str
    vcpus: int
    local_storage: bool
    transform: bool

    @property
    def scalable(self) -> bool:
        """Whether Application Auto Scaling takes it: burstable T2 instances are excluded.

        https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html
        """
        return not self.name.startswith("ml.t2.")


def find_instance_type(name: str) -> InstanceType | None:
    """Looks an instance type up.

    Args:
        name: such as `ml.m5.large`.

    Returns:
        The type, or None if SageMaker does not offer it for hosting.
    """
    return _table().get(name)


def hosting_fault(name: str) -> str | None:
    """Says what is wrong with an instance type of an endpoint.

    Args:
        name: what was given.

    Returns:
        The fault with the nearest types that exist, or None.
    """
    if name in _table():
        return None
    return _unknown(name, "hosting", list(_table()))


def transform_fault(name: str) -> str | None:
    """Says what is wrong with an instance type of a transform job.

    Args:
        name: what was given.

    Returns:
        The fault with the nearest types that exist, or None.
    """
    known = _table().get(name)
    if known is not None and known.transform:
        return None
    return _unknown(name, "batch transform", [n for n, row in _table().items() if row.transform])


def _unknown(name: str, use: str, offered: list[str]) -> str:
    nearest = difflib.get_close_matches(name, offered, n=3)
    hint = f"use one of its types, such as {', '.join(nearest or ['ml.m5.large'])}"
    return f"instance type {name!r} is not offered for {use}: {hint}"


@cache
def _table() -> dict[str, InstanceType]:
    rows = json.loads(DATA.read_text())
    return {name: InstanceType(name=name, **row) for name, row in rows.items()}
