"""The quotas of SageMaker: how many instances of a type, and how much of all of it.

AWS's values differ by type, by region and by account; many are 0 in a new one. Here each is
generous until somebody sets it. Names are AWS's own. Of most codes only AWS knows the pairs, so
here a code is made from the name; the three of the totals are AWS's own.
https://docs.aws.amazon.com/general/latest/gr/sagemaker.html
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import botocore.session

ENDPOINT, TRANSFORM_JOB = "endpoint", "transform job"
ENDPOINT_INSTANCES = "Number of instances across active endpoints"
TRANSFORM_INSTANCES = "Number of instances across all transform jobs"
SERVERLESS_CONCURRENCY = (
    "Maximum total concurrency that can be allocated across all serverless endpoints"
)
GENEROUS = 1000
_CODES = {
    ENDPOINT_INSTANCES: "L-7A3DF611",
    TRANSFORM_INSTANCES: "L-60D2A6F0",
    SERVERLESS_CONCURRENCY: "L-96300102",
}
_TYPES = {
    ENDPOINT: "ProductionVariantInstanceType",
    TRANSFORM_JOB: "TransformInstanceType",
}


def instances_of(instance_type: str, use: str) -> str:
    """The name of a type's quota, such as ``ml.m5.large for endpoint usage``."""
    return f"{instance_type} for {use} usage"


@dataclass(frozen=True, kw_only=True)
class Quota:
    """A quota of SageMaker.

    Attributes:
        name: as AWS names it.
        code: such as ``L-7A3DF611``.
    """

    name: str
    code: str


@cache
def sagemaker_quotas() -> dict[str, Quota]:
    """The quotas by their codes: the totals, and one for each type that the API has."""
    return {quota.code: quota for quota in map(_quota, _names())}


def _names() -> Iterator[str]:
    yield from _CODES
    model = botocore.session.get_session().get_service_model("sagemaker")
    for use, shape in _TYPES.items():
        for instance_type in model.shape_for(shape).enum:
            yield instances_of(instance_type, use)


def _quota(name: str) -> Quota:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return Quota(name=name, code=_CODES.get(name, f"L-{digest[:8].upper()}"))


class Values:
    """What each quota is, by its name."""

    def __init__(self) -> None:
        self._set: dict[str, float] = {}
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> float:
        with self._lock:
            return self._set.get(name, GENEROUS)

    def applied(self, name: str) -> bool:
        """Whether somebody has set it: AWS lists the others with their default values only."""
        with self._lock:
            return name in self._set

    def set(self, name: str, value: float | None) -> None:
        """Set a quota; None gives it its default value again."""
        with self._lock:
            if value is None:
                self._set.pop(name, None)
            else:
                self._set[name] = value


QUOTAS = Values()
