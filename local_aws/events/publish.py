"""How services of this AWS send their events to EventBridge."""

from __future__ import annotations

import copy
import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, cast

from moto.events.models import events_backends

from local_aws.cloud import ACCOUNT, REGION

LOG = logging.getLogger(__name__)


def publish_service_event(
    *,
    source: str,
    detail_type: str,
    resources: Sequence[str],
    detail: Mapping[str, Any],
    account: str = ACCOUNT,
    region: str = REGION,
) -> None:
    """Send an event of an AWS service to the default bus.

    PutEvents is no way to do it: it refuses sources that begin with ``aws.``.

    Args:
        source: e.g. ``aws.sagemaker``.
        detail_type: e.g. ``SageMaker Transform Job State Change``.
        resources: ARNs that the event is about.
        detail: the event's own content.
        account: whose bus.
        region: where.
    """
    event: dict[str, Any] = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": time.time(),
        "region": region,
        "resources": list(resources),
        "detail": dict(detail),
    }
    bus = events_backends[account][region].describe_event_bus("default")
    for rule in list(bus.rules.values()):
        try:
            rule.send_to_targets(cast(Any, copy.deepcopy(event)))
        except Exception:  # what a service does must not depend on somebody's rule
            LOG.exception("the rule %s", rule.name)
