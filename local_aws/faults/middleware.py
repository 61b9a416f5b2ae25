"""The route that faults are asked for by, and the calls that fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from local_aws.faults.registry import FAULTS, Fault
from local_aws.permissions.answers import refuse
from local_aws.permissions.judge import Refusal
from local_aws.permissions.operations import call_of, signature_of
from local_aws.subsystem import WsgiApp

PATH = "/_local-aws/faults"
# Errors of the service's own, where nothing else is said; all others are the caller's.
_STATUSES = {
    "InternalFailure": 500,
    "InternalServerError": 500,
    "ServiceUnavailable": 503,
    "SlowDown": 503,
}


class FaultMiddleware:
    """Answers the calls about faults and those that are to fail, and passes on all others."""

    def __init__(self, app: WsgiApp) -> None:
        self._app = app

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer one request."""
        if environ.get("PATH_INFO") == PATH:
            return _administer(environ, start_response)
        if FAULTS.awaits_calls():
            signature = signature_of(environ)
            if signature is not None:
                call = call_of(environ, signature)
                fault = FAULTS.strike_call(f"{call.service}:{call.operation}", call.parameters)
                if fault is not None:
                    code = fault["Error"]
                    message = fault.get("Message", f"{code} of the local AWS, as it was asked to")
                    status = int(fault.get("Status", _STATUSES.get(code, 400)))
                    refusal = Refusal(message, call.operation, code)
                    return refuse(call, refusal, start_response, status=status)
        return self._app(environ, start_response)


def _administer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    answer: dict[str, Any] = {}
    method, status = environ.get("REQUEST_METHOD"), HTTPStatus.OK
    if method == "GET":
        answer = {"Faults": FAULTS.listed()}
    elif method == "DELETE":
        FAULTS.clear()
    elif method == "POST":
        try:
            content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            FAULTS.add(Fault.parse(json.loads(content)))
        except ValueError as error:
            status, answer = HTTPStatus.BAD_REQUEST, {"message": str(error)}
    else:
        status = HTTPStatus.METHOD_NOT_ALLOWED
    body = json.dumps(answer).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]
