"""The kinds of endpoint, told from each other by the endpoint config."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from local_aws.cloud import Cloud
from local_aws.sagemaker import serverless_capacity
from local_aws.sagemaker.errors import ValidationException
from local_aws.sagemaker.host_fleet import HostFleet, Wanted
from local_aws.sagemaker.hosts import HostScaling
from local_aws.sagemaker.serverless import ServerlessVariant
from local_aws.sagemaker.variant_fleet import VariantFleet


def variant_of(
    cloud: Cloud,
    *,
    endpoint_name: str,
    config: Mapping[str, Any],
    count: int,
    components: Callable[[str], Iterable[Wanted]],
) -> VariantFleet:
    """The variant that a config describes, not started yet.

    Args:
        cloud: where its models are.
        endpoint_name: the endpoint that it serves.
        config: the production variant.
        count: instances to begin with.
        components: gives the inference components of a variant, by its name.
    """
    if not config.get("ModelName"):
        return HostFleet(
            cloud,
            endpoint_name=endpoint_name,
            config=config,
            count=count,
            components=partial(components, config["VariantName"]),
        )
    kind = ServerlessVariant if config.get("ServerlessConfig") else VariantFleet
    return kind(cloud, endpoint_name=endpoint_name, config=config, count=count)


def check_capacity(
    config: Mapping[str, Any],
    variant: Mapping[str, Any],
    wanted: Mapping[str, Any],
    *,
    serving: VariantFleet | None,
) -> None:
    """Judge what UpdateEndpointWeightsAndCapacities asks of one variant.

    Args:
        config: the request that made the endpoint config.
        variant: the variant in it.
        wanted: what is asked.
        serving: what serves the variant now.

    Raises:
        ValidationException: a variant of its kind cannot have it.
    """
    name, count = variant["VariantName"], wanted.get("DesiredInstanceCount")
    update = wanted.get("ServerlessUpdateConfig")
    if variant.get("ServerlessConfig"):
        if count is not None:
            raise ValidationException(
                f"DesiredInstanceCount cannot be specified for the serverless variant {name}."
            )
        if update and isinstance(serving, ServerlessVariant):
            serverless_capacity.check_concurrency(name, serving.capacity.changed(update))
    elif update:
        raise ValidationException(
            f"ServerlessUpdateConfig cannot be specified for variant {name}: it is not serverless."
        )
    elif isinstance(serving, HostFleet):
        _check_hosts(name, serving.hosts.scaling, count)
    elif count == 0 and not config.get("AsyncInferenceConfig"):
        raise ValidationException(
            f"The desired instance count of variant {name} must be at least 1."
        )


def _check_hosts(name: str, scaling: HostScaling, count: int | None) -> None:
    low, high = (scaling.minimum, scaling.maximum) if scaling.enabled else (1, None)
    if count is not None and (count < low or (high is not None and count > high)):
        most = "" if high is None else f" and at most {high}"
        raise ValidationException(
            f"The desired instance count of variant {name} must be at least {low}{most}."
        )
