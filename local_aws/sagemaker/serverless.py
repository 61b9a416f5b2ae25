"""Serverless variants: processes that come with the requests and go without them.

See https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psutil

from local_aws.cloud import Cloud
from local_aws.cloudwatch.publish import publish
from local_aws.sagemaker import metrics
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
from local_aws.sagemaker.serverless_capacity import ServerlessCapacity
from local_aws.sagemaker.variant_fleet import VariantFleet

# The payload of a request and of an answer, in bytes.
MAX_PAYLOAD = 4 * 1024 * 1024
# AWS does not say how long an idle environment is kept.
_IDLE_SECONDS = 300.0


@dataclass(eq=False)
class _Environment:
    """One process; it has one request at a time."""

    instance: ModelInstance
    provisioned: bool
    busy: bool = False
    idle_since: float = field(default_factory=time.monotonic)


class ServerlessVariant(VariantFleet):
    """A variant whose processes are started for requests and ended when idle."""

    def __init__(
        self, cloud: Cloud, *, endpoint_name: str, config: Mapping[str, Any], count: int
    ) -> None:
        super().__init__(cloud, endpoint_name=endpoint_name, config=config, count=count)
        self._memory: int = config["ServerlessConfig"]["MemorySizeInMB"]
        self._capacity = self._desired = ServerlessCapacity.of(config["ServerlessConfig"])
        self._keep = _IDLE_SECONDS / cloud.speed
        self._dimensions = {"EndpointName": endpoint_name, "VariantName": self.name}
        self._environments: list[_Environment] = []
        self._executing = 0
        self._on_provisioned = 0

    @property
    def capacity(self) -> ServerlessCapacity:
        """What it takes at once, now."""
        return self._capacity

    @property
    def instances(self) -> tuple[ModelInstance, ...]:
        """Those that run now."""
        return tuple(found.instance for found in list(self._environments))

    @property
    def counted_instances(self) -> int | None:
        """None: a serverless variant has no InvocationsPerInstance."""
        return None

    @property
    def incomplete(self) -> bool:
        """Whether fewer environments are ready than are provisioned."""
        ready = sum(found.provisioned and found.instance.alive for found in self._environments)
        return ready < self._capacity.provisioned

    @property
    def workers(self) -> int:
        """One: an environment has one request at a time."""
        return 1

    def shown(self) -> dict[str, Any]:
        """Its serverless configuration, as it is and as it is to be."""
        return {
            "CurrentServerlessConfig": self._shown(self._capacity),
            "DesiredServerlessConfig": self._shown(self._desired),
        }

    def _shown(self, capacity: ServerlessCapacity) -> dict[str, Any]:
        shown = {"MemorySizeInMB": self._memory, "MaxConcurrency": capacity.maximum}
        if capacity.provisioned:
            shown["ProvisionedConcurrency"] = capacity.provisioned
        return shown

    def start(self) -> None:
        """Start what is provisioned, and at least one: a model that cannot serve fails here.

        Raises:
            ModelInstanceError: one of them cannot be had.
        """
        provisioned = self._capacity.provisioned
        with self._changing:
            self._provision(provisioned)
            if not provisioned:
                self._add(_Environment(self._start_one(), provisioned=False))

    def desire(self, wanted: Mapping[str, Any]) -> None:
        """Note the capacity that is asked for."""
        self.desired_weight = wanted.get("DesiredWeight", self.desired_weight)
        self._desired = self._capacity.changed(wanted.get("ServerlessUpdateConfig") or {})

    def adjust(self) -> None:
        """Bring capacity to what is desired.

        Raises:
            ModelInstanceError: an environment cannot be had; the old ones serve on.
        """
        with self._changing:
            self._provision(self._desired.provisioned)
            self._capacity = self._desired
        self.weight = self.desired_weight

    def settle(self) -> None:
        """What was desired and could not be had is no longer desired."""
        self.desired_weight = self.weight
        self._desired = self._capacity

    def replace_dead(self) -> None:
        """Start what is missing of the provisioned environments.

        Raises:
            ModelInstanceError: it cannot be had.
        """
        if not self._changing.acquire(blocking=False):
            return
        try:
            self._provision(self._capacity.provisioned)
        finally:
            self._changing.release()

    def tend(self) -> None:
        """End what has been idle for long, or has ended by itself."""
        oldest = time.monotonic() - self._keep
        with self._lock:
            leaving = [
                found
                for found in self._environments
                if not found.busy
                and (
                    not found.instance.alive
                    or (not found.provisioned and found.idle_since < oldest)
                )
            ]
            self._environments = [one for one in self._environments if one not in leaving]
        self._end([found.instance for found in leaving])

    def stop(self) -> None:
        """End all environments."""
        self.close()
        with self._lock:
            leaving, self._environments = self._environments, []
        self._end([found.instance for found in leaving])

    def answer(self, invocation: Invocation, *, timeout: float) -> Answer:
        """Answer in an environment that is ready, or in one that is started for the request.

        Raises:
            RuntimeFault: as many invocations as the variant takes are under way, or the payload is
                larger than a serverless endpoint takes.
        """
        if len(invocation.body) > MAX_PAYLOAD:
            raise _too_large(len(invocation.body))
        environment = self._take()
        try:
            if environment is None:
                environment = self._cold_start()
            answer = environment.instance.invoke(
                invocation.body, invocation.headers, timeout=timeout
            )
        except (UnreachableError, ModelInstanceError):
            answer = Answer(status=NOBODY, headers={}, body=b"", latency=0.0)
        except TimeoutError:
            # The container is still at work: it cannot be used again.
            self._drop(environment)
            answer = Answer(status=TIMED_OUT, headers={}, body=b"", latency=timeout)
        finally:
            self._give_back(environment)
        if len(answer.body) > MAX_PAYLOAD:
            raise _too_large(len(answer.body))
        return answer

    def publish(self, where: metrics.Where) -> None:
        """Publish the memory in use, and what of the provisioned environments is used now."""
        for instance in self.instances:
            _cpu, memory = instance.utilization()
            if may_publish(instance.role_arn, metrics.INSTANCES):
                megabytes = memory / 100 * psutil.virtual_memory().total / 2**20
                metrics.memory_utilization(where, megabytes=megabytes, of=self._memory)
        self._publish_concurrency()

    def _take(self) -> _Environment | None:
        """An environment that is ready, a provisioned one first; None if one must be started.

        Raises:
            RuntimeFault: there may be no more of them.
        """
        with self._lock:
            if self._executing >= self._capacity.maximum:
                raise RuntimeFault(
                    400, "ThrottlingException", "The request was denied due to request throttling."
                )
            ready = [one for one in self._environments if not one.busy and one.instance.alive]
            chosen = min(ready, key=lambda one: not one.provisioned, default=None)
            if chosen is not None:
                chosen.busy = True
            self._executing += 1
            on_provisioned = chosen is not None and chosen.provisioned
            self._on_provisioned += on_provisioned
        self._publish_concurrency()
        if self._capacity.provisioned:
            kind = "Invocations" if on_provisioned else "SpilloverInvocations"
            self._publish(f"ServerlessProvisionedConcurrency{kind}", 1.0, "Count")
        return chosen

    def _give_back(self, environment: _Environment | None) -> None:
        with self._lock:
            self._executing -= 1
            if environment is not None:
                self._on_provisioned -= environment.provisioned
                environment.busy = False
                environment.idle_since = time.monotonic()

    def _cold_start(self) -> _Environment:
        began = time.perf_counter()
        environment = _Environment(self._start_one(), provisioned=False, busy=True)
        self._publish("ModelSetupTime", (time.perf_counter() - began) * 1e6, "Microseconds")
        self._add(environment)
        return environment

    def _add(self, environment: _Environment) -> None:
        with self._lock:
            if not self._stopped:
                self._environments = [*self._environments, environment]
                return
        self._end([environment.instance])
        raise UnreachableError(f"variant {self.name} takes no more requests")

    def _drop(self, environment: _Environment | None) -> None:
        if environment is not None:
            with self._lock:
                self._environments = [one for one in self._environments if one is not environment]
            self._end([environment.instance])

    def _provision(self, count: int) -> None:
        """Have ``count`` environments that are kept; what is too many is kept no longer."""
        with self._lock:
            kept = [one for one in self._environments if one.provisioned and one.instance.alive]
            for environment in kept[count:]:
                self._release(environment)
        for instance in self._started(count - len(kept)):
            self._add(_Environment(instance, provisioned=True))

    def _release(self, environment: _Environment) -> None:
        environment.provisioned = False
        self._on_provisioned -= environment.busy
        environment.idle_since = time.monotonic()

    def _publish_concurrency(self) -> None:
        with self._lock:
            executing, provisioned = self._executing, self._on_provisioned
        self._publish(
            "ServerlessConcurrentExecutionsUtilization", executing / self._capacity.maximum, "None"
        )
        if self._capacity.provisioned:
            used = provisioned / self._capacity.provisioned
            self._publish("ServerlessProvisionedConcurrencyUtilization", used, "None")
            self._publish("ServerlessProvisionedConcurrencyExecutions", provisioned, "Count")

    def _publish(self, metric: str, value: float, unit: str) -> None:
        publish(metrics.INVOCATIONS, metric, self._dimensions, value, unit)


def _too_large(length: int) -> RuntimeFault:
    return RuntimeFault(
        413,
        None,
        f"HTTP content length exceeded {MAX_PAYLOAD} bytes: a serverless endpoint takes and "
        f"answers at most 4 MB, got {length} bytes.",
    )
