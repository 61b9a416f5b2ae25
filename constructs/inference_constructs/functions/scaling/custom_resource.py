"""Keeps an endpoint's scaling as the code wants it, whatever becomes of a deployment.

Three resources of a stack ask for it. CloudFormation calls them in this order, forwards and on the
way back:

1. `Custom::ReleasedScalableTargets`, before the endpoint: withdraws what the change would be
   refused for.
2. `Custom::SettledScaling`, before the endpoint: does nothing then. Its physical id follows the
   shapes, so that a change of shapes replaces it: CloudFormation deletes one of the two when
   everything else is done, the old one after an update, the new one after a rollback. That deletion
   is the moment to see to it that all is as it should be, even if the third was never reached.
3. `Custom::EndpointScaling`, after the endpoint: remembers the definition, and applies it.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from ..custom_resource import Event, respond
from .owner import Owner

# Begins the physical ids that were made here, and none that CloudFormation made up.
_PREFIX = "scaling/"


def handler(event: Event, context: Any) -> dict[str, Any] | None:
    """Answers CloudFormation, or whoever took the endpoint away and made it anew.

    Args:
        event: CloudFormation's request; or one with `Request`, which is `Apply` or `Withdraw`, and
            `EndpointName`.
        context: Lambda's context.

    Returns:
        What is scaled, to a request that is not CloudFormation's.
    """
    owner = Owner.of(_endpoint_name(event), seconds=context.get_remaining_time_in_millis() / 1000)
    if "Request" in event:
        if event["Request"] == "Withdraw":
            owner.withdraw()
        else:
            owner.reopen()
        return {"ScaledResources": owner.scaled_resources()}
    handle, suffix = {
        "Custom::ReleasedScalableTargets": (_released, "released"),
        "Custom::SettledScaling": (_settled, _digest(event)),
        "Custom::EndpointScaling": (_applied, "applied"),
    }[event["ResourceType"]]
    respond(event, _bound(handle, owner), physical_id=f"{_PREFIX}{owner.endpoint_name}/{suffix}")
    return None


def _released(owner: Owner, event: Event) -> None:
    if event["RequestType"] != "Delete":
        owner.release(_shapes(event))


def _settled(owner: Owner, event: Event) -> None:
    if event["RequestType"] == "Delete":
        owner.settle()


def _applied(owner: Owner, event: Event) -> None:
    if event["RequestType"] == "Delete":
        owner.withdraw()
        owner.forget()
    else:
        owner.apply(event["ResourceProperties"].get("ScalableTargets", []))


def _bound(handle: Callable[[Owner, Event], None], owner: Owner) -> Callable[[Event], None]:
    return lambda event: handle(owner, event)


def _endpoint_name(event: Event) -> str:
    """The endpoint that a request is about.

    A deletion is about the resource of its physical id, whatever the properties are by now. An id
    that CloudFormation made up, for a creation that it gave up on, says nothing.
    """
    physical_id = event.get("PhysicalResourceId", "")
    if event.get("RequestType") == "Delete" and physical_id.startswith(_PREFIX):
        return str(physical_id.split("/")[1])
    properties = event.get("ResourceProperties", event)
    return str(properties["EndpointName"])


def _shapes(event: Event) -> dict[str, str]:
    shapes: dict[str, str] = event["ResourceProperties"].get("InstanceTypes", {})
    return shapes


def _digest(event: Event) -> str:
    text = json.dumps(_shapes(event) if "ResourceProperties" in event else {}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
