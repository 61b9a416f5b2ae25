"""Custom resources: a Lambda function makes them and answers over a URL."""

from __future__ import annotations

import json
import secrets
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local_aws.cloudformation.provider import (
    Context,
    Created,
    Properties,
    Provider,
    ResourceError,
)
from local_aws.cloudformation.providers._api import client

# How long CloudFormation waits for an answer unless ServiceTimeout says otherwise.
TIMEOUT_SECONDS = 3600
# The waits of this AWS are shortened, but a function's own work is not: it gets this long at least.
LEAST_SECONDS = 30
ANSWER_BYTES = 4096


@dataclass
class Mailbox:
    """Where the function's answer arrives."""

    url: str = ""
    answer: bytes | None = None
    arrived: threading.Event = field(default_factory=threading.Event)


class CustomResource(Provider):
    """A resource behind ``ServiceToken``: a function's or a topic's ARN.

    An update that answers with another physical id is a replacement: the old id is deleted when the
    stack's update is through, the new one when it is rolled back. A creation that failed is deleted
    as well, by an id that CloudFormation makes up where the answer has none. See
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html
    and https://repost.aws/knowledge-center/best-practices-custom-cf-lambda.
    """

    type_names = ("AWS::CloudFormation::CustomResource", "Custom::*")

    def create(self, context: Context, properties: Properties) -> Created:
        """Ask the function to create."""
        return self._requested(context, properties, {"RequestType": "Create"})

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Ask the function to update; an answer with another physical id is a replacement."""
        request = {
            "RequestType": "Update",
            "PhysicalResourceId": physical_id,
            "OldResourceProperties": _strings(old),
        }
        return self._requested(context, new, request)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Ask the function to delete."""
        request = {"RequestType": "Delete", "PhysicalResourceId": physical_id}
        self._requested(context, properties, request)

    def _requested(
        self, context: Context, properties: Properties, request: dict[str, Any]
    ) -> Created:
        token = properties["ServiceToken"]
        request_id = str(uuid.uuid4())
        known_id = request.get("PhysicalResourceId") or context.generated_name()
        with _mailbox() as mailbox:
            message = {
                **request,
                "ServiceToken": token,
                "ResponseURL": mailbox.url,
                "StackId": context.stack_id,
                "RequestId": request_id,
                "LogicalResourceId": context.logical_id,
                "ResourceType": context.type_name,
                "ResourceProperties": _strings(properties),
            }
            self._send(context, token, message)
            if not mailbox.arrived.wait(self._patience(context, properties)):
                raise ResourceError(
                    "CloudFormation did not receive a response from your Custom Resource. Please "
                    f"check your logs for requestId [{request_id}]. If you are using the Python "
                    "cfn-response module, you may need to update your Lambda function code so that "
                    "CloudFormation can attach the updated version.",
                    physical_id=known_id,
                )
        return _answered(mailbox.answer or b"", request_id, known_id)

    def _send(self, context: Context, token: str, message: dict[str, Any]) -> None:
        body = json.dumps(message)
        if token.split(":")[2] == "sns":
            client(context, "sns").publish(
                TopicArn=token,
                Subject="AWS CloudFormation custom resource request",
                Message=body,
            )
        else:
            client(context, "lambda").invoke(
                FunctionName=token, InvocationType="Event", Payload=body
            )

    def _patience(self, context: Context, properties: Properties) -> float:
        seconds = float(properties.get("ServiceTimeout", TIMEOUT_SECONDS))
        return max(seconds / context.cloud.speed, min(seconds, LEAST_SECONDS))


def _answered(answer: bytes, request_id: str, known_id: str) -> Created:
    """What the function answered.

    Args:
        answer: the body.
        request_id: of the request that it answers.
        known_id: the physical id by which the resource is deleted if the answer has none.

    Raises:
        ResourceError: the function failed, or the answer is none.
    """
    if len(answer) > ANSWER_BYTES:
        raise ResourceError("Response object is too long.", physical_id=known_id)
    try:
        found = json.loads(answer)
        status = found["Status"]
    except (ValueError, KeyError, TypeError) as error:
        raise ResourceError(
            "Invalid response object: Status is missing.", physical_id=known_id
        ) from error
    physical_id = found.get("PhysicalResourceId") or ""
    if status != "SUCCESS":
        reason = found.get("Reason", "")
        raise ResourceError(
            f"Received response status [{status}] from custom resource. "
            f"Message returned: {reason} (RequestId: {request_id})",
            physical_id=physical_id or known_id,
        )
    if not physical_id:
        raise ResourceError("Invalid PhysicalResourceId", physical_id=known_id)
    data = found.get("Data") or {}
    return Created(physical_id=physical_id, attributes=_attributes(data) | {"Id": physical_id})


def _attributes(data: dict[str, Any], path: str = "") -> dict[str, Any]:
    """The data by attribute name, dots for nested values."""
    found: dict[str, Any] = {}
    for name, value in data.items():
        found[path + name] = value
        if isinstance(value, dict):
            found |= _attributes(value, f"{path}{name}.")
    return found


def _strings(value: Any) -> Any:
    """Properties as a function gets them: CloudFormation turns every scalar into a string."""
    if isinstance(value, dict):
        return {name: _strings(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_strings(part) for part in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if value is None else str(value)


@contextmanager
def _mailbox() -> Iterator[Mailbox]:
    """A URL on loopback that takes one answer, by PUT as S3's presigned URLs do."""
    mailbox = Mailbox()
    path = f"/{secrets.token_urlsafe(24)}"

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            if self.path.partition("?")[0] != path:
                self.send_error(404)
                return
            # What CloudFormation took once, it does not look at again.
            if not mailbox.arrived.is_set():
                mailbox.answer = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            mailbox.arrived.set()

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    serving = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    serving.start()
    mailbox.url = f"http://localhost:{server.server_port}{path}"
    try:
        yield mailbox
    finally:
        server.shutdown()
        server.server_close()
        serving.join(timeout=5)
