"""What UpdateEndpoint asks for, judged before anything begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws.sagemaker.deployment_policy import DeploymentPolicy, check_sizes, policy_of
from local_aws.sagemaker.errors import ValidationException
from local_aws.sagemaker.fleet import Fleet
from local_aws.sagemaker.records import EndpointConfigRecord

_GUIDE = "https://docs.aws.amazon.com/sagemaker/latest/dg"
_EXCLUSIONS = f"{_GUIDE}/deployment-guardrails-exclusions.html"
_GUARDRAILS = f"{_GUIDE}/deployment-guardrails.html"
_SERVERLESS = f"{_GUIDE}/serverless-endpoints-update.html"
_PROPERTY = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_VariantProperty.html"


def retained(
    request: Mapping[str, Any], fleet: Fleet | None
) -> tuple[dict[str, int], dict[str, float]]:
    """Instance counts and weights that outlive the update, by variant.

    Raises:
        ValidationException: a property is excluded that cannot be.
    """
    excluded = {
        found["VariantPropertyType"]
        for found in request.get("ExcludeRetainedVariantProperties") or ()
    }
    if "DataCaptureConfig" in excluded:
        raise ValidationException(
            "DataCaptureConfig is not currently supported in ExcludeRetainedVariantProperties. "
            f"See {_PROPERTY}"
        )
    if fleet is None or not request.get("RetainAllVariantProperties"):
        return {}, {}
    members = fleet.members.items()
    counts = {name: variant.desired_count for name, variant in members}
    weights = {name: variant.desired_weight for name, variant in members}
    return (
        {} if "DesiredInstanceCount" in excluded else counts,
        {} if "DesiredWeight" in excluded else weights,
    )


def check_kind(old: EndpointConfigRecord, new: EndpointConfigRecord) -> None:
    """Refuse to turn instances into a serverless endpoint; the other way is open.

    Raises:
        ValidationException: the update does.
    """
    if new.serverless and not old.serverless:
        raise ValidationException(
            "An instance-based endpoint cannot be converted to a serverless endpoint: create a "
            f"new endpoint instead. See {_SERVERLESS}"
        )


def policy(
    deployment_config: Mapping[str, Any] | None, old: EndpointConfigRecord, fleet: Fleet
) -> DeploymentPolicy:
    """How the update goes, judged for the fleet that is to come.

    Raises:
        ValidationException: the endpoint cannot be updated that way.
    """
    wanted = policy_of(deployment_config)
    new = fleet.config
    if not wanted.explicit:
        return wanted
    if new.serverless:
        raise ValidationException(
            "DeploymentConfig cannot be specified for a serverless endpoint: deployment guardrails "
            f"are for real-time and asynchronous inference only. See {_GUARDRAILS}"
        )
    names = [sorted(found["VariantName"] for found in config.variants) for config in (old, new)]
    if names[0] != names[1]:
        raise ValidationException(
            "The new endpoint configuration must have the same variant name(s) as the old one to "
            f"be deployed with a DeploymentConfig: {', '.join(names[0])} became "
            f"{', '.join(names[1])}. See {_EXCLUSIONS}"
        )
    if wanted.shifting == "ROLLING" and len(new.variants) > 1:
        raise ValidationException(
            f"RollingUpdatePolicy cannot be specified for an endpoint with {len(new.variants)} "
            f"production variants. See {_EXCLUSIONS}"
        )
    check_sizes(wanted, {name: one.desired_count for name, one in fleet.variants.items()})
    if any(found.get("InstanceType", "").startswith("ml.inf1.") for found in new.variants):
        # On AWS, too, without a word.
        return DeploymentPolicy()
    return wanted


def check_creation(deployment_config: Mapping[str, Any] | None, fleet: Fleet) -> None:
    """Judge the DeploymentConfig of CreateEndpoint, which is for later updates.

    Raises:
        ValidationException: no update of the endpoint could go that way.
    """
    policy(deployment_config, fleet.config, fleet)
