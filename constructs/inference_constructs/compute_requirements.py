"""`ComputeRequirements`: what one copy of an inference component gets of an instance."""

import math
from dataclasses import dataclass

from aws_cdk import Token
from aws_cdk import aws_sagemaker as sagemaker

from inference_constructs.faults import refuse

PAGE = (
    "https://docs.aws.amazon.com/sagemaker/latest/APIReference/"
    "API_InferenceComponentComputeResourceRequirements.html"
)

_LEAST_CPUS = 0.25
_LEAST_MEMORY_MB = 128


@dataclass(frozen=True, kw_only=True)
class ComputeRequirements:
    """What one copy of an inference component gets of an instance.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_InferenceComponentComputeResourceRequirements.html

    Attributes:
        memory_mb: memory that is set aside for it.
        cpus: vCPUs that are set aside for it; a fraction is allowed.
        accelerators: GPUs or Inferentia devices that are set aside for it.
        max_memory_mb: memory that it may use at most; by default all that is free.
    """

    memory_mb: int
    cpus: float | None = None
    accelerators: int | None = None
    max_memory_mb: int | None = None

    def __post_init__(self) -> None:
        """Refuses what `CreateInferenceComponent` refuses.

        Raises:
            ValueError: names all that is wrong.
        """
        least = {
            "memory_mb": (self.memory_mb, _LEAST_MEMORY_MB),
            "cpus": (self.cpus, _LEAST_CPUS),
            "accelerators": (self.accelerators, 1),
            "max_memory_mb": (self.max_memory_mb, self.memory_mb),
        }
        refuse(
            "compute requirements",
            [
                f"{name} must be at least {lowest}, not {value} ({PAGE})"
                for name, (value, lowest) in least.items()
                if value is not None
                # Finite first: jsii cannot be asked about a NaN, it ends.
                and (
                    not math.isfinite(value)
                    or (not any(map(Token.is_unresolved, (value, lowest))) and value < lowest)
                )
            ],
        )

    def definition(
        self,
    ) -> sagemaker.CfnInferenceComponent.InferenceComponentComputeResourceRequirementsProperty:
        """The requirements as CloudFormation has them."""
        component = sagemaker.CfnInferenceComponent
        return component.InferenceComponentComputeResourceRequirementsProperty(
            min_memory_required_in_mb=self.memory_mb,
            max_memory_required_in_mb=self.max_memory_mb,
            number_of_cpu_cores_required=self.cpus,
            number_of_accelerator_devices_required=self.accelerators,
        )
