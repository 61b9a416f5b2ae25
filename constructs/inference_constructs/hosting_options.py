"""`HostingOptions`: how SageMaker starts a variant's instances and chooses among them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from aws_cdk import Duration
from aws_cdk import aws_sagemaker as sagemaker

from inference_constructs.durations import range_fault
from inference_constructs.faults import refuse

POOLS_PAGE = "https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints-heterogeneous.html"
_MOST_POOLS = 5


class RoutingStrategy(StrEnum):
    """Which of a variant's instances gets the next request.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariantRoutingConfig.html
    """

    LEAST_OUTSTANDING_REQUESTS = "LEAST_OUTSTANDING_REQUESTS"
    """The one with the fewest requests in work."""
    RANDOM = "RANDOM"
    """Any of them."""


@dataclass(frozen=True, kw_only=True)
class HostingOptions:
    """What few variants need. None leaves it to SageMaker.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html

    Attributes:
        routing: which instance gets the next request.
        container_startup_timeout: how long a container may take to answer its first health check.
        model_download_timeout: how long the model data may take to arrive and be unpacked.
        fallback_instance_types: up to four types to take, in this order, while AWS has no capacity
            of the variant's own type. The scaling counts instances of any type alike.
        provision_timeout: how long SageMaker looks for capacity, over all types.
    """

    routing: RoutingStrategy | None = None
    container_startup_timeout: Duration | None = None
    model_download_timeout: Duration | None = None
    fallback_instance_types: Sequence[str] = ()
    provision_timeout: Duration | None = None

    def __post_init__(self) -> None:
        """Refuses what SageMaker refuses.

        Raises:
            ValueError: names all that is wrong.
        """
        faults = [
            *range_fault("container_startup_timeout", self.container_startup_timeout, 60, 3600),
            *range_fault("model_download_timeout", self.model_download_timeout, 60, 3600),
            *range_fault("provision_timeout", self.provision_timeout, 300, 3600),
        ]
        if len(self.fallback_instance_types) >= _MOST_POOLS:
            faults.append(
                f"fallback_instance_types may hold {_MOST_POOLS - 1} types, not "
                f"{len(self.fallback_instance_types)} ({POOLS_PAGE})"
            )
        refuse("hosting options", faults)

    def routing_config(self) -> sagemaker.CfnEndpointConfig.RoutingConfigProperty | None:
        """The routing as CloudFormation has it."""
        if self.routing is None:
            return None
        return sagemaker.CfnEndpointConfig.RoutingConfigProperty(
            routing_strategy=self.routing.value
        )

    def instance_pools(
        self, instance_type: str
    ) -> list[sagemaker.CfnEndpointConfig.InstancePoolProperty] | None:
        """The types in the order in which they are tried, as CloudFormation has it.

        Args:
            instance_type: the variant's own type.

        Returns:
            The pools, or None if there is but the one type.
        """
        if not self.fallback_instance_types:
            return None
        types = (instance_type, *self.fallback_instance_types)
        return [
            sagemaker.CfnEndpointConfig.InstancePoolProperty(instance_type=name, priority=priority)
            for priority, name in enumerate(types, start=1)
        ]


def seconds(timeout: Duration | None) -> float | None:
    """A timeout as CloudFormation has it.

    Args:
        timeout: the timeout, if there is one.
    """
    return None if timeout is None else timeout.to_seconds()
