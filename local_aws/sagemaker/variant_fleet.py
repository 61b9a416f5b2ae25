"""The instances of one variant, and the way of a request to one of them."""

from __future__ import annotations

import os
import random
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from local_aws.cloud import Cloud
from local_aws.sagemaker import metrics
from local_aws.sagemaker.http_pool import UnreachableError
from local_aws.sagemaker.instances import (
    NOBODY,
    TIMED_OUT,
    Answer,
    ModelInstance,
    ModelInstanceError,
)
from local_aws.sagemaker.places import Places
from local_aws.sagemaker.records import now
from local_aws.sagemaker.replies import Invocation
from local_aws.sagemaker.role_checks import may_publish

# Starting is CPU-bound (each worker imports numpy and xgboost): more at once would be no faster.
STARTING_AT_ONCE = max(2, os.cpu_count() or 1)

# An invocation may take this long: nothing is ended before its requests are.
DRAIN = 60.0


class VariantFleet:
    """The instances of one production variant.

    What serves without instances, or models that come and go on its instances, is a subclass.
    """

    def __init__(
        self, cloud: Cloud, *, endpoint_name: str, config: Mapping[str, Any], count: int
    ) -> None:
        self.name: str = config["VariantName"]
        self.model_name: str = config.get("ModelName", "")
        self.instance_type: str = config.get("InstanceType", "")
        self.config = config
        self.created = now()
        self.weight: float = config["InitialVariantWeight"]
        self.desired_count = count
        self.desired_weight = self.weight
        self._cloud = cloud
        self._endpoint_name = endpoint_name
        strategy = config.get("RoutingConfig", {}).get("RoutingStrategy")
        self._least_outstanding = strategy == "LEAST_OUTSTANDING_REQUESTS"
        self._places = Places(cloud, config)
        # Replaced as a whole, never changed: a request may be reading it.
        self._instances: tuple[ModelInstance, ...] = ()
        # How many should run; those that take requests while traffic comes to the fleet in steps.
        self._target = 0
        self._active: int | None = None
        self._status: tuple[str, datetime] | None = None
        self._lock = threading.Lock()
        # Held while instances start: a replacement and a change of the count exclude each other.
        self._changing = threading.Lock()
        self._stopped = False

    @property
    def instances(self) -> tuple[ModelInstance, ...]:
        """Those that take requests."""
        return self._instances

    @property
    def incomplete(self) -> bool:
        """Whether an instance has ended, or could not be replaced yet."""
        instances = self._instances
        return len(instances) < self._target or not all(found.alive for found in instances)

    @property
    def status(self) -> tuple[str, datetime] | None:
        """The stage of a change that it is in, and since when; None while nothing changes."""
        return self._status

    def enter(self, status: str | None) -> None:
        """Begin a stage of a change."""
        if status is None or self._status is None or self._status[0] != status:
            self._status = None if status is None else (status, now())

    @property
    def counted_instances(self) -> int | None:
        """By how many InvocationsPerInstance divides; None where there is no such metric."""
        return len(self._instances)

    @property
    def workers(self) -> int:
        """Worker processes of an instance, if its model does not say."""
        return min(vcpus(self.instance_type), os.cpu_count() or 1)

    @property
    def image(self) -> str | None:
        """The image of its containers, once one runs."""
        return next((instance.image for instance in self.instances), None)

    def start(self) -> None:
        """Start as many instances as desired.

        Raises:
            ModelInstanceError: one of them cannot be had.
        """
        with self._changing:
            self._grow(self.desired_count)
            self._target = self.desired_count

    def scale(self, count: int) -> None:
        """Start or end instances; those that end get no new request and finish what they have.

        Raises:
            ModelInstanceError: a new one cannot be had; the old ones serve on.
        """
        with self._changing:
            self._grow(count - len(self._instances))
            self._target = count
            with self._lock:
                leaving = self._instances[count:]
                self._instances = self._instances[:count]
        self._end(leaving, drain=DRAIN)

    def replace_dead(self) -> None:
        """Start an instance in the place of each one whose process has ended.

        Raises:
            ModelInstanceError: it cannot be had.
        """
        if not self._changing.acquire(blocking=False):
            return
        try:
            dead = [instance for instance in self._instances if not instance.alive]
            with self._lock:
                self._instances = tuple(found for found in self._instances if found.alive)
            self._end(dead)
            self._grow(self._target - len(self._instances))
        finally:
            self._changing.release()

    def activate(self, count: int) -> None:
        """Let only ``count`` instances take requests."""
        self._active = None if count >= self.desired_count else count

    def candidates(self) -> Iterator[ModelInstance]:
        """Instances to try for one request, each once.

        They come at random, or with the routing strategy LEAST_OUTSTANDING_REQUESTS the one with
        the least to do comes first. Those that are not active yet stand in for those that are gone.
        """
        instances, active = self._instances, self._active
        for group in (instances[:active], instances[active:] if active is not None else ()):
            tried = random.sample(group, len(group))
            if self._least_outstanding:
                tried.sort(key=lambda instance: instance.under_way)
            yield from tried

    def answer(self, invocation: Invocation, *, timeout: float) -> Answer:
        """What the first instance that is there answers, within ``timeout`` seconds."""
        began = time.monotonic()
        for instance in self.candidates():
            try:
                left = max(0.001, timeout - (time.monotonic() - began))
                return instance.invoke(invocation.body, invocation.headers, timeout=left)
            except UnreachableError:
                continue
            except TimeoutError:
                return Answer(status=TIMED_OUT, headers={}, body=b"", latency=timeout)
        return Answer(status=NOBODY, headers={}, body=b"", latency=time.monotonic() - began)

    def shown(self) -> dict[str, Any]:
        """What DescribeEndpoint tells of its capacity."""
        shown: dict[str, Any] = {
            "CurrentInstanceCount": len(self._instances),
            "DesiredInstanceCount": self.desired_count,
        }
        if "InstancePools" in self.config:
            shown["InstancePools"] = self._places.shown()
        return shown

    def desire(self, wanted: Mapping[str, Any]) -> None:
        """Note what UpdateEndpointWeightsAndCapacities asks for; `adjust` does it."""
        self.desired_weight = wanted.get("DesiredWeight", self.desired_weight)
        self.desired_count = wanted.get("DesiredInstanceCount", self.desired_count)

    def adjust(self) -> None:
        """Bring weight and capacity to what is desired.

        Raises:
            ModelInstanceError: an instance cannot be had; the old ones serve on.
        """
        self.scale(self.desired_count)
        self.weight = self.desired_weight

    def settle(self) -> None:
        """What was desired and could not be had is no longer desired."""
        self.desired_weight = self.weight
        self.desired_count = len(self._instances)

    def tend(self) -> None:
        """Called twice a second for as long as the variant takes requests."""

    def publish(self, where: metrics.Where) -> None:
        """Publish what the instances use; they do so as their role."""
        for instance in self._instances:
            cpu, memory = instance.utilization()
            if may_publish(instance.role_arn, metrics.INSTANCES):
                metrics.utilization(where.on(instance.name), cpu=cpu, memory=memory)

    def sample(self, where: metrics.Where) -> None:
        """Publish what is measured in high resolution."""
        for instance in self._instances:
            metrics.concurrency(where.on(instance.name), instance.under_way)

    def close(self) -> None:
        """Take no new instance; one that is just starting is ended."""
        self._stopped = True

    def stop(self) -> None:
        """End all instances."""
        self.close()
        with self._lock:
            leaving, self._instances = self._instances, ()
        self._end(leaving)

    def _grow(self, count: int) -> None:
        started = self._started(count)
        with self._lock:
            if not self._stopped:
                self._instances += tuple(started)
                return
        self._end(started)

    def _started(self, count: int) -> list[ModelInstance]:
        """Start instances beside each other: all of them, or none.

        Raises:
            ModelInstanceError: one cannot be had.
        """
        if count <= 0:
            return []
        started = []
        failures: list[Exception] = []
        with ThreadPoolExecutor(min(count, STARTING_AT_ONCE)) as executor:
            for future in [executor.submit(self._start_one) for _ in range(count)]:
                try:
                    started.append(future.result())
                except Exception as error:
                    failures.append(error)
        if failures:
            self._end(started)
            raise failures[0]
        return started

    def _start_one(self) -> ModelInstance:
        instance_id = f"i-{secrets.token_hex(8)}0"
        place = self._places.take(instance_id)
        try:
            return ModelInstance.start(
                self._cloud,
                model_name=place.model_name,
                name=instance_id,
                log_group=f"/aws/sagemaker/Endpoints/{self._endpoint_name}",
                log_stream=f"{self.name}/{instance_id}",
                workers=self.workers,
                startup_timeout=self.config.get("ContainerStartupHealthCheckTimeoutInSeconds", 480),
            )
        except ModelInstanceError as error:
            self._places.give_back(instance_id)
            if error.unhealthy:
                raise ModelInstanceError(
                    f"The primary container for production variant {self.name} did not pass the "
                    f"ping health check. Please check CloudWatch logs for this endpoint."
                ) from error
            raise

    def _end(self, instances: Sequence[ModelInstance], *, drain: float = 0.0) -> None:
        if instances:
            with ThreadPoolExecutor(len(instances)) as executor:
                for instance in instances:
                    executor.submit(self._end_one, instance, drain)

    def _end_one(self, instance: ModelInstance, drain: float) -> None:
        instance.stop(drain=drain)
        self._places.give_back(instance.name)


def vcpus(instance_type: str) -> int:
    """CPUs of an instance type, by its size: 2 for large, 4 for xlarge, 4 n for n-xlarge."""
    size = instance_type.rsplit(".", 1)[-1]
    if not size.endswith("xlarge"):
        return 2
    return 4 * int(size.removesuffix("xlarge") or 1)
