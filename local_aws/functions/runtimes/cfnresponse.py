"""The module ``cfnresponse`` that CloudFormation adds to Python functions with inline code."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

SUCCESS = "SUCCESS"
FAILED = "FAILED"


def send(  # noqa: PLR0917
    event: dict[str, Any],
    context: Any,
    responseStatus: str,
    responseData: dict[str, Any],
    physicalResourceId: str | None = None,
    noEcho: bool = False,
    reason: str | None = None,
) -> None:
    """Answer a custom resource's request."""
    stream = context.log_stream_name
    body = {
        "Status": responseStatus,
        "Reason": reason or f"See the details in CloudWatch Log Stream: {stream}",
        "PhysicalResourceId": physicalResourceId or stream,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "NoEcho": noEcho,
        "Data": responseData,
    }
    # An empty content type, since the signature of AWS's URL covers it.
    request = urllib.request.Request(
        event["ResponseURL"],
        data=json.dumps(body).encode(),
        headers={"content-type": ""},
        method="PUT",
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            print("Status code:", response.status)
    except OSError as error:
        print("send(..) failed executing http.request(..):", error)
