"""All variants of one endpoint config, which serve together and end together."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from local_aws.cloud import Cloud
from local_aws.sagemaker import metrics
from local_aws.sagemaker.capture import Capture
from local_aws.sagemaker.records import EndpointConfigRecord
from local_aws.sagemaker.variant_fleet import VariantFleet


class Fleet:
    """All variants of one endpoint config."""

    def __init__(
        self,
        cloud: Cloud,
        *,
        endpoint_name: str,
        config: EndpointConfigRecord,
        counts: Mapping[str, int],
        weights: Mapping[str, float],
        role_arn: str = "",
        variant_of: Callable[..., VariantFleet] = VariantFleet,
    ) -> None:
        """Plan a fleet; `start` makes it.

        Args:
            cloud: where its models are.
            endpoint_name: the endpoint that it serves.
            config: its endpoint config.
            counts: instance counts of variants that keep one other than the config's.
            weights: likewise.
            role_arn: the role that alarms are read and data is captured as.
            variant_of: makes a variant of the kind that its config is of.
        """
        self.config = config
        self.role_arn = role_arn
        self.capture: Capture | None = None
        captured = config.request.get("DataCaptureConfig") or {}
        if captured and captured.get("EnableCapture", True):
            self.capture = Capture(
                cloud, endpoint_name=endpoint_name, config=captured, role_arn=role_arn
            )
        self.endpoint_name = endpoint_name
        # When utilization was published last, by `time.monotonic`.
        self.published = time.monotonic()

        def made(variants: Sequence[Mapping[str, Any]]) -> dict[str, VariantFleet]:
            return {
                variant["VariantName"]: variant_of(
                    cloud,
                    endpoint_name=endpoint_name,
                    config=variant,
                    count=counts.get(
                        variant["VariantName"], variant.get("InitialInstanceCount", 0)
                    ),
                )
                for variant in variants
            }

        self.variants = made(config.variants)
        self.shadows = made(config.shadow_variants)
        for name, found in self.members.items():
            found.weight = found.desired_weight = weights.get(name, found.weight)
        self._in_flight = 0
        self._closed = False
        self._idle = threading.Condition()

    @property
    def members(self) -> dict[str, VariantFleet]:
        """The variants that answer and those in their shadow."""
        return self.variants | self.shadows

    @property
    def size(self) -> int:
        """Instances of the variants that answer, now."""
        return sum(len(variant.instances) for variant in self.variants.values())

    @property
    def wanted(self) -> int:
        """Instances of the variants that answer, as desired."""
        return sum(variant.desired_count for variant in self.variants.values())

    def where(self, variant: VariantFleet) -> metrics.Where:
        """Where the metrics of one of its variants are published."""
        return metrics.Where(
            self.endpoint_name,
            variant.name,
            self.config.endpoint_config_name,
            per_instance=bool(self.config.metrics.get("EnableEnhancedMetrics")),
        )

    def enter(self, status: str | None) -> None:
        """Let all variants begin a stage of a change; None ends it."""
        for variant in self.members.values():
            variant.enter(status)

    def scale(self, count: int) -> None:
        """Give its one answering variant ``count`` instances.

        Raises:
            ModelInstanceError: a new one cannot be had; the old ones serve on.
        """
        (variant,) = self.variants.values()
        variant.scale(count)

    def start_shadows(self) -> None:
        """Start the variants that answer nobody.

        Raises:
            ModelInstanceError: an instance cannot be had.
        """
        for variant in self.shadows.values():
            variant.start()

    def close(self) -> None:
        """Take no new instance."""
        for variant in self.members.values():
            variant.close()

    def start(self) -> None:
        """Start all instances.

        Raises:
            ModelInstanceError: one cannot be had; all others have been ended.
        """
        try:
            self._each(lambda variant: variant.start())
        except Exception:
            self.stop()
            raise

    def stop(self, *, drain: float = 0.0) -> None:
        """End all instances, after at most ``drain`` seconds for the requests under way."""
        with self._idle:
            self._closed = True
            self._idle.wait_for(lambda: self._in_flight == 0, timeout=drain)
        self._each(lambda variant: variant.stop())
        if self.capture is not None:
            self.capture.close()

    @contextmanager
    def request(self) -> Iterator[bool]:
        """Hold the fleet for one request; False if it is closed and another one has to answer."""
        with self._idle:
            if self._closed:
                yield False
                return
            self._in_flight += 1
        try:
            yield True
        finally:
            with self._idle:
                self._in_flight -= 1
                self._idle.notify_all()

    def route(self) -> VariantFleet | None:
        """A variant by its weight among all; None if all weigh 0."""
        variants = list(self.variants.values())
        weights = [variant.weight for variant in variants]
        if sum(weights) <= 0:
            return None
        return random.choices(variants, weights)[0]

    def _each(self, action: Callable[[VariantFleet], None]) -> None:
        members = list(self.members.values())
        with ThreadPoolExecutor(len(members)) as executor:
            list(executor.map(action, members))
