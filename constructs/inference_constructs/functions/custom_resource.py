"""How a custom resource answers CloudFormation.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
"""

import json
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

# The longest reason that is sure to fit into the 4 KB that CloudFormation takes.
_MAX_REASON = 1024

Event = dict[str, Any]


def respond(
    event: Event,
    handle: Callable[[Event], Mapping[str, Any] | None],
    *,
    physical_id: str,
) -> None:
    """Handles a request and answers it; a failure too, or the stack would wait for an hour.

    Args:
        event: the request.
        handle: does what is asked for, and returns the resource's attributes, if it has any.
        physical_id: of a resource that is created or updated. Another one than before has
            CloudFormation delete the one before when the update is through; a deletion and a
            failed update keep the id that CloudFormation knows.
    """
    status, reason, data = "SUCCESS", "", None
    try:
        data = handle(event)
    except Exception as error:  # whatever it is, CloudFormation must be told
        status, reason = "FAILED", f"{type(error).__name__}: {error}"[:_MAX_REASON]
    if status == "FAILED" or event["RequestType"] == "Delete":
        physical_id = event.get("PhysicalResourceId", physical_id)
    body = {
        "Status": status,
        "Reason": reason,
        "PhysicalResourceId": physical_id,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    if data:
        body["Data"] = data
    _put(event["ResponseURL"], body)


def _put(url: str, body: Mapping[str, Any]) -> None:
    request = urllib.request.Request(
        url,
        data=json.dumps(body).encode(),
        method="PUT",
        # The URL is signed for no content type.
        headers={"Content-Type": ""},
    )
    with urllib.request.urlopen(request, timeout=30):
        pass
