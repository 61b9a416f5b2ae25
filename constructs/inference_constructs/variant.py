"""`ProductionVariant`: one model on a fleet of its own behind an endpoint."""

import math
import re
from dataclasses import dataclass, field

from aws_cdk import Stack, Token
from aws_cdk import aws_sagemaker as sagemaker

from inference_constructs.alarms import Processor
from inference_constructs.durations import is_late
from inference_constructs.faults import refuse
from inference_constructs.fleet_share import Fleet
from inference_constructs.hosting_options import HostingOptions, seconds
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
        initial_instance_count: instances of a new fleet; by default the scaling's minimum, but one
            at least.
        weight: the share of the traffic, in proportion to the other variants'. 0 gets none.
        scaling: what changes the number of instances; by default nothing does.
        hosting: what few variants need.
    """

    model: InferenceModel
    instance_type: str
    name: str = "AllTraffic"
    initial_instance_count: int | None = None
    weight: float = 1.0
    scaling: Scaling | None = None
    hosting: HostingOptions = field(default_factory=HostingOptions)

    def __post_init__(self) -> None:
        """Refuses what SageMaker or Application Auto Scaling would refuse at the deployment.

        Raises:
            ValueError: names all that is wrong.
        """
        faults = [*self._name_faults(), *self._instance_type_faults(), *self._count_faults()]
        # Finite first: jsii cannot be asked about a NaN, it ends.
        if not math.isfinite(self.weight) or (self.weight < 0 and not is_late(self.weight)):
            faults.append(f"weight must be 0 or greater, not {self.weight}")
        refuse(f"production variant {self.name!r}", faults)

    @property
    def instance_count(self) -> int:
        """Instances of a new fleet."""
        if self.initial_instance_count is not None:
            return self.initial_instance_count
        # Not even an endpoint that scales to zero begins there.
        least = 1 if self.scaling is None else self.scaling.min_capacity
        return 1 if least == 0 else least

    @property
    def fleet(self) -> Fleet:
        """How many instances there may be when an update begins."""
        smallest = largest = self.instance_count
        if self.scaling is not None:
            smallest, largest = self.scaling.smallest, self.scaling.largest
        return Fleet(self.name, smallest, largest, self._unguarded())

    @property
    def instance_types(self) -> tuple[str, ...]:
        """The types that its instances may have, in the order in which they are tried."""
        return (self.instance_type, *self.hosting.fallback_instance_types)

    @property
    def has_local_storage(self) -> bool:
        """Whether any of its instances has local disks, which take no KMS key."""
        known = map(find_instance_type, self.instance_types)
        return any(found is not None and found.local_storage for found in known)

    @property
    def processor(self) -> Processor | None:
        """What computes on an instance, if all its types are known and have as many vCPUs."""
        known = [find_instance_type(name) for name in self.instance_types]
        vcpus = {None if found is None else found.vcpus for found in known}
        count = vcpus.pop()
        if count is None or vcpus:
            return None
        return Processor(" or ".join(self.instance_types), count)

    def definition(self) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
        """The variant as CloudFormation has it."""
        pools = self.hosting.instance_pools(self.instance_type)
        return sagemaker.CfnEndpointConfig.ProductionVariantProperty(
            variant_name=self.name,
            model_name=self.model.model_name,
            instance_type=self.instance_type if pools is None else None,
            instance_pools=pools,
            initial_instance_count=self.instance_count,
            initial_variant_weight=self.weight,
            routing_config=self.hosting.routing_config(),
            container_startup_health_check_timeout_in_seconds=seconds(
                self.hosting.container_startup_timeout
            ),
            model_data_download_timeout_in_seconds=seconds(self.hosting.model_download_timeout),
            variant_instance_provision_timeout_in_seconds=seconds(self.hosting.provision_timeout),
        )

    def _unguarded(self) -> str | None:
        if any(name.startswith("ml.inf1.") for name in self.instance_types):
            return "may run on Inf1 instances"
        arn = self.model.artifact.model_package_arn
        # Packages of a registry have a version; of those without one, only the account tells.
        if arn is None or "/" in arn.partition("model-package/")[2]:
            return None
        if arn.split(":")[4] == Stack.of(self.model).account:
            return None
        return "runs a container of the AWS Marketplace"

    def _name_faults(self) -> list[str]:
        if NAME.fullmatch(self.name) or Token.is_unresolved(self.name):
            return []
        return [f"name must be up to 63 letters, digits and inner hyphens, not {self.name!r}"]

    def _instance_type_faults(self) -> list[str]:
        faults = []
        for name in self.instance_types:
            known = find_instance_type(name)
            fault = hosting_fault(name)
            if fault is not None:
                faults += [] if Token.is_unresolved(name) else [fault]
            elif known is not None and self.scaling is not None and not known.scalable:
                faults.append(
                    f"instance type {name} is burstable and cannot be autoscaled: use another, "
                    "such as ml.m5.large, or leave the scaling out"
                )
        if len(set(self.instance_types)) < len(self.instance_types):
            faults.append(f"instance types must differ: {', '.join(self.instance_types)}")
        return faults

    def _count_faults(self) -> list[str]:
        count = self.initial_instance_count
        if count is None or is_late(count):
            return []
        if count < 1:
            return [f"initial_instance_count must be at least 1, not {count}"]
        if self.scaling is None:
            return []
        bounds = (self.scaling.min_capacity, self.scaling.max_capacity)
        if not any(map(is_late, bounds)) and not bounds[0] <= count <= bounds[1]:
            return [
                f"initial_instance_count ({count}) must be within the scaling's bounds, "
                f"{bounds[0]} to {bounds[1]}: change it or leave it out"
            ]
        return []
