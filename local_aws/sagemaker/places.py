"""Where the instances of a variant are placed: its instance type, or the first pool with room."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from local_aws.cloud import Cloud
from local_aws.sagemaker.capacity import CAPACITY
from local_aws.sagemaker.instances import ModelInstanceError

_POLL = 0.1
_NO_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time."
)


class Place(NamedTuple):
    """What one instance runs on, and which model."""

    instance_type: str
    model_name: str


class Places:
    """The places of one variant's instances.

    Pools are tried in the order of their priority, 1 first, for each instance anew:
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_InstancePool.html
    """

    def __init__(self, cloud: Cloud, config: Mapping[str, Any]) -> None:
        model = config.get("ModelName", "")
        pools = sorted(config.get("InstancePools", ()), key=lambda pool: pool["Priority"])
        self._choices = [
            Place(pool["InstanceType"], pool.get("ModelNameOverride", model)) for pool in pools
        ] or [Place(config.get("InstanceType", ""), model)]
        self._patience = config.get("VariantInstanceProvisionTimeoutInSeconds", 0) / cloud.speed
        self._taken: dict[str, Place] = {}
        self._lock = threading.Lock()

    def take(self, instance: str) -> Place:
        """A place for an instance of this name, waiting for one as long as the variant says.

        Raises:
            ModelInstanceError: there is none.
        """
        deadline = time.monotonic() + self._patience
        while True:
            for place in self._choices:
                if CAPACITY.take(place.instance_type):
                    with self._lock:
                        self._taken[instance] = place
                    return place
            if time.monotonic() >= deadline:
                raise ModelInstanceError(_NO_CAPACITY)
            time.sleep(_POLL)

    def give_back(self, instance: str) -> None:
        """The instance has ended."""
        with self._lock:
            place = self._taken.pop(instance, None)
        if place is not None:
            CAPACITY.give_back(place.instance_type)

    def shown(self) -> list[dict[str, Any]]:
        """The pools as DescribeEndpoint shows them."""
        with self._lock:
            counts = Counter(place.instance_type for place in self._taken.values())
        return [
            {"InstanceType": name, "CurrentInstanceCount": counts[name]}
            for name in dict.fromkeys(place.instance_type for place in self._choices)
        ]
