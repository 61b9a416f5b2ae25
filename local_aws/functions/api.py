"""Lambda's operations that run functions, in the place of moto's."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import unquote

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import EventInvokeConfig, LambdaBackend
from moto.awslambda.responses import LambdaResponse
from moto.core.responses import BaseResponse

from local_aws.functions.function import LiveFunction
from local_aws.functions.log import tail
from local_aws.functions.package import RuntimeUnsupportedError
from local_aws.functions.pool import ThrottledError
from local_aws.functions.sandbox import Run

REQUEST_BYTES = 6_291_456
EVENT_BYTES = 1_048_576
REQUEST_ID = "x-amzn-requestid"

Answer = tuple[int, dict[str, str], bytes]


class InvalidRequestContentError(LambdaClientError):
    """The payload is not JSON."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "InvalidRequestContentException", f"Could not parse request body into json: {reason}"
        )


class RequestTooLargeError(LambdaClientError):
    """The payload is larger than Lambda takes."""

    code = 413

    def __init__(self, limit: int) -> None:
        super().__init__(
            "RequestTooLargeException",
            f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
        )


class TooManyRequestsError(LambdaClientError):
    """The function's concurrency is used up."""

    code = 429

    def __init__(self) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")


class InvalidRuntimeError(LambdaClientError):
    """There is no such runtime."""

    code = 502

    def __init__(self, reason: str) -> None:
        super().__init__("InvalidRuntimeException", reason)


class Operations(LambdaResponse):
    """What the API offers."""

    def invoke(self) -> Answer:
        """Answer Invoke."""
        named = unquote(self.path.rsplit("/", 2)[-2])
        qualifier = self.querystring.get("Qualifier", [None])[0]
        return _invoked(
            self.backend,
            named,
            qualifier,
            self.body,
            kind=self.headers.get("X-Amz-Invocation-Type", "RequestResponse"),
            with_log=self.headers.get("X-Amz-Log-Type") == "Tail",
        )

    def invoke_async(self) -> Answer:
        """Answer InvokeAsync."""
        named = unquote(self.path.rstrip("/").rsplit("/", 2)[-2])
        return _invoked(self.backend, named, None, self.body, kind="Event")

    @staticmethod
    def _enrich_response(headers: dict[str, str], body: Any) -> tuple[dict[str, str], Any]:
        # moto gives every answer a random id, after the operation has answered.
        own = headers.get(REQUEST_ID)
        headers, body = BaseResponse._enrich_response(headers, body)
        return headers | ({REQUEST_ID: own} if own else {}), body


class BackendOperations(LambdaBackend):
    """What moto's other services call, and want the answer of: SQS, EventBridge, rotation."""

    def invoke(
        self,
        function_name: str,
        qualifier: str | None,
        body: Any,
        headers: Any,
        response_headers: Any,
    ) -> bytes:
        """Run a function; an error is told in ``response_headers``."""
        kind = headers.get("X-Amz-Invocation-Type", "RequestResponse")
        _, answered, payload = _invoked(self, function_name, qualifier, body, kind=kind)
        if "X-Amz-Function-Error" in answered:
            response_headers["x-amz-function-error"] = answered["X-Amz-Function-Error"]
        return payload

    def delete_function(self, function_name: str, qualifier: str | None = None) -> None:
        """Delete a function or one of its versions, and end its processes."""
        function = self.get_function(function_name, qualifier)
        assert isinstance(function, LiveFunction)
        self._lambdas.del_function(function_name, qualifier)
        LiveFunction.invoker.forget(function)

    def put_function_event_invoke_config(
        self, function_name: str, config: dict[str, Any]
    ) -> dict[str, Any]:
        """Replace the settings of asynchronous invocations; moto would keep the first ones."""
        function = self.get_function(function_name)
        made = EventInvokeConfig(function.function_arn, function.last_modified, config)
        function.event_invoke_config = [made]
        return made.response()

    def update_function_event_invoke_config(
        self, function_name: str, config: dict[str, Any]
    ) -> dict[str, Any]:
        """Change some of them."""
        function = self.get_function(function_name)
        known = function.event_invoke_config[0].config if function.event_invoke_config else {}
        return self.put_function_event_invoke_config(function_name, {**known, **config})


def _invoked(
    backend: LambdaBackend,
    named: str,
    qualifier: str | None,
    body: str | bytes,
    *,
    kind: str,
    with_log: bool = False,
) -> Answer:
    function = backend.get_function(named, qualifier)
    assert isinstance(function, LiveFunction)
    event = _event(body, EVENT_BYTES if kind == "Event" else REQUEST_BYTES)
    arn = _called_arn(function, named, qualifier)
    if kind == "DryRun":
        return 204, {"status": "204"}, b""
    if kind == "Event":
        request_id = LiveFunction.invoker.invoke_later(function, event, arn=arn)
        return 202, {"status": "202", REQUEST_ID: request_id}, b""
    try:
        run = LiveFunction.invoker.invoke(function, event, arn=arn)
    except ThrottledError as error:
        raise TooManyRequestsError from error
    except RuntimeUnsupportedError as error:
        raise InvalidRuntimeError(str(error)) from error
    return 200, _headers(function, run, with_log=with_log), run.payload


def _event(body: str | bytes, limit: int) -> str:
    raw = body if isinstance(body, bytes) else body.encode()
    if len(raw) > limit:
        raise RequestTooLargeError(limit)
    try:
        text = raw.decode()
        # A call without a payload is one with an empty event.
        json.loads(text or "{}")
    except ValueError as error:
        raise InvalidRequestContentError(str(error)) from error
    return text or "{}"


def _called_arn(function: LiveFunction, named: str, qualifier: str | None) -> str:
    """The ARN by which the caller named the function, which its context shows."""
    base = ":".join(function.function_arn.split(":")[:7])
    within = named.rsplit(":function:", maxsplit=1)[-1]
    qualifier = qualifier or (within.split(":")[1] if ":" in within else None)
    return f"{base}:{qualifier}" if qualifier else base


def _headers(function: LiveFunction, run: Run, *, with_log: bool) -> dict[str, str]:
    headers = {
        "content-type": "application/json",
        REQUEST_ID: run.request_id,
        "X-Amz-Executed-Version": str(function.version),
    }
    if run.failed:
        headers["X-Amz-Function-Error"] = "Unhandled"
    if with_log:
        headers["X-Amz-Log-Result"] = base64.b64encode(tail(run.events)).decode()
    return headers
