"""What each scalable dimension asks of SageMaker, and by which metrics it is scaled."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.applicationautoscaling.exceptions import AWSValidationException

from local_aws.autoscaling.metrics import PREDEFINED
from local_aws.autoscaling.resources import KINDS, ResourceError, Scalable, scalable

VARIANT = "endpoint/churn/variant/all"
COMPONENT = "inference-component/churn"


class SageMaker:
    """A client that answers what a test prepared, and remembers what it was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: dict[str, Any] = {}

    def __getattr__(self, operation: str) -> Any:
        def call(**parameters: Any) -> Any:
            self.asked[operation] = parameters
            answer = self.answers.get(operation, {})
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


class Cloud:
    """Gives that client."""

    def __init__(self, api: SageMaker) -> None:
        self._api = api

    def client(self, service: str) -> SageMaker:
        """The only one there is."""
        assert service == "sagemaker"
        return self._api


def thing(dimension: str, resource_id: str, api: SageMaker) -> Scalable:
    """One of a dimension's resources."""
    cloud: Any = Cloud(api)
    found = scalable(cloud, dimension, resource_id)
    assert found is not None
    return found


def missing(operation: str) -> ClientError:
    """SageMaker's error for what does not exist."""
    return ClientError(
        {"Error": {"Code": "ValidationException", "Message": "Could not find it"}}, operation
    )


def component(status: str, current: int, desired: int) -> dict[str, Any]:
    """A described inference component."""
    return {
        "InferenceComponentStatus": status,
        "RuntimeConfig": {"CurrentCopyCount": current, "DesiredCopyCount": desired},
    }


COPIES = "sagemaker:inference-component:DesiredCopyCount"
CONCURRENCY = "sagemaker:variant:DesiredProvisionedConcurrency"


def test_a_components_copies_are_read_and_set() -> None:
    """By UpdateInferenceComponentRuntimeConfig; not while the component changes."""
    api = SageMaker(describe_inference_component=component("InService", 3, 3))
    copies = thing(COPIES, COMPONENT, api)
    copies.check(0)
    assert copies.capacity() == 3
    copies.set(3)
    assert api.asked["update_inference_component_runtime_config"] == {
        "InferenceComponentName": "churn",
        "DesiredRuntimeConfig": {"CopyCount": 3},
    }
    api.answers["describe_inference_component"] = component("Updating", 1, 3)
    assert copies.capacity() is None


def test_copies_that_do_not_come_are_a_failure_with_sagemakers_reason() -> None:
    """As an activity tells it."""
    answer = {**component("InService", 1, 1), "FailureReason": "no room"}
    api = SageMaker(describe_inference_component=answer)
    with pytest.raises(ResourceError, match="no room"):
        thing(COPIES, COMPONENT, api).set(2)
    api.answers["update_inference_component_runtime_config"] = missing("Update")
    with pytest.raises(ResourceError, match="Could not find it"):
        thing(COPIES, COMPONENT, api).set(2)


def test_a_component_that_is_not_there_is_refused() -> None:
    """Neither can it be registered nor has it a capacity."""
    api = SageMaker(describe_inference_component=missing("DescribeInferenceComponent"))
    copies = thing(COPIES, COMPONENT, api)
    assert copies.capacity() is None
    with pytest.raises(AWSValidationException, match="inference component doesn't exist"):
        copies.check(1)


@pytest.mark.parametrize(
    ("dimension", "resource_id"),
    [(COPIES, VARIANT), (CONCURRENCY, COMPONENT), (CONCURRENCY, "endpoint/churn")],
)
def test_a_resource_id_belongs_to_its_dimension(dimension: str, resource_id: str) -> None:
    """As the service says it."""
    with pytest.raises(AWSValidationException, match="Unsupported service namespace"):
        thing(dimension, resource_id, SageMaker())


def test_metrics_and_dimensions_are_those_that_aws_documents() -> None:
    """Name, statistic and period of what the alarms of target tracking watch."""
    variant = {("EndpointName", "churn"), ("VariantName", "all")}
    expected = {
        "SageMakerVariantInvocationsPerInstance": ("InvocationsPerInstance", "Sum", 60, variant),
        "SageMakerVariantConcurrentRequestsPerModelHighResolution": (
            *("ConcurrentRequestsPerModel", "Maximum", 10),
            variant,
        ),
        "SageMakerVariantProvisionedConcurrencyUtilization": (
            *("ServerlessProvisionedConcurrencyUtilization", "Maximum", 60),
            variant,
        ),
        "SageMakerInferenceComponentInvocationsPerCopy": (
            *("InvocationsPerCopy", "Sum", 60),
            {("InferenceComponentName", "churn")},
        ),
        "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution": (
            *("ConcurrentRequestsPerCopy", "Maximum", 10),
            {("InferenceComponentName", "churn")},
        ),
    }
    shown = {}
    for name, metric in PREDEFINED.items():
        assert metric.dimension in KINDS
        resource_id = COMPONENT if metric.dimension == COPIES else VARIANT
        watched = metric.watched(resource_id)
        dimensions = {(found["Name"], found["Value"]) for found in watched["Dimensions"]}
        shown[name] = (
            *(watched["MetricName"], watched["Statistic"], watched["Period"]),
            dimensions,
        )
    assert shown == expected
