"""Refusals in the wire format of each protocol."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

from local_aws.permissions.judge import Refusal
from local_aws.permissions.operations import Call

# Services whose error code is not the protocol's usual one.
_CODES = {
    "sns": "AuthorizationError",
    "ec2": "UnauthorizedOperation",
    "sqs": "AccessDenied",
    "cloudwatch": "AccessDenied",
}
_USUAL_CODES = {
    "json": "AccessDeniedException",
    "rest-json": "AccessDeniedException",
    "query": "AccessDenied",
    "rest-xml": "AccessDenied",
    "ec2": "UnauthorizedOperation",
}

StartResponse = Callable[..., Any]


def refuse(
    call: Call, refusal: Refusal, start_response: StartResponse, *, status: int | None = None
) -> Iterable[bytes]:
    """Answer a refused call; with another HTTP status than its protocol's for denied access."""
    code = refusal.code or _CODES.get(call.service) or _USUAL_CODES[call.protocol]
    request_id = str(uuid4())
    headers = {"x-amzn-RequestId": request_id}
    told = HTTPStatus(status or (400 if call.protocol == "json" else 403))
    if call.protocol == "json":
        headers["Content-Type"] = "application/x-amz-json-1.1"
        if call.service in {"sqs", "cloudwatch"}:
            # Their clients of old, who spoke the query protocol, know the code by this header.
            headers["x-amzn-query-error"] = f"{code};Sender"
        body = json.dumps({"__type": code, "message": refusal.message, "Message": refusal.message})
    elif call.protocol == "rest-json":
        headers |= {"Content-Type": "application/json", "x-amzn-ErrorType": code}
        body = json.dumps({"Message": refusal.message, "message": refusal.message})
    else:
        headers["Content-Type"] = "application/xml"
        body = _xml(call, code, refusal.message, request_id)
    data = b"" if call.method == "HEAD" else body.encode()
    headers["Content-Length"] = str(len(data))
    start_response(f"{told.value} {told.phrase}", list(headers.items()))
    return [data]


def _xml(call: Call, code: str, message: str, request_id: str) -> str:
    error = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
    if call.protocol == "rest-xml":
        return f"{declaration}<Error>{error}<RequestId>{request_id}</RequestId></Error>"
    if call.protocol == "ec2":
        return (
            f"{declaration}<Response><Errors><Error>{error}</Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        )
    return (
        f"{declaration}<ErrorResponse><Error><Type>Sender</Type>{error}</Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
