"""Keeps instances alive and publishes what they use."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from local_aws.cloud import Cloud
from local_aws.sagemaker.endpoint import Endpoint
from local_aws.sagemaker.fleet import Fleet
from local_aws.sagemaker.instances import ModelInstanceError
from local_aws.sagemaker.metrics import FREQUENCY
from local_aws.sagemaker.variant_fleet import VariantFleet

logger = logging.getLogger(__name__)

_CHECK = 0.5
# After a replacement that could not be had; AWS goes on trying as well.
_PAUSE = 5.0
# High-resolution metrics have a period of 10 s, in which several samples are taken.
_SAMPLE, _SHORTEST_SAMPLE = 2.5, 0.1


class Supervisor:
    """Two threads that look after the fleets of all endpoints."""

    def __init__(self, cloud: Cloud, endpoints: Callable[[], Iterable[Endpoint]]) -> None:
        self._endpoints = endpoints
        self._speed = cloud.speed
        self._sample_every = max(_SHORTEST_SAMPLE, _SAMPLE / cloud.speed)
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._watch, name="sagemaker-fleets", daemon=True),
            threading.Thread(target=self._sample, name="sagemaker-samples", daemon=True),
        ]
        self._executor = ThreadPoolExecutor(4, thread_name_prefix="sagemaker-replace")
        self._not_before: dict[int, float] = {}

    def start(self) -> None:
        """Begin to watch."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _watch(self) -> None:
        while not self._stopping.wait(_CHECK):
            for endpoint in self._endpoints():
                for fleet in endpoint.traffic.fleets:
                    self._repair(fleet)
                for fleet in endpoint.fleets():
                    self._publish(fleet)

    def _sample(self) -> None:
        while not self._stopping.wait(self._sample_every):
            for endpoint in self._endpoints():
                for fleet in endpoint.traffic.fleets:
                    for variant in fleet.members.values():
                        variant.sample(fleet.where(variant))

    def _repair(self, fleet: Fleet) -> None:
        for variant in fleet.members.values():
            variant.tend()
            due = self._not_before.get(id(variant), 0.0)
            if variant.incomplete and time.monotonic() >= due:
                self._executor.submit(self._replace, variant)

    def _replace(self, variant: VariantFleet) -> None:
        try:
            variant.replace_dead()
        except ModelInstanceError as error:
            self._not_before[id(variant)] = time.monotonic() + _PAUSE
            logger.warning("variant %s: %s", variant.name, error)

    def _publish(self, fleet: Fleet) -> None:
        """Publish utilization, as often as the fleet's config says."""
        every = fleet.config.metrics.get("MetricPublishFrequencyInSeconds", FREQUENCY)
        if time.monotonic() - fleet.published < every / self._speed:
            return
        fleet.published = time.monotonic()
        for variant in fleet.members.values():
            variant.publish(fleet.where(variant))
