"""Metrics that policies watch: any of CloudWatch's, or the scaled resource's own."""

from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

# https://docs.aws.amazon.com/autoscaling/application/APIReference/API_CustomizedMetricSpecification.html
_STATISTICS = frozenset({"Average", "Minimum", "Maximum", "SampleCount", "Sum"})


@dataclass(frozen=True, kw_only=True)
class OwnMetric:
    """A metric that SageMaker publishes about the very resource that is scaled.

    Its dimension is the endpoint's name, or the inference component's, which the policy need not
    know.

    Attributes:
        name: the metric, in SageMaker's own words.
        statistic: how values of one period become one.
    """

    name: str
    statistic: str

    def of(self, dimensions: dict[str, str]) -> cloudwatch.Metric:
        """The metric of one resource.

        Args:
            dimensions: which.
        """
        return cloudwatch.Metric(
            namespace="AWS/SageMaker",
            metric_name=self.name,
            dimensions_map=dimensions,
            statistic=self.statistic,
            period=Duration.minutes(1),
        )


ScalingMetric = OwnMetric | cloudwatch.Metric


def metric_name(metric: ScalingMetric) -> str:
    """A metric's name.

    Args:
        metric: the metric.
    """
    return metric.name if isinstance(metric, OwnMetric) else metric.metric_name


def metric_key(metric: ScalingMetric) -> str:
    """What tells a metric from another.

    Args:
        metric: the metric.
    """
    if isinstance(metric, OwnMetric):
        return metric.name
    dimensions = sorted((metric.dimensions or {}).items())
    return f"{metric.namespace}/{metric.metric_name}/{dimensions}/{metric.statistic}"


def statistic_faults(metric: ScalingMetric) -> list[str]:
    """What is wrong with a metric's statistic: Application Auto Scaling knows no percentiles.

    Args:
        metric: the metric.
    """
    if metric.statistic in _STATISTICS:
        return []
    return [
        f"the statistic of {metric_name(metric)} must be one of {', '.join(sorted(_STATISTICS))}, "
        f"not {metric.statistic}"
    ]


def metric_members(metric: ScalingMetric, dimensions: dict[str, str]) -> dict[str, Any]:
    """A metric as alarms and policies have it in CloudFormation, without its period.

    Args:
        metric: the metric.
        dimensions: of the scaled resource.
    """
    found = metric.of(dimensions) if isinstance(metric, OwnMetric) else metric
    members: dict[str, Any] = {
        "Namespace": found.namespace,
        "MetricName": found.metric_name,
        "Statistic": found.statistic,
    }
    if found.dimensions:
        members["Dimensions"] = [
            {"Name": name, "Value": value} for name, value in sorted(found.dimensions.items())
        ]
    if found.unit is not None:
        members["Unit"] = found.unit.name.replace("_PER_", "/").title()
    return members


def metric_period(metric: ScalingMetric) -> Duration:
    """How long one datapoint of a metric is; SageMaker's own come each minute.

    Args:
        metric: the metric.
    """
    return Duration.minutes(1) if isinstance(metric, OwnMetric) else metric.period
