"""What SageMaker lets Application Auto Scaling change, and what differs between the kinds."""

from dataclasses import dataclass
from enum import Enum

SERVICE_NAMESPACE = "sagemaker"


@dataclass(frozen=True, kw_only=True)
class Scalability:
    """The rules of one kind of scalable target.

    Attributes:
        noun: what it is, as messages name it.
        dimension: the number that is scaled, in Application Auto Scaling's words.
        least: the smallest minimum that AWS takes.
        predefined_metrics: the metrics that target tracking knows by name.
        waking_metric: the metric that tells of requests that wait at a capacity of zero.
        page: AWS's documentation.
    """

    noun: str
    dimension: str
    least: int
    predefined_metrics: tuple[str, ...]
    waking_metric: str | None = None
    page: str


class ScalableKind(Enum):
    """The kinds of scalable targets that SageMaker has.

    https://docs.aws.amazon.com/autoscaling/application/userguide/services-that-can-integrate-sagemaker.html
    """

    INSTANCES = Scalability(
        noun="an instance-backed variant",
        dimension="sagemaker:variant:DesiredInstanceCount",
        least=1,
        predefined_metrics=(
            "SageMakerVariantInvocationsPerInstance",
            "SageMakerVariantConcurrentRequestsPerModelHighResolution",
        ),
        page="https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html",
    )
    ASYNC_INSTANCES = Scalability(
        noun="a variant of an asynchronous endpoint",
        dimension="sagemaker:variant:DesiredInstanceCount",
        least=0,
        predefined_metrics=("SageMakerVariantInvocationsPerInstance",),
        waking_metric="HasBacklogWithoutCapacity",
        page="https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html",
    )
    PROVISIONED_CONCURRENCY = Scalability(
        noun="a serverless variant with provisioned concurrency",
        dimension="sagemaker:variant:DesiredProvisionedConcurrency",
        least=1,
        predefined_metrics=("SageMakerVariantProvisionedConcurrencyUtilization",),
        page="https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-autoscale.html",
    )
    COPIES = Scalability(
        noun="an inference component",
        dimension="sagemaker:inference-component:DesiredCopyCount",
        least=0,
        predefined_metrics=(
            "SageMakerInferenceComponentInvocationsPerCopy",
            "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
        ),
        waking_metric="NoCapacityInvocationFailures",
        page="https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html",
    )

    @property
    def rules(self) -> Scalability:
        """What AWS takes of this kind."""
        return self.value
