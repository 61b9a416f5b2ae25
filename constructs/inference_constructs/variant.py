"""`ProductionVariant`: one model on a fleet of its own behind an endpoint."""

import math
import re
from dataclasses import dataclass

from aws_cdk import Token
from aws_cdk import aws_sagemaker as sagemaker

from inference_constructs.faults import refuse
from inference_constructs.instance_types import find_instance_type, hosting_fault
from inference_constructs.model import InferenceModel
from inference_constructs.scaling import Scaling

NAME = re.compile(r"[a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62}")


@dataclass(frozen=True, kw_only=True)
class ProductionVariant:
    """A model, the instances that serve it, and its share of the traffic.

    Attributes:
        model: the model.
        instance_type: a hosting type, such as `ml.m5.large`.
        name: the variant's name, a dimension of its metrics.
        initial_instance_count: instances of a new fleet; by default the scaling's minimum, or one.
        weight: the share of the traffic, in proportion to the other variants'. 0 gets none.
        scaling: what changes the number of instances; by default nothing does.
    """

    model: InferenceModel
    instance_type: str
    name: str = "AllTraffic"
    initial_instance_count: int | None = None
    weight: float = 1.0
    scaling: Scaling | None = None

    def __post_init__(self) -> None:
        """Refuses what SageMaker or Application Auto Scaling would refuse at the deployment.

        Raises:
            ValueError: names all that is wrong.
        """
        faults = [*self._name_faults(), *self._instance_type_faults(), *self._count_faults()]
        # Finite first: jsii cannot be asked about a NaN, it ends.
        if not math.isfinite(self.weight) or (
            self.weight < 0 and not Token.is_unresolved(self.weight)
        ):
            faults.append(f"weight must be 0 or greater, not {self.weight}")
        refuse(f"production variant {self.name!r}", faults)

    @property
    def instance_count(self) -> int:
        """Instances of a new fleet."""
        if self.initial_instance_count is not None:
            return self.initial_instance_count
        return 1 if self.scaling is None else self.scaling.min_capacity

    @property
    def has_local_storage(self) -> bool:
        """Whether its instances have local disks, which take no KMS key."""
        known = find_instance_type(self.instance_type)
        return known is not None and known.local_storage

    @property
    def vcpus(self) -> int | None:
        """The vCPUs of one instance, if its type is known at synth."""
        known = find_instance_type(self.instance_type)
        return None if known is None else known.vcpus

    def definition(self) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
        """The variant as CloudFormation has it."""
        return sagemaker.CfnEndpointConfig.ProductionVariantProperty(
            variant_name=self.name,
            model_name=self.model.model_name,
            instance_type=self.instance_type,
            initial_instance_count=self.instance_count,
            initial_variant_weight=self.weight,
        )

    def _name_faults(self) -> list[str]:
        if Token.is_unresolved(self.name) or NAME.fullmatch(self.name):
            return []
        return [f"name must be up to 63 letters, digits and inner hyphens, not {self.name!r}"]

    def _instance_type_faults(self) -> list[str]:
        if Token.is_unresolved(self.instance_type):
            return []
        fault = hosting_fault(self.instance_type)
        if fault is not None:
            return [fault]
        known = find_instance_type(self.instance_type)
        if self.scaling is not None and known is not None and not known.scalable:
            return [
                f"instance type {self.instance_type} is burstable and cannot be autoscaled: use "
                "another, such as ml.m5.large, or leave the scaling out"
            ]
        return []

    def _count_faults(self) -> list[str]:
        count = self.initial_instance_count
        if count is None or Token.is_unresolved(count):
            return []
        if count < 1:
            return [f"initial_instance_count must be at least 1, not {count}"]
        if self.scaling is None:
            return []
        bounds = (self.scaling.min_capacity, self.scaling.max_capacity)
        if not any(map(Token.is_unresolved, bounds)) and not bounds[0] <= count <= bounds[1]:
            return [
                f"initial_instance_count ({count}) must be within the scaling's bounds, "
                f"{bounds[0]} to {bounds[1]}: change it or leave it out"
            ]
        return []
