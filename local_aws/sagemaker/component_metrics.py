"""The metrics of inference components, as SageMaker publishes them.

See https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html.
"""

from __future__ import annotations

import psutil

from local_aws.cloudwatch.publish import publish
from local_aws.sagemaker.hardware import Resources
from local_aws.sagemaker.metrics import INVOCATIONS

COPIES = "/aws/sagemaker/InferenceComponents"


def invocation(
    component: str,
    *,
    copies: int,
    status: int,
    model_seconds: float,
    overhead_seconds: float,
) -> None:
    """Publish what one invocation counts.

    Args:
        component: who answered.
        copies: of the component, now.
        status: what the model answered; below 100 if it did not.
        model_seconds: the time that it took.
        overhead_seconds: the time that everything else took.
    """
    for metric, value, unit in (
        ("Invocations", 1.0, "None"),
        ("InvocationsPerCopy", 1.0 / max(1, copies), "None"),
        ("Invocation4XXErrors", float(400 <= status < 500), "None"),
        ("Invocation5XXErrors", float(status >= 500 or status < 100), "None"),
        ("ModelLatency", model_seconds * 1e6, "Microseconds"),
        ("OverheadLatency", overhead_seconds * 1e6, "Microseconds"),
    ):
        publish(INVOCATIONS, metric, _dimensions(component), value, unit)


def no_capacity(component: str) -> None:
    """Publish that a request came and there was no copy."""
    publish(INVOCATIONS, "NoCapacityInvocationFailures", _dimensions(component), 1.0, "Count")


def concurrency(component: str, requests: int) -> None:
    """Publish how many requests one copy has not answered yet: a high-resolution metric."""
    publish(
        INVOCATIONS,
        "ConcurrentRequestsPerCopy",
        _dimensions(component),
        float(requests),
        "Count",
    )


def utilization(component: str, share: Resources, *, cpu: float, memory: float) -> None:
    """Publish what one copy uses of its share: 100 is all of it.

    Args:
        component: whose copy it is.
        share: what the copy has.
        cpu: in percent of one core.
        memory: in percent of this machine's.
    """
    megabytes = memory / 100 * psutil.virtual_memory().total / 2**20
    values = {"MemoryUtilizationNormalized": 100 * megabytes / share.memory}
    if share.cpus:
        values["CPUUtilizationNormalized"] = cpu / share.cpus
    for metric, value in values.items():
        publish(COPIES, metric, _dimensions(component), value, "Percent")


def _dimensions(component: str) -> dict[str, str]:
    return {"InferenceComponentName": component}
