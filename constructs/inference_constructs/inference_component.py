"""`InferenceComponent`: a model with a share of the instances of an endpoint."""

from dataclasses import dataclass

from aws_cdk import CfnTag, Token
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from inference_constructs.compute_requirements import PAGE, ComputeRequirements
from inference_constructs.faults import refuse
from inference_constructs.managed_fleet import ManagedFleet
from inference_constructs.model import InferenceModel
from inference_constructs.scaling import Scaling
from inference_constructs.variant_name import name_faults


@dataclass(frozen=True, kw_only=True)
class InferenceComponent:
    """A model on an `InferenceComponentEndpoint`, in as many copies as are asked for.

    https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints-deploy-models.html

    Attributes:
        name: what it is called within its endpoint; the component's own name is made of both.
        model: the model, in the endpoint's network, and isolated as the endpoint is.
        requirements: what each copy gets of an instance.
        copies: how many there are at first; by default the scaling's minimum, but at least one.
        scaling: what changes the number of copies; by default nothing does. From 0 on, they go
            when nobody asks.
    """

    name: str
    model: InferenceModel
    requirements: ComputeRequirements
    copies: int | None = None
    scaling: Scaling | None = None

    def __post_init__(self) -> None:
        """Refuses what `CreateInferenceComponent` refuses.

        Raises:
            ValueError: names all that is wrong.
        """
        refuse(f"inference component {self.name!r}", [*name_faults(self.name), *self._faults()])

    @property
    def initial_copies(self) -> int:
        """Copies of a new component."""
        if self.copies is not None:
            return self.copies
        return 1 if self.scaling is None else max(1, self.scaling.min_capacity)

    def faults_on(self, fleet: ManagedFleet) -> list[str]:
        """Says why no instance of a fleet could hold a copy.

        Args:
            fleet: the fleet.
        """
        known, cpus = fleet.known_type, self.requirements.cpus
        if known is None or cpus is None or Token.is_unresolved(cpus) or cpus <= known.vcpus:
            return []
        return [
            f"component {self.name!r} asks for {cpus:g} vCPUs, and an instance of "
            f"{fleet.instance_type} has {known.vcpus}: ask for fewer, or use a larger type ({PAGE})"
        ]

    def define(
        self, scope: Construct, *, component_name: str, endpoint_name: str, variant_name: str
    ) -> sagemaker.CfnInferenceComponent:
        """Makes the component's resource.

        Args:
            scope: where it is defined.
            component_name: its name, which is the only one of the account.
            endpoint_name: the endpoint; the caller sees to it that it exists first.
            variant_name: the endpoint's fleet.
        """
        component = sagemaker.CfnInferenceComponent
        return component(
            scope,
            "Component",
            inference_component_name=component_name,
            endpoint_name=endpoint_name,
            variant_name=variant_name,
            specification=component.InferenceComponentSpecificationProperty(
                model_name=self.model.model_name,
                compute_resource_requirements=self.requirements.definition(),
            ),
            runtime_config=component.InferenceComponentRuntimeConfigProperty(
                copy_count=self.initial_copies
            ),
            tags=[
                CfnTag(key=f"inference:{key}", value=value)
                for key, value in self.model.lineage.items()
            ]
            or None,
        )

    def _faults(self) -> list[str]:
        copies = self.copies
        if copies is None or Token.is_unresolved(copies):
            return []
        if copies < 1:
            return [
                f"copies must be at least 1, not {copies}: a component begins with a copy; scaling "
                "with min_capacity=0 takes it away when nobody asks "
                "(https://docs.aws.amazon.com/sagemaker/latest/dg/"
                "endpoint-auto-scaling-zero-instances.html)"
            ]
        if self.scaling is None:
            return []
        bounds = (self.scaling.min_capacity, self.scaling.max_capacity)
        if not any(map(Token.is_unresolved, bounds)) and not bounds[0] <= copies <= bounds[1]:
            return [
                f"copies ({copies}) must be within the scaling's bounds, {bounds[0]} to "
                f"{bounds[1]}: change it or leave it out"
            ]
        return []
