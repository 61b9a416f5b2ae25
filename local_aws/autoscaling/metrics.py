"""The predefined metrics of SageMaker's scalable dimensions.

See
https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PredefinedMetricSpecification.html
and https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_aws.autoscaling.resources import CopyCount, InstanceCount, ProvisionedConcurrency
from local_aws.cloudwatch.queries import dimensions_of
from local_aws.cloudwatch.store import SeriesKey

NAMESPACE = "AWS/SageMaker"
STANDARD, HIGH_RESOLUTION = 60, 10


@dataclass(frozen=True, kw_only=True)
class PredefinedMetric:
    """A metric by which AWS offers to scale.

    Attributes:
        dimension: the scalable dimension that it is offered for.
        metric: its name in CloudWatch.
        statistic: what the alarms look at.
        period: seconds of one period of the alarms.
        counts: whether it counts requests: then it is a number per minute, whatever the speed of
            the local AWS, and a zero beside other values adds nothing.
    """

    dimension: str
    metric: str
    statistic: str
    period: int = STANDARD
    counts: bool = False

    def series(self, resource_id: str) -> SeriesKey:
        """Where a resource's values are."""
        return SeriesKey(NAMESPACE, self.metric, dimensions_of(_dimensions(resource_id)))

    def watched(self, resource_id: str) -> dict[str, Any]:
        """What an alarm on it watches."""
        return {
            "Namespace": NAMESPACE,
            "MetricName": self.metric,
            "Dimensions": _dimensions(resource_id),
            "Statistic": self.statistic,
            "Period": self.period,
        }


def _dimensions(resource_id: str) -> list[dict[str, str]]:
    parts = resource_id.split("/")
    if parts[0] == "inference-component":
        return [{"Name": "InferenceComponentName", "Value": parts[1]}]
    return [
        {"Name": "EndpointName", "Value": parts[1]},
        {"Name": "VariantName", "Value": parts[3]},
    ]


PREDEFINED: Mapping[str, PredefinedMetric] = {
    "SageMakerVariantInvocationsPerInstance": PredefinedMetric(
        dimension=InstanceCount.dimension,
        metric="InvocationsPerInstance",
        statistic="Sum",
        counts=True,
    ),
    "SageMakerVariantConcurrentRequestsPerModelHighResolution": PredefinedMetric(
        dimension=InstanceCount.dimension,
        metric="ConcurrentRequestsPerModel",
        statistic="Maximum",
        period=HIGH_RESOLUTION,
    ),
    "SageMakerVariantProvisionedConcurrencyUtilization": PredefinedMetric(
        dimension=ProvisionedConcurrency.dimension,
        metric="ServerlessProvisionedConcurrencyUtilization",
        statistic="Maximum",
    ),
    "SageMakerInferenceComponentInvocationsPerCopy": PredefinedMetric(
        dimension=CopyCount.dimension,
        metric="InvocationsPerCopy",
        statistic="Sum",
        counts=True,
    ),
    "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution": PredefinedMetric(
        dimension=CopyCount.dimension,
        metric="ConcurrentRequestsPerCopy",
        statistic="Maximum",
        period=HIGH_RESOLUTION,
    ),
}


def offered(dimension: str) -> tuple[str, ...]:
    """The predefined metrics of a scalable dimension."""
    return tuple(name for name, found in PREDEFINED.items() if found.dimension == dimension)
