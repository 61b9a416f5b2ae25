"""The metrics that SageMaker publishes for a variant of an endpoint.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

INVOCATIONS = "AWS/SageMaker"
INSTANCES = "/aws/sagemaker/Endpoints"


@dataclass(frozen=True, kw_only=True)
class VariantMetrics:
    """Metrics of one variant, under the service's own names.

    Attributes:
        endpoint_name: the endpoint.
        variant_name: the variant.
    """

    endpoint_name: str
    variant_name: str

    def invocations(self, *, period: Duration | None = None) -> cloudwatch.Metric:
        """Requests sent to the model: a number per period."""
        return self._metric(INVOCATIONS, "Invocations", "Sum", period)

    def invocations_per_instance(self, *, period: Duration | None = None) -> cloudwatch.Metric:
        """Requests that each instance got: a number per period."""
        return self._metric(INVOCATIONS, "InvocationsPerInstance", "Sum", period)

    def invocation_4xx_errors(
        self, *, statistic: str = "Average", period: Duration | None = None
    ) -> cloudwatch.Metric:
        """Answers blamed on the client: as Average the rate (0 to 1), as Sum the number."""
        return self._metric(INVOCATIONS, "Invocation4XXErrors", statistic, period)

    def invocation_5xx_errors(
        self, *, statistic: str = "Average", period: Duration | None = None
    ) -> cloudwatch.Metric:
        """Answers blamed on the model: as Average the rate (0 to 1), as Sum the number."""
        return self._metric(INVOCATIONS, "Invocation5XXErrors", statistic, period)

    def model_latency(
        self, *, statistic: str = "p99", period: Duration | None = None
    ) -> cloudwatch.Metric:
        """What the container takes to answer, in microseconds."""
        return self._metric(INVOCATIONS, "ModelLatency", statistic, period)

    def overhead_latency(
        self, *, statistic: str = "p99", period: Duration | None = None
    ) -> cloudwatch.Metric:
        """What SageMaker adds to it, in microseconds."""
        return self._metric(INVOCATIONS, "OverheadLatency", statistic, period)

    def cpu_utilization(
        self, *, statistic: str = "Average", period: Duration | None = None
    ) -> cloudwatch.Metric:
        """Percent, summed over the vCPUs: 0 to 400 on four."""
        return self._metric(INSTANCES, "CPUUtilization", statistic, period)

    def memory_utilization(
        self, *, statistic: str = "Average", period: Duration | None = None
    ) -> cloudwatch.Metric:
        """Percent of the instance's memory."""
        return self._metric(INSTANCES, "MemoryUtilization", statistic, period)

    def disk_utilization(
        self, *, statistic: str = "Average", period: Duration | None = None
    ) -> cloudwatch.Metric:
        """Percent of the instance's disk."""
        return self._metric(INSTANCES, "DiskUtilization", statistic, period)

    def _metric(
        self, namespace: str, name: str, statistic: str, period: Duration | None
    ) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=name,
            dimensions_map={
                "EndpointName": self.endpoint_name,
                "VariantName": self.variant_name,
            },
            statistic=statistic,
            period=Duration.minutes(1) if period is None else period,
        )
