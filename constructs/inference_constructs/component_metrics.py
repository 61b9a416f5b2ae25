"""The metrics that SageMaker publishes for an inference component.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from inference_constructs.metrics import INVOCATIONS

# The namespace of their utilization, and the prefix of their log groups.
COMPONENTS = "/aws/sagemaker/InferenceComponents"


@dataclass(frozen=True, kw_only=True)
class ComponentMetrics:
    """Metrics of one inference component, whose only dimension is its name.

    Attributes:
        component_name: the inference component.
    """

    component_name: str

    def invocations(self, *, period: Duration | None = None) -> cloudwatch.Metric:
        """Requests sent to the component: a number per period."""
        return self._metric("Invocations", "Sum", period)

    def invocations_per_copy(self, *, period: Duration | None = None) -> cloudwatch.Metric:
        """Requests that each copy got: a number per period."""
        return self._metric("InvocationsPerCopy", "Sum", period)

    def invocation_4xx_errors(
        self, *, statistic: str = "Average", period: Duration | None = None
    ) -> cloudwatch.Metric:
        """Answers blamed on the client: as Average the rate (0 to 1), as Sum the number."""
        return self._metric("Invocation4XXErrors", statistic, period)

    def invocation_5xx_errors(
        self, *, statistic: str = "Average", period: Duration | None = None
    ) -> cloudwatch.Metric:
        """Answers blamed on the model: as Average the rate (0 to 1), as Sum the number."""
        return self._metric("Invocation5XXErrors", statistic, period)

    def model_latency(
        self, *, statistic: str = "p99", period: Duration | None = None
    ) -> cloudwatch.Metric:
        """What the container takes to answer, in microseconds."""
        return self._metric("ModelLatency", statistic, period)

    def no_capacity_invocation_failures(
        self, *, period: Duration | None = None
    ) -> cloudwatch.Metric:
        """Requests refused because there is no copy to answer them: a number per period."""
        return self._metric("NoCapacityInvocationFailures", "Sum", period)

    def _metric(self, name: str, statistic: str, period: Duration | None) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=INVOCATIONS,
            metric_name=name,
            dimensions_map={"InferenceComponentName": self.component_name},
            statistic=statistic,
            period=Duration.minutes(1) if period is None else period,
        )
