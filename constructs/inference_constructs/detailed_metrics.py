"""`DetailedMetrics`: metrics of each instance, and more often than once a minute."""

from dataclasses import dataclass
from typing import Literal

from aws_cdk import aws_sagemaker as sagemaker

from inference_constructs.faults import refuse

_FREQUENCIES = (10, 30, 60)


@dataclass(frozen=True, kw_only=True)
class DetailedMetrics:
    """How often the endpoint publishes its metrics, and whether for each instance, too.

    CloudWatch charges for metrics by instance as for custom ones.

    https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch-enhanced-metrics.html

    Attributes:
        every_seconds: how often utilization is published: 10, 30 or 60. With `by_instance`,
            invocations as well. Less often than once a minute would leave the alarms blind.
        by_instance: whether utilization and invocations are published for each instance, too.
    """

    every_seconds: Literal[10, 30, 60] = 10
    by_instance: bool = True

    def __post_init__(self) -> None:
        """Refuses what SageMaker refuses, and what no alarm could go by.

        Raises:
            ValueError: says what was given.
        """
        if self.every_seconds not in _FREQUENCIES:
            refuse(
                "detailed metrics", [f"every_seconds must be 10, 30 or 60: {self.every_seconds}"]
            )

    def definition(self) -> sagemaker.CfnEndpointConfig.MetricsConfigProperty:
        """The metrics as CloudFormation has them."""
        return sagemaker.CfnEndpointConfig.MetricsConfigProperty(
            enable_enhanced_metrics=self.by_instance,
            metric_publish_frequency_in_seconds=self.every_seconds,
        )
