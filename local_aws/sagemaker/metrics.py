"""The metrics of endpoints, as SageMaker publishes them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

import psutil

from local_aws.cloudwatch.publish import publish

INVOCATIONS = "AWS/SageMaker"
INSTANCES = "/aws/sagemaker/Endpoints"


# How often utilization is published, in seconds, unless the config says otherwise.
FREQUENCY = 60
FREQUENCIES = (10, 30, 60, 120, 180, 240, 300)


class Where(NamedTuple):
    """Which variant of which fleet a value belongs to.

    Attributes:
        endpoint: the endpoint's name.
        variant: the variant's.
        config: the endpoint config's.
        per_instance: each instance has metrics of its own as well.
        instance: the instance's name, where it has.
    """

    endpoint: str
    variant: str
    config: str
    per_instance: bool = False
    instance: str | None = None

    def on(self, instance: str) -> Where:
        """The same on one instance, where instances have metrics of their own."""
        return self._replace(instance=instance or None) if self.per_instance else self

    def dimension_sets(self) -> Iterator[dict[str, str]]:
        """The sets of dimensions under which SageMaker publishes."""
        both = {"EndpointName": self.endpoint, "VariantName": self.variant}
        yield both
        # During an update this one tells the new fleet from the old one.
        yield {**both, "EndpointConfigName": self.config}
        if self.instance is not None:
            yield {**both, "InstanceId": self.instance}


def invocation(
    where: Where,
    *,
    instances: int | None,
    status: int,
    model_seconds: float,
    overhead_seconds: float,
) -> None:
    """Publish what one invocation counts.

    Args:
        where: who answered.
        instances: of the variant, now; None for a variant that has no instances to count by.
        status: what the model answered; below 100 if it did not.
        model_seconds: the time that it took.
        overhead_seconds: the time that everything else took.
    """
    values = {
        "Invocations": (1.0, "None"),
        "Invocation4XXErrors": (float(400 <= status < 500), "None"),
        "Invocation5XXErrors": (float(status >= 500 or status < 100), "None"),
        "ModelLatency": (model_seconds * 1e6, "Microseconds"),
        "OverheadLatency": (overhead_seconds * 1e6, "Microseconds"),
    }
    if instances is not None:
        values["InvocationsPerInstance"] = (1.0 / max(1, instances), "None")
    for dimensions in where.dimension_sets():
        for metric, (value, unit) in values.items():
            publish(INVOCATIONS, metric, dimensions, value, unit)


def utilization(where: Where, *, cpu: float, memory: float) -> None:
    """Publish what one instance uses: CPU over all cores, memory and disk of this machine."""
    disk = psutil.disk_usage(os.sep).percent
    for dimensions in where.dimension_sets():
        for metric, value in (
            ("CPUUtilization", cpu),
            ("MemoryUtilization", memory),
            ("DiskUtilization", disk),
        ):
            publish(INSTANCES, metric, dimensions, value, "Percent")


def concurrency(where: Where, requests: int) -> None:
    """Publish how many requests one instance has not answered yet: a high-resolution metric."""
    for dimensions in where.dimension_sets():
        publish(INVOCATIONS, "ConcurrentRequestsPerModel", dimensions, float(requests), "Count")


def memory_utilization(where: Where, *, megabytes: float, of: int) -> None:
    """Publish how much of its memory one serverless environment uses."""
    for dimensions in where.dimension_sets():
        publish(INSTANCES, "MemoryUtilization", dimensions, 100 * megabytes / of, "Percent")
