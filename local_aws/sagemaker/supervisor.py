"""Keeps instances alive and publishes what they use."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from local_aws.cloud import Cloud
from local_aws.sagemaker import metrics
from local_aws.sagemaker.endpoint import Endpoint
from local_aws.sagemaker.fleet import Fleet
from local_aws.sagemaker.instances import ModelInstanceError
from local_aws.sagemaker.variant_fleet import VariantFleet

logger = logging.getLogger(__name__)

_CHECK = 0.5
# After a replacement that could not be had; AWS goes on trying as well.
_PAUSE = 5.0
_PUBLISH = 60.0


class Supervisor:
    """One thread that looks after the fleets of all endpoints."""

    def __init__(self, cloud: Cloud, endpoints: Callable[[], Iterable[Endpoint]]) -> None:
        self._endpoints = endpoints
        self._publish_every = max(1.0, _PUBLISH / cloud.speed)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="sagemaker-fleets", daemon=True)
        self._executor = ThreadPoolExecutor(4, thread_name_prefix="sagemaker-replace")
        self._not_before: dict[int, float] = {}

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _watch(self) -> None:
        published = time.monotonic()
        while not self._stopping.wait(_CHECK):
            for endpoint in self._endpoints():
                for fleet in endpoint.traffic.fleets:
                    self._repair(fleet)
            if time.monotonic() - published >= self._publish_every:
                published = time.monotonic()
                self._publish()

    def _variants(self) -> Iterator[tuple[metrics.Where, VariantFleet]]:
        for endpoint in self._endpoints():
            for fleet in endpoint.fleets():
                config = fleet.config.endpoint_config_name
                for name, variant in fleet.members.items():
                    yield metrics.Where(endpoint.endpoint_name, name, config), variant

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

    def _publish(self) -> None:
        for where, variant in self._variants():
            variant.publish(where)
