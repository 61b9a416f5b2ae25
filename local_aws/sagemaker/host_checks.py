"""What CreateEndpointConfig refuses of variants that are to host inference components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local_aws.sagemaker.errors import ValidationException

_API = "https://docs.aws.amazon.com/sagemaker/latest/APIReference"
_VARIANT = f"{_API}/API_ProductionVariant.html"
_SCALING = f"{_API}/API_ProductionVariantManagedInstanceScaling.html"
_CONFIG = f"{_API}/API_CreateEndpointConfig.html"


def check_hosts(request: Mapping[str, Any], variants: Sequence[Mapping[str, Any]]) -> None:
    """Judge the variants without a model.

    Raises:
        ValidationException: they cannot host components.
    """
    hosts = [variant for variant in variants if not variant.get("ModelName")]
    if not hosts:
        return
    if len(hosts) < len(variants):
        raise ValidationException(
            "ModelName must be specified for all production variants or for none of them. See "
            f"{_VARIANT}"
        )
    if not request.get("ExecutionRoleArn"):
        raise ValidationException(
            "ExecutionRoleArn is required for an endpoint configuration whose variants have no "
            f"ModelName, because inference components are deployed to them. See {_CONFIG}"
        )
    excluded = [
        name
        for name in ("AsyncInferenceConfig", "ShadowProductionVariants", "DataCaptureConfig")
        if request.get(name)
    ]
    if excluded:
        raise ValidationException(
            f"{', '.join(excluded)} cannot be specified for variants without a ModelName. See "
            f"{_CONFIG}"
        )
    for variant in hosts:
        _check_variant(variant)


def _check_variant(variant: Mapping[str, Any]) -> None:
    name = variant["VariantName"]
    if variant.get("ServerlessConfig"):
        raise ValidationException(
            f"ModelName is required for the serverless variant {name}. See {_VARIANT}"
        )
    typed = variant.get("InstanceType") or variant.get("InstancePools")
    if not typed or not variant.get("InitialInstanceCount"):
        raise ValidationException(
            f"InstanceType and InitialInstanceCount are required for variant {name}."
        )
    scaling = variant.get("ManagedInstanceScaling") or {}
    if scaling.get("Status") != "ENABLED":
        return
    initial = variant["InitialInstanceCount"]
    low, high = scaling.get("MinInstanceCount", initial), scaling.get("MaxInstanceCount", initial)
    if not low <= initial <= high:
        raise ValidationException(
            f"InitialInstanceCount of variant {name} must be from MinInstanceCount to "
            f"MaxInstanceCount of its ManagedInstanceScaling: {low} <= {initial} <= {high} does "
            f"not hold. See {_SCALING}"
        )
