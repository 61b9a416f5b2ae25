"""Endpoints as DescribeEndpoint shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local_aws.sagemaker.endpoint import Endpoint
from local_aws.sagemaker.fleet import Fleet
from local_aws.sagemaker.variant_fleet import VariantFleet


def describe(endpoint: Endpoint) -> dict[str, Any]:
    """All that DescribeEndpoint answers."""
    shown: dict[str, Any] = {
        **endpoint.summary(),
        "EndpointConfigName": endpoint.config.endpoint_config_name,
    }
    if endpoint.fleet is not None:
        shown.update(_variants(endpoint.fleet, _variant))
    if (rollout := endpoint.rollout) is not None:
        shown["PendingDeploymentSummary"] = {
            "EndpointConfigName": rollout.new.config.endpoint_config_name,
            **_variants(rollout.new, _pending),
            "StartTime": rollout.started,
        }
    if endpoint.failure_reason is not None:
        shown["FailureReason"] = endpoint.failure_reason
    if endpoint.deployment_config is not None:
        shown["LastDeploymentConfig"] = endpoint.deployment_config
    request = endpoint.config.request
    if request.get("DataCaptureConfig"):
        captured = request["DataCaptureConfig"]
        shown["DataCaptureConfig"] = {
            "EnableCapture": captured.get("EnableCapture", True),
            "CaptureStatus": "Started" if captured.get("EnableCapture", True) else "Stopped",
            "CurrentSamplingPercentage": captured["InitialSamplingPercentage"],
            "DestinationS3Uri": captured["DestinationS3Uri"],
            "KmsKeyId": captured.get("KmsKeyId", ""),
        }
    if request.get("MetricsConfig"):
        shown["MetricsConfig"] = request["MetricsConfig"]
    return shown


def _variants(
    fleet: Fleet, show: Callable[[VariantFleet], dict[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    shown = {"ProductionVariants": [show(found) for found in fleet.variants.values()]}
    if fleet.shadows:
        shown["ShadowProductionVariants"] = [show(found) for found in fleet.shadows.values()]
    return shown


def _variant(variant: VariantFleet) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "VariantName": variant.name,
        "CurrentWeight": variant.weight,
        "DesiredWeight": variant.desired_weight,
        **variant.shown(),
    }
    if variant.image is not None:
        shown["DeployedImages"] = [
            {
                "SpecifiedImage": variant.image,
                "ResolvedImage": variant.image,
                "ResolutionTime": variant.created,
            }
        ]
    if variant.config.get("RoutingConfig"):
        shown["RoutingConfig"] = variant.config["RoutingConfig"]
    if variant.status is not None:
        status, since = variant.status
        shown["VariantStatus"] = [{"Status": status, "StartTime": since}]
    return shown


def _pending(variant: VariantFleet) -> dict[str, Any]:
    shown = _variant(variant)
    if variant.instance_type:
        shown["InstanceType"] = variant.instance_type
    return shown
