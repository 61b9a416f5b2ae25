"""What an inference component runs, as its requests specify it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local_aws.sagemaker.errors import ValidationException
from local_aws.sagemaker.hardware import Resources

_PAGE = (
    "https://docs.aws.amazon.com/sagemaker/latest/APIReference/"
    "API_InferenceComponentSpecification.html"
)
_STARTUP_SECONDS = 480


@dataclass(frozen=True, kw_only=True, eq=False)
class ComponentSpec:
    """One specification, or one for each instance type; two of them are never the same.

    Attributes:
        given: Specification, or the members of Specifications.
        role_arn: the endpoint config's execution role, for containers without a model.
        several: it was given as Specifications.
    """

    given: Sequence[Mapping[str, Any]]
    role_arn: str
    several: bool = False

    def on(self, instance_type: str) -> Mapping[str, Any] | None:
        """The specification for instances of a type; None if it cannot run on them."""
        return next(
            (one for one in self.given if one.get("InstanceType", instance_type) == instance_type),
            None,
        )

    def shown(self, resolved: datetime) -> dict[str, Any]:
        """As DescribeInferenceComponent shows it, with images resolved at a time."""
        summaries = [_summary(specification, resolved) for specification in self.given]
        return {"Specifications": summaries} if self.several else {"Specification": summaries[0]}


def _summary(specification: Mapping[str, Any], resolved: datetime) -> dict[str, Any]:
    shown = dict(specification)
    container = specification.get("Container")
    if container is not None:
        kept = {name: value for name, value in container.items() if name != "Image"}
        image = {"SpecifiedImage": container["Image"], "ResolvedImage": container["Image"]}
        shown["Container"] = {**kept, "DeployedImage": {**image, "ResolutionTime": resolved}}
    return shown


def needs_of(specification: Mapping[str, Any]) -> Resources:
    """What one copy needs."""
    required = specification["ComputeResourceRequirements"]
    return Resources(
        cpus=required.get("NumberOfCpuCoresRequired", 0.0),
        memory=required["MinMemoryRequiredInMb"],
        accelerators=required.get("NumberOfAcceleratorDevicesRequired", 0.0),
    )


def packs(specification: Mapping[str, Any]) -> bool:
    """Whether copies go where others are already, rather than be spread.

    AWS does not say what it does when it is not asked: here copies are packed.
    """
    scheduling = specification.get("SchedulingConfig") or {}
    return bool(scheduling.get("PlacementStrategy", "BINPACK") == "BINPACK")


def startup_timeout(specification: Mapping[str, Any]) -> int:
    """Seconds after which a copy that does not answer is given up."""
    startup = specification.get("StartupParameters") or {}
    return int(startup.get("ContainerStartupHealthCheckTimeoutInSeconds", _STARTUP_SECONDS))


def model_of(specification: Mapping[str, Any], role_arn: str) -> dict[str, Any] | None:
    """The container as DescribeModel would show it; None where a model is named."""
    container = specification.get("Container")
    if container is None:
        return None
    primary = {"Image": container["Image"], "Environment": container.get("Environment", {})}
    if container.get("ArtifactUrl"):
        primary["ModelDataUrl"] = container["ArtifactUrl"]
    return {"ExecutionRoleArn": role_arn, "PrimaryContainer": primary}


def specifications(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The specifications of CreateInferenceComponent or UpdateInferenceComponent, judged.

    Raises:
        ValidationException: there are none, or they cannot be served.
    """
    one, several = request.get("Specification"), request.get("Specifications")
    if bool(one) == bool(several):
        raise ValidationException(
            "Exactly one of Specification and Specifications must be provided."
        )
    found: list[Mapping[str, Any]] = [one] if one else list(several or ())
    for specification in found:
        _check(specification)
    if len(found) > 1:
        types = [specification.get("InstanceType") for specification in found]
        if None in types or len(set(types)) < len(types):
            raise ValidationException(
                "Each member of Specifications must have an InstanceType of its own."
            )
    return found


def _check(specification: Mapping[str, Any]) -> None:
    if specification.get("BaseInferenceComponentName"):
        raise ValidationException("The local AWS does not serve adapter inference components.")
    if bool(specification.get("ModelName")) == bool(specification.get("Container")):
        raise ValidationException(
            f"A specification needs either a ModelName or a Container. See {_PAGE}"
        )
    container = specification.get("Container")
    if container is not None and not container.get("Image"):
        raise ValidationException("The container of a specification needs an Image.")
    required = specification.get("ComputeResourceRequirements")
    if required is None:
        raise ValidationException(
            f"ComputeResourceRequirements is required to create an inference component. See {_PAGE}"
        )
    least, most = required["MinMemoryRequiredInMb"], required.get("MaxMemoryRequiredInMb")
    if most is not None and most < least:
        raise ValidationException(
            f"MaxMemoryRequiredInMb must not be less than MinMemoryRequiredInMb: {most} < {least}."
        )
