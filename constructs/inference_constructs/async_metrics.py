"""The metrics that SageMaker publishes for the queue of an asynchronous endpoint.

https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html
"""

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from inference_constructs.metrics import INVOCATIONS


@dataclass(frozen=True, kw_only=True)
class AsyncMetrics:
    """Metrics of one endpoint's queue, which has no variants: their only dimension is its name.

    Attributes:
        endpoint_name: the endpoint.
    """

    endpoint_name: str

    def approximate_backlog_size(self, *, period: Duration | None = None) -> cloudwatch.Metric:
        """Requests that wait or are being answered."""
        return self._metric("ApproximateBacklogSize", "Average", period)

    def approximate_backlog_size_per_instance(
        self, *, period: Duration | None = None
    ) -> cloudwatch.Metric:
        """The same, divided by the number of instances; without instances there is no value."""
        return self._metric("ApproximateBacklogSizePerInstance", "Average", period)

    def approximate_age_of_oldest_request(
        self, *, period: Duration | None = None
    ) -> cloudwatch.Metric:
        """How long the oldest request has been waiting, in seconds."""
        return self._metric("ApproximateAgeOfOldestRequest", "Maximum", period)

    def has_backlog_without_capacity(self, *, period: Duration | None = None) -> cloudwatch.Metric:
        """1 while requests wait and there is no instance, 0 otherwise."""
        return self._metric("HasBacklogWithoutCapacity", "Average", period)

    def _metric(self, name: str, statistic: str, period: Duration | None) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=INVOCATIONS,
            metric_name=name,
            dimensions_map={"EndpointName": self.endpoint_name},
            statistic=statistic,
            period=Duration.minutes(1) if period is None else period,
        )
