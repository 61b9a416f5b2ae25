"""What an endpoint is doing: its fleet, its last deployment, its scaling, its alarms."""

from typing import Any

from inference_ops.operation.endpoint import LiveEndpoint

_STAGE = "PendingDeploymentSummary"


def status_of(endpoint: LiveEndpoint) -> dict[str, Any]:
    """What is to be known at a glance, as one JSON object.

    Args:
        endpoint: the endpoint.

    Raises:
        CommandError: there is no such endpoint.
    """
    described = endpoint.described
    return {
        "endpoint": endpoint.name,
        "status": endpoint.status,
        "failure": described.get("FailureReason"),
        "config": endpoint.config_name,
        "created": described["CreationTime"].isoformat(),
        "changed": described["LastModifiedTime"].isoformat(),
        "variants": _variants(endpoint),
        "components": endpoint.components,
        "deployment": _deployment(described),
        "scaling": _scaling(endpoint),
        "alarms": [
            {
                "name": alarm["AlarmName"],
                "state": alarm["StateValue"],
                "since": alarm["StateUpdatedTimestamp"].isoformat(),
                "reason": alarm["StateReason"],
            }
            for alarm in endpoint.alarms
        ],
    }


def _variants(endpoint: LiveEndpoint) -> list[dict[str, Any]]:
    configured = {variant["VariantName"]: variant for variant in endpoint.configured}
    shadows = {variant["VariantName"] for variant in endpoint.shadows}
    live = [
        variant
        for kind in ("ProductionVariants", "ShadowProductionVariants")
        for variant in endpoint.described.get(kind, ())
    ]
    return [
        {
            "name": name,
            "model": configured.get(name, {}).get("ModelName"),
            "instance_type": configured.get(name, {}).get("InstanceType"),
            "instances": variant.get("CurrentInstanceCount"),
            "desired_instances": variant.get("DesiredInstanceCount"),
            "weight": variant.get("CurrentWeight"),
            "shadow": name in shadows,
        }
        for variant in live
        for name in [variant["VariantName"]]
    ]


def _deployment(described: dict[str, Any]) -> dict[str, Any] | None:
    """The update that is under way."""
    pending = described.get(_STAGE)
    if pending is None:
        return None
    stages = {
        status["Status"]
        for variant in pending.get("ProductionVariants", ())
        for status in variant.get("VariantStatus", ())
    }
    started = pending.get("StartTime")
    return {
        "config": pending["EndpointConfigName"],
        "started": None if started is None else started.isoformat(),
        "stages": sorted(stages),
    }


def _scaling(endpoint: LiveEndpoint) -> list[dict[str, Any]]:
    return [
        {
            "resource": target["ResourceId"],
            "dimension": target["ScalableDimension"].rpartition(":")[2],
            "minimum": target["MinCapacity"],
            "maximum": target["MaxCapacity"],
            "suspended": sorted(
                name for name, is_so in target.get("SuspendedState", {}).items() if is_so
            ),
            "policies": [
                policy["PolicyName"]
                for policy in endpoint.policies
                if policy["ResourceId"] == target["ResourceId"]
            ],
        }
        for target in endpoint.targets
    ]
