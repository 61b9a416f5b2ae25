"""A variant without a model: inference components come and go on its instances.

See https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints-deploy-models.html.
"""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from local_aws.cloud import Cloud
from local_aws.sagemaker import component_metrics, metrics
from local_aws.sagemaker.component_spec import ComponentSpec, model_of, startup_timeout
from local_aws.sagemaker.consolidation import consolidate
from local_aws.sagemaker.hosts import Hosts, Seat
from local_aws.sagemaker.http_pool import UnreachableError
from local_aws.sagemaker.instances import (
    NOBODY,
    TIMED_OUT,
    Answer,
    ModelInstance,
    ModelInstanceError,
)
from local_aws.sagemaker.replies import Invocation, RuntimeFault
from local_aws.sagemaker.role_checks import may_publish
from local_aws.sagemaker.variant_fleet import STARTING_AT_ONCE, VariantFleet

# AWS does not say how long an instance without copies is kept.
_RELEASE_SECONDS = 300.0
_NO_CAPACITY = (
    "Inference Component has no capacity to process this request. ApplicationAutoScaling may be "
    "in-progress (if configured) or try to increase the capacity by invoking "
    "UpdateInferenceComponentRuntimeConfig API."
)


class Wanted(NamedTuple):
    """A component that a variant is to run.

    Attributes:
        name: the component's.
        spec: what it runs.
        copies: how many.
    """

    name: str
    spec: ComponentSpec
    copies: int


class HostFleet(VariantFleet):
    """Instances, and the copies of components on them."""

    def __init__(
        self,
        cloud: Cloud,
        *,
        endpoint_name: str,
        config: Mapping[str, Any],
        count: int,
        components: Callable[[], Iterable[Wanted]],
    ) -> None:
        """Plan a variant; `start` makes it.

        Args:
            cloud: where models are.
            endpoint_name: the endpoint that it serves.
            config: the production variant.
            count: instances to begin with.
            components: gives those that are to run when the fleet starts.
        """
        super().__init__(cloud, endpoint_name=endpoint_name, config=config, count=count)
        self.hosts = Hosts(cloud, config)
        self._components = components

    @property
    def instances(self) -> tuple[ModelInstance, ...]:
        """The processes of all copies."""
        return tuple(seat.instance for seat in self.hosts.seats() if seat.instance is not None)

    @property
    def counted_instances(self) -> int | None:
        """The instances."""
        return len(self.hosts)

    @property
    def incomplete(self) -> bool:
        """Whether a copy has ended by itself."""
        return not all(instance.alive for instance in self.instances)

    def copies(self, component: str) -> list[Seat]:
        """The copies of a component that take requests."""
        return [seat for seat in self.hosts.seats(component) if seat.instance is not None]

    def shown(self) -> dict[str, Any]:
        """Its instances, and how they are scaled."""
        shown: dict[str, Any] = {
            "CurrentInstanceCount": len(self.hosts),
            "DesiredInstanceCount": self.desired_count,
        }
        if "ManagedInstanceScaling" in self.config:
            shown["ManagedInstanceScaling"] = self.config["ManagedInstanceScaling"]
        if "InstancePools" in self.config:
            shown["InstancePools"] = self.hosts.shown()
        return shown

    def start(self) -> None:
        """Have the instances, and the copies of all components of the endpoint.

        Raises:
            ModelInstanceError: one of them cannot be had.
        """
        with self._changing:
            self.hosts.add(self.desired_count)
        for name, spec, copies in self._components():
            self.add(name, spec, copies)

    def activate(self, count: int) -> None:
        """Copies take requests wherever they are."""

    def scale(self, count: int) -> None:
        """Have so many instances; those with copies stay.

        Raises:
            ModelInstanceError: an instance cannot be had, or one that has copies would have to go.
        """
        with self._changing:
            self.hosts.add(count - len(self.hosts))
            surplus = max(0, len(self.hosts) - count)
            empty = [host for host in self.hosts if not host.seats]
            if len(empty) < surplus:
                raise ModelInstanceError(
                    f"Variant {self.name} cannot have {count} instances: its inference components "
                    f"have copies on {len(self.hosts) - len(empty)} of them."
                )
            self.hosts.remove(empty[:surplus])
            self.desired_count = count

    def settle(self) -> None:
        """What was desired and could not be had is no longer desired."""
        self.desired_weight = self.weight
        self.desired_count = len(self.hosts)

    def add(self, component: str, spec: ComponentSpec, count: int) -> None:
        """Start copies of a component: all of them, or none.

        Raises:
            ModelInstanceError: there is no room for one, or one cannot be started.
        """
        seats: list[Seat] = []
        try:
            for _ in range(count):
                seats.append(self.hosts.take(component, spec))
            self.start_copies(seats)
        except ModelInstanceError:
            self.end(seats)
            raise
        self.desired_count = len(self.hosts)

    def end(self, seats: Sequence[Seat], *, drain: float = 0.0) -> None:
        """End copies; requests under way may take ``drain`` seconds more."""
        if not seats:
            return
        ended = [(seat, seat.instance) for seat in seats]
        for seat in seats:
            # From now on it is chosen for no request.
            seat.instance = None
        with ThreadPoolExecutor(len(seats)) as executor:
            for seat, instance in ended:
                executor.submit(self._end_copy, seat, instance, drain)

    def surplus(self, component: str, count: int) -> list[Seat]:
        """The copies that go first when ``count`` stay: those on the emptiest instances."""
        copies = sorted(self.copies(component), key=lambda seat: len(seat.host.seats))
        return copies[: max(0, len(copies) - count)]

    def replace_dead(self) -> None:
        """Start a copy in the place of each one whose process has ended.

        Raises:
            ModelInstanceError: it cannot be had.
        """
        if not self._changing.acquire(blocking=False):
            return
        try:
            for seat in self.hosts.seats():
                dead = seat.instance
                if dead is not None and not dead.alive:
                    dead.stop()
                    seat.instance = self._started_copy(seat)
        finally:
            self._changing.release()

    def tend(self) -> None:
        """Give back instances that managed scaling does not need any more."""
        scaling = self.hosts.scaling
        if not scaling.enabled or self._stopped:
            return
        self.hosts.remove(self.hosts.idle(_RELEASE_SECONDS / self._cloud.speed))
        self.desired_count = len(self.hosts)
        if scaling.consolidates and self.hosts.quiet_for > scaling.cooldown / self._cloud.speed:
            self.hosts.touch()
            threading.Thread(target=consolidate, args=(self,), daemon=True).start()

    def answer(self, invocation: Invocation, *, timeout: float) -> Answer:
        """What a copy of the component answers.

        Raises:
            RuntimeFault: the component has no copy.
        """
        component = invocation.component or ""
        began = time.monotonic()
        copies = self.copies(component)
        if not copies:
            component_metrics.no_capacity(component)
            raise RuntimeFault(400, "ValidationError", _NO_CAPACITY)
        answer = self._asked(copies, invocation, timeout)
        component_metrics.invocation(
            component,
            copies=len(copies),
            status=answer.status,
            model_seconds=answer.latency,
            overhead_seconds=max(0.0, time.monotonic() - began - answer.latency),
        )
        return answer

    def publish(self, where: metrics.Where) -> None:
        """Publish what the copies use, for the endpoint and for each component."""
        for seat in self.hosts.seats():
            instance = seat.instance
            if instance is None:
                continue
            cpu, memory = instance.utilization()
            if may_publish(instance.role_arn, metrics.INSTANCES):
                metrics.utilization(where.on(seat.host.name), cpu=cpu, memory=memory)
            if may_publish(instance.role_arn, component_metrics.COPIES):
                component_metrics.utilization(seat.component, seat.needs, cpu=cpu, memory=memory)

    def sample(self, where: metrics.Where) -> None:
        """Publish what is measured in high resolution: requests under way at each copy."""
        del where
        for seat in self.hosts.seats():
            if seat.instance is not None:
                component_metrics.concurrency(seat.component, seat.instance.under_way)

    def stop(self) -> None:
        """End all copies, and give the instances back."""
        self.close()
        self.end(self.hosts.seats())
        self.hosts.remove(list(self.hosts))

    def _asked(self, copies: list[Seat], invocation: Invocation, timeout: float) -> Answer:
        tried = random.sample(copies, len(copies))
        if self._least_outstanding:
            tried.sort(key=lambda seat: seat.instance.under_way if seat.instance else 0)
        began = time.monotonic()
        for seat in tried:
            instance = seat.instance
            if instance is None:
                continue
            try:
                left = max(0.001, timeout - (time.monotonic() - began))
                return instance.invoke(invocation.body, invocation.headers, timeout=left)
            except UnreachableError:
                continue
            except TimeoutError:
                return Answer(status=TIMED_OUT, headers={}, body=b"", latency=timeout)
        return Answer(status=NOBODY, headers={}, body=b"", latency=time.monotonic() - began)

    def start_copies(self, seats: Sequence[Seat]) -> None:
        """Start a process in each of these seats: all of them, or none.

        Raises:
            ModelInstanceError: one cannot be started.
        """
        if not seats:
            return
        with ThreadPoolExecutor(min(len(seats), STARTING_AT_ONCE)) as executor:
            futures = [executor.submit(self._started_copy, seat) for seat in seats]
        failures = [error for future in futures if (error := future.exception())]
        started = [future.result() for future in futures if not future.exception()]
        if failures or self._stopped:
            for instance in started:
                instance.stop()
            raise failures[0] if failures else ModelInstanceError("The variant takes no copies.")
        for seat, instance in zip(seats, started, strict=True):
            seat.instance = instance

    def _started_copy(self, seat: Seat) -> ModelInstance:
        specification = seat.specification
        name = f"{seat.host.name}-{secrets.token_hex(4)}"
        try:
            return ModelInstance.start(
                self._cloud,
                model_name=specification.get("ModelName", ""),
                model=model_of(specification, seat.spec.role_arn),
                name=name,
                log_group=f"/aws/sagemaker/InferenceComponents/{seat.component}",
                log_stream=f"{self.name}/{name}",
                workers=max(1, int(seat.needs.cpus)),
                startup_timeout=startup_timeout(specification),
            )
        except ModelInstanceError as error:
            if error.unhealthy:
                raise ModelInstanceError(
                    f"The primary container for inference component {seat.component} did not pass "
                    f"the ping health check. Please check CloudWatch logs for this inference "
                    f"component."
                ) from error
            raise

    def _end_copy(self, seat: Seat, instance: ModelInstance | None, drain: float) -> None:
        if instance is not None:
            instance.stop(drain=drain)
        self.hosts.leave(seat)
