"""What EventBridge is told when an endpoint's status changes.

See https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from local_aws.events.publish import publish_service_event

if TYPE_CHECKING:
    from local_aws.sagemaker.endpoint import Endpoint

DETAIL_TYPE = "SageMaker Endpoint State Change"


def publish_state(endpoint: Endpoint) -> None:
    """Send the event of the status that an endpoint has now."""
    publish_service_event(
        source="aws.sagemaker",
        detail_type=DETAIL_TYPE,
        resources=[endpoint.arn],
        detail={
            "EndpointName": endpoint.endpoint_name,
            "EndpointArn": endpoint.arn,
            "EndpointConfigName": endpoint.config.endpoint_config_name,
            "ProductionVariants": _variants(endpoint),
            "EndpointStatus": event_status(endpoint.endpoint_status),
            "CreationTime": _milliseconds(endpoint.creation_time),
            "LastModifiedTime": _milliseconds(endpoint.last_modified_time),
            "Tags": {tag["Key"]: tag["Value"] for tag in endpoint.tags},
        },
    )


def event_status(status: str) -> str:
    """An endpoint's status as events have it: ``IN_SERVICE`` for ``InService``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", status).upper()


def _variants(endpoint: Endpoint) -> list[dict[str, Any]]:
    fleet = endpoint.fleet
    if fleet is None:
        return []
    shown = []
    for variant in fleet.variants.values():
        one: dict[str, Any] = {"DesiredWeight": variant.desired_weight}
        wanted = variant.shown().get("DesiredInstanceCount")
        shown.append(one if wanted is None else {**one, "DesiredInstanceCount": wanted})
    return shown


def _milliseconds(at: datetime) -> float:
    return at.timestamp() * 1000
