"""Endpoints as DescribeEndpoint shows them."""

from __future__ import annotations

from typing import Any

from local_aws.sagemaker.endpoint import Endpoint
from local_aws.sagemaker.fleet import VariantFleet


def describe(endpoint: Endpoint) -> dict[str, Any]:
    """All that DescribeEndpoint answers."""
    shown: dict[str, Any] = {
        **endpoint.summary(),
        "EndpointConfigName": endpoint.config.endpoint_config_name,
    }
    fleet = endpoint.fleet
    if fleet is not None:
        shown["ProductionVariants"] = [_variant(found) for found in fleet.variants.values()]
    pending = endpoint.pending
    if pending is not None:
        new, since = pending
        shown["PendingDeploymentSummary"] = {
            "EndpointConfigName": new.config.endpoint_config_name,
            "ProductionVariants": [_pending(found) for found in new.variants.values()],
            "StartTime": since,
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
            # Nothing is captured here, and nothing else is claimed.
            "CaptureStatus": "Stopped",
            "CurrentSamplingPercentage": captured["InitialSamplingPercentage"],
            "DestinationS3Uri": captured["DestinationS3Uri"],
            "KmsKeyId": captured.get("KmsKeyId", ""),
        }
    if request.get("MetricsConfig"):
        shown["MetricsConfig"] = request["MetricsConfig"]
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
    return shown


def _pending(variant: VariantFleet) -> dict[str, Any]:
    shown = {
        **_variant(variant),
        "CurrentWeight": 0.0,
        "VariantStatus": [{"Status": "Creating"}],
    }
    if variant.instance_type:
        shown["InstanceType"] = variant.instance_type
    return shown
