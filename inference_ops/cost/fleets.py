"""The fleets of a template's endpoints: which instances, and how many."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from inference_ops.cost.capacity import Capacity, mapping, mappings, whole
from inference_ops.cost.model import Model, Resource, capacity_of
from sagemaker_prices import Usage

INSTANCES = "sagemaker:variant:DesiredInstanceCount"
PROVISIONED = "sagemaker:variant:DesiredProvisionedConcurrency"
COPIES = "sagemaker:inference-component:DesiredCopyCount"
_MEGABYTES = 1024


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """The instances of a variant.

    Attributes:
        endpoint: the endpoint.
        variant: the variant's name.
        usage: what AWS charges them as.
        types: the instance type, or those of an instance pool; none if only a deployment tells.
        capacity: how many; None if only a deployment tells.
        volume: GB of storage that each one has, where the template says so.
    """

    endpoint: Resource
    variant: str
    usage: Usage
    types: tuple[str, ...]
    capacity: Capacity | None
    volume: int = 0


@dataclass(frozen=True, kw_only=True)
class Serverless:
    """A variant without instances.

    Attributes:
        endpoint: the endpoint.
        variant: the variant's name.
        size: its memory, as prices name it: `3GB`.
        concurrency: the most requests at once; None if only a deployment tells.
        provisioned: the concurrency that is kept ready; None if only a deployment tells.
    """

    endpoint: Resource
    variant: str
    size: str | None
    concurrency: int | None
    provisioned: Capacity | None


def find_variants(model: Model) -> Iterator[Fleet | Serverless]:
    """The variants of all endpoints whose config is in the template.

    Args:
        model: the template.
    """
    for endpoint in model.of_type("AWS::SageMaker::Endpoint"):
        config = config_of(model, endpoint)
        if config is None:
            continue
        usage: Usage = (
            "asynchronous" if config.properties.get("AsyncInferenceConfig") else "hosting"
        )
        for key in ("ProductionVariants", "ShadowProductionVariants"):
            for variant in mappings(config.properties.get(key)):
                if mapping(variant.get("ServerlessConfig")):
                    yield _serverless(model, endpoint, variant)
                else:
                    yield _fleet(model, endpoint, variant, usage)


def config_of(model: Model, endpoint: Resource) -> Resource | None:
    """An endpoint's config.

    Args:
        model: the template.
        endpoint: the endpoint.

    Returns:
        The config; None if it is not in the template.
    """
    wanted = endpoint.properties.get("EndpointConfigName")
    return model.named("AWS::SageMaker::EndpointConfig", wanted, "EndpointConfigName")


def _fleet(model: Model, endpoint: Resource, variant: Mapping[str, Any], usage: Usage) -> Fleet:
    name = str(variant.get("VariantName"))
    endpoint_name = model.name_of(endpoint, "EndpointName")
    managed = mapping(variant.get("ManagedInstanceScaling"))
    if managed.get("Status") == "ENABLED":
        capacity = _managed(model, endpoint_name, name, managed)
    else:
        target = model.target(f"endpoint/{endpoint_name}/variant/{name}", INSTANCES)
        capacity = capacity_of(target, whole(variant.get("InitialInstanceCount", 1)))
    pools = mappings(variant.get("InstancePools"))
    types = [pool.get("InstanceType") for pool in pools or [variant]]
    known = all(isinstance(found, str) for found in types)
    return Fleet(
        endpoint=endpoint,
        variant=name,
        usage=usage,
        types=tuple(map(str, types)) if known else (),
        capacity=capacity and capacity.open_for(model.open_share(endpoint_name)),
        volume=whole(variant.get("VolumeSizeInGB")) or 0,
    )


def _managed(
    model: Model, endpoint_name: str, variant: str, managed: Mapping[str, Any]
) -> Capacity | None:
    """What inference components leave of a fleet: as few instances as have no copy to hold."""
    lowest, highest = whole(managed.get("MinInstanceCount")), whole(managed.get("MaxInstanceCount"))
    if lowest is None or highest is None:
        return None
    needed = possible = 0.0
    always = False
    for copies in _copies(model, endpoint_name, variant):
        if copies is None:
            return None
        # One instance may hold all copies, and each may need one of its own.
        needed = max(needed, copies.needed)
        possible = min(possible + copies.possible, 1)
        always = always or copies.always > 0
    fewest = max(lowest, 1) if always else lowest
    return Capacity(
        least=lowest + (max(lowest, 1) - lowest) * needed,
        most=lowest + (highest - lowest) * possible,
        always=fewest,
        smallest=fewest,
        peak=highest if possible else lowest,
        needed=1 if lowest else needed,
        possible=1 if lowest else possible,
    )


def _copies(model: Model, endpoint_name: str, variant: str) -> Iterator[Capacity | None]:
    """The copies of the inference components on a variant."""
    for component in model.of_type("AWS::SageMaker::InferenceComponent"):
        wanted = component.properties.get("EndpointName")
        endpoint = model.named("AWS::SageMaker::Endpoint", wanted, "EndpointName")
        name = str(wanted) if endpoint is None else model.name_of(endpoint, "EndpointName")
        if name != endpoint_name or component.properties.get("VariantName", variant) != variant:
            continue
        component_name = model.name_of(component, "InferenceComponentName")
        target = model.target(f"inference-component/{component_name}", COPIES)
        runtime = mapping(component.properties.get("RuntimeConfig"))
        yield capacity_of(target, whole(runtime.get("CopyCount", 1)))


def _serverless(model: Model, endpoint: Resource, variant: Mapping[str, Any]) -> Serverless:
    config = mapping(variant["ServerlessConfig"])
    name = str(variant.get("VariantName"))
    endpoint_name = model.name_of(endpoint, "EndpointName")
    memory = whole(config.get("MemorySizeInMB"))
    target = model.target(f"endpoint/{endpoint_name}/variant/{name}", PROVISIONED)
    return Serverless(
        endpoint=endpoint,
        variant=name,
        size=None if memory is None else f"{memory / _MEGABYTES:g}GB",
        concurrency=whole(config.get("MaxConcurrency")),
        provisioned=capacity_of(target, whole(config.get("ProvisionedConcurrency", 0))),
    )
