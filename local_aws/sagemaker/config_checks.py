"""What CreateEndpointConfig refuses beside what the service model says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local_aws.sagemaker import serverless_capacity
from local_aws.sagemaker.errors import ValidationException
from local_aws.sagemaker.host_checks import check_hosts
from local_aws.sagemaker.metrics import FREQUENCIES
from local_aws.sagemaker.records import ModelRecord

# Local NVMe is encrypted by the instance itself, and a key of one's own is refused.
_NVME = re.compile(r"ml\.([a-z]+\d+[a-z]*d[a-z]*|g[5-9].*|p5.*|trn\d.*|i\d.*)\.")
_GUIDE = "https://docs.aws.amazon.com/sagemaker/latest/dg"
_API = "https://docs.aws.amazon.com/sagemaker/latest/APIReference"
_SHADOW_EXCLUSIONS = f"{_GUIDE}/shadow-tests-exclusions.html"
_CREATE_CONFIG = f"{_API}/API_CreateEndpointConfig.html"
_SERVERLESS = f"{_GUIDE}/serverless-endpoints.html#serverless-endpoints-how-it-works-exclusions"
_METRICS = f"{_API}/API_MetricsConfig.html"
_POOLS = f"{_API}/API_InstancePool.html"
_SERVED_ROUTING = {"LEAST_OUTSTANDING_REQUESTS", "RANDOM"}

FindModel = Callable[[str], ModelRecord]
Variant = Mapping[str, Any]


def check_config(request: Mapping[str, Any], find_model: FindModel) -> None:
    """Judge a whole endpoint config.

    Args:
        request: the request of CreateEndpointConfig.
        find_model: gives a model by its name, or raises when there is none.

    Raises:
        ValidationException: AWS has no such endpoint, or the local AWS does not serve it.
    """
    variants: Sequence[Variant] = request["ProductionVariants"]
    shadows: Sequence[Variant] = request.get("ShadowProductionVariants") or ()
    seen: set[str] = set()
    for variant in (*variants, *shadows):
        if variant["VariantName"] in seen:
            raise repeated(variant["VariantName"])
        seen.add(variant["VariantName"])
        _check_variant(variant, find_model, kms_key=request.get("KmsKeyId"))
    check_hosts(request, variants)
    if len(variants) > 1 and any("ServerlessConfig" in variant for variant in variants):
        raise ValidationException(
            f"A serverless endpoint can have only one production variant, got {len(variants)}. "
            f"See {_SERVERLESS}"
        )
    for variant in variants:
        if variant.get("ServerlessConfig") and request.get("DataCaptureConfig"):
            raise serverless_capacity.unsupported(variant["VariantName"], ["data capture"])
    if shadows:
        _check_shadows(request, variants, shadows, find_model)
    frequency = (request.get("MetricsConfig") or {}).get("MetricPublishFrequencyInSeconds")
    if frequency is not None and frequency not in FREQUENCIES:
        raise ValidationException(
            f"MetricPublishFrequencyInSeconds must be one of "
            f"{', '.join(str(one) for one in FREQUENCIES)}, got {frequency}. See {_METRICS}"
        )


def repeated(variant: str) -> Exception:
    """Two variants of one name."""
    return ValidationException(f'The variant name "{variant}" was non-unique within the request.')


def _check_variant(variant: Variant, find_model: FindModel, *, kms_key: str | None) -> None:
    name = variant["VariantName"]
    types = [variant["InstanceType"]] if variant.get("InstanceType") else []
    if variant.get("ModelName"):
        model = find_model(variant["ModelName"])
        if variant.get("ServerlessConfig"):
            serverless_capacity.check_variant(variant, model)
            return
        if not (types or variant.get("InstancePools")) or not variant.get("InitialInstanceCount"):
            raise ValidationException(
                f"InstanceType and InitialInstanceCount are required for variant {name}."
            )
    if variant.get("InstancePools"):
        types += _check_pools(variant, find_model)
    for found in types:
        if kms_key and _NVME.match(found):
            raise ValidationException(
                f"KmsKeyId cannot be specified for variant {name}: the instance type {found} has "
                f"local storage."
            )
    routing = variant.get("RoutingConfig", {}).get("RoutingStrategy", "RANDOM")
    if routing not in _SERVED_ROUTING:
        raise ValidationException(
            f"The local AWS does not serve variants with the routing strategy {routing}."
        )


def _check_pools(variant: Variant, find_model: FindModel) -> list[str]:
    """The instance types of a variant's pools."""
    name, pools = variant["VariantName"], variant["InstancePools"]
    if variant.get("InstanceType"):
        raise ValidationException(
            f"Only one of InstanceType and InstancePools can be specified for variant {name}. See "
            f"{_POOLS}"
        )
    types = [pool["InstanceType"] for pool in pools]
    for what, values in (
        ("InstanceType", types),
        ("Priority", [pool["Priority"] for pool in pools]),
    ):
        if len(set(values)) < len(values):
            raise ValidationException(
                f"Each instance pool of variant {name} must have a {what} of its own. See {_POOLS}"
            )
    for pool in pools:
        if pool.get("ModelNameOverride"):
            find_model(pool["ModelNameOverride"])
    return types


def _check_shadows(
    request: Mapping[str, Any],
    variants: Sequence[Variant],
    shadows: Sequence[Variant],
    find_model: FindModel,
) -> None:
    if len(variants) > 1 or len(shadows) > 1:
        raise ValidationException(
            f"When ShadowProductionVariants is specified, there can be only one variant in "
            f"ProductionVariants and one in ShadowProductionVariants, got {len(variants)} and "
            f"{len(shadows)}. See {_CREATE_CONFIG}"
        )
    both = (*variants, *shadows)
    models = [find_model(one["ModelName"]) for one in both if one.get("ModelName")]
    excluded = [
        what
        for what, found in (
            ("serverless inference", any("ServerlessConfig" in one for one in both)),
            ("asynchronous inference", request.get("AsyncInferenceConfig")),
            ("multiple-container endpoints", any(len(one.containers) > 1 for one in models)),
            (
                "multi-model endpoints",
                any(one.containers[0].get("Mode") == "MultiModel" for one in models),
            ),
            ("Inf1 instances", any(_is_inf1(one) for one in both)),
        )
        if found
    ]
    if excluded:
        raise ValidationException(
            f"ShadowProductionVariants is not supported with {' and '.join(excluded)}. See "
            f"{_SHADOW_EXCLUSIONS}"
        )


def _is_inf1(variant: Variant) -> bool:
    return bool(variant.get("InstanceType", "").startswith("ml.inf1."))
