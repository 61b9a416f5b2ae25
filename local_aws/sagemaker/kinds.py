"""The kinds of endpoint, told from each other by the endpoint config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws.cloud import Cloud
from local_aws.sagemaker.errors import ValidationException
from local_aws.sagemaker.fleet import VariantFleet
from local_aws.sagemaker.records import EndpointConfigRecord


def variant_of(
    cloud: Cloud, *, endpoint_name: str, config: Mapping[str, Any], count: int
) -> VariantFleet:
    """The variant that a config describes, not started yet."""
    return VariantFleet(cloud, endpoint_name=endpoint_name, config=config, count=count)


def check_capacity(config: EndpointConfigRecord, wanted: Mapping[str, Any]) -> None:
    """Judge what UpdateEndpointWeightsAndCapacities asks of one variant.

    Raises:
        ValidationException: a variant of its kind cannot have it.
    """
    del config
    if wanted.get("DesiredInstanceCount") == 0:
        raise ValidationException(
            f"The desired instance count of variant {wanted['VariantName']} must be at least 1."
        )
