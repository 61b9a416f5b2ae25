"""`ManagedFleet`: the instances behind inference components, whose number SageMaker manages."""

from dataclasses import dataclass
from enum import StrEnum

from aws_cdk import Token
from aws_cdk import aws_sagemaker as sagemaker

from inference_constructs.faults import refuse
from inference_constructs.hosting_options import RoutingStrategy
from inference_constructs.instance_types import InstanceType, find_instance_type, hosting_fault
from inference_constructs.variant_name import name_faults

PAGE = (
    "https://docs.aws.amazon.com/sagemaker/latest/APIReference/"
    "API_ProductionVariantManagedInstanceScaling.html"
)


class ScaleIn(StrEnum):
    """How instances are given back, in SageMaker's own words."""

    IDLE_RELEASE = "IDLE_RELEASE"
    """Instances that hold no copy of any component."""

    CONSOLIDATION = "CONSOLIDATION"
    """Copies are moved together as well, so that more instances come to hold none."""


@dataclass(frozen=True, kw_only=True)
class ManagedFleet:
    """Instances of one type, as many as the copies of the inference components on them need.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html

    Attributes:
        instance_type: a hosting type, such as `ml.m5.xlarge`.
        max_instances: the most instances.
        min_instances: the fewest, even with no copy on them.
        name: the variant's name, a dimension of its metrics.
        scale_in: how instances are given back; by default SageMaker chooses.
        routing: which copy of a component gets the next request.
    """

    instance_type: str
    max_instances: int
    min_instances: int = 0
    name: str = "AllTraffic"
    scale_in: ScaleIn | None = None
    routing: RoutingStrategy = RoutingStrategy.LEAST_OUTSTANDING_REQUESTS

    def __post_init__(self) -> None:
        """Refuses what `CreateEndpointConfig` refuses.

        Raises:
            ValueError: names all that is wrong.
        """
        refuse(f"managed fleet {self.name!r}", self._faults())

    @property
    def known_type(self) -> InstanceType | None:
        """What is known of the instance type at synth."""
        return find_instance_type(self.instance_type)

    def definition(self) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
        """The fleet as CloudFormation has it: a variant without a model."""
        config = sagemaker.CfnEndpointConfig
        return config.ProductionVariantProperty(
            variant_name=self.name,
            instance_type=self.instance_type,
            # An endpoint cannot begin with none; what stays idle is given back.
            initial_instance_count=self.min_instances
            if Token.is_unresolved(self.min_instances)
            else max(1, self.min_instances),
            managed_instance_scaling=config.ManagedInstanceScalingProperty(
                status="ENABLED",
                min_instance_count=self.min_instances,
                max_instance_count=self.max_instances,
                scale_in_policy=None
                if self.scale_in is None
                else config.ScaleInPolicyProperty(strategy=self.scale_in.value),
            ),
            routing_config=config.RoutingConfigProperty(routing_strategy=self.routing.value),
        )

    def _faults(self) -> list[str]:
        faults = name_faults(self.name)
        if not Token.is_unresolved(self.instance_type):
            fault = hosting_fault(self.instance_type)
            faults += [] if fault is None else [fault]
        lowest, highest = self.min_instances, self.max_instances
        if any(map(Token.is_unresolved, (lowest, highest))):
            return faults
        if lowest < 0:
            faults.append(f"min_instances must be 0 or greater, not {lowest} ({PAGE})")
        if highest < max(1, lowest):
            faults.append(
                f"max_instances must be at least 1 and min_instances ({lowest}), not {highest} "
                f"({PAGE})"
            )
        return faults
