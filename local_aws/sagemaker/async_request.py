"""A request to an asynchronous endpoint, and what is told when it is done.

See https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-check-predictions.html.
"""

from __future__ import annotations

import base64
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from local_aws.cloud import REGION
from local_aws.sagemaker.errors import ValidationException
from local_aws.sagemaker.replies import RuntimeFault
from local_aws.sagemaker.validation import validate

# Defaults of RequestTTLSeconds and InvocationTimeoutSeconds.
_TTL = 21_600
_TIMEOUT = 900
# An inference response is part of a notification up to this size.
_INCLUDED_BYTES = 128 * 1024
_MAX_INLINE = 128_000
_PREFIX = "HTTP_X_AMZN_SAGEMAKER_"
# The parameters that are headers, by their name in a WSGI environment without the prefix.
_PARAMETERS = {
    "CONTENT_TYPE": "ContentType",
    "ACCEPT": "Accept",
    "CUSTOM_ATTRIBUTES": "CustomAttributes",
    "INFERENCE_ID": "InferenceId",
    "INPUTLOCATION": "InputLocation",
    "S3OUTPUTPATHEXTENSION": "S3OutputPathExtension",
    "FILENAME": "Filename",
    "REQUESTTTLSECONDS": "RequestTTLSeconds",
    "INVOCATIONTIMEOUTSECONDS": "InvocationTimeoutSeconds",
}
_FORWARDED = {
    "ContentType": "Content-Type",
    "Accept": "Accept",
    "CustomAttributes": "X-Amzn-SageMaker-Custom-Attributes",
    "InferenceId": "X-Amzn-SageMaker-Inference-Id",
}
_NUMBERS = ("RequestTTLSeconds", "InvocationTimeoutSeconds")


def parameters_of(environ: Mapping[str, Any], endpoint_name: str, body: bytes) -> dict[str, Any]:
    """The parameters of InvokeEndpointAsync.

    Raises:
        RuntimeFault: they are not as the service takes them.
    """
    given: dict[str, Any] = {"EndpointName": endpoint_name}
    for header, name in _PARAMETERS.items():
        if value := environ.get(_PREFIX + header):
            given[name] = int(value) if name in _NUMBERS and value.isdigit() else value
    try:
        validate("InvokeEndpointAsync", given, service="sagemaker-runtime")
    except ValidationException as error:
        raise RuntimeFault(400, "ValidationError", str(error)) from error
    if bool(body) == ("InputLocation" in given):
        raise RuntimeFault(
            400, "ValidationError", "Exactly one of Body and InputLocation must be provided."
        )
    if len(body) > _MAX_INLINE:
        raise RuntimeFault(413, None, f"HTTP content length exceeded {_MAX_INLINE} bytes.")
    return given


@dataclass(frozen=True, kw_only=True, eq=False)
class AsyncRequest:
    """One request in the queue.

    Attributes:
        given: the parameters of InvokeEndpointAsync.
        body: the payload, where it came with the request.
        output: the endpoint config's OutputConfig when the request came.
        role_arn: the execution role that reads, writes and notifies.
        inference_id: the caller's, or a new one.
        file_stem: the name of the objects that are written, unless the caller gives one.
        received: when it came.
        queued: likewise, on the monotonic clock.
    """

    given: Mapping[str, Any]
    body: bytes
    output: Mapping[str, Any]
    role_arn: str
    inference_id: str
    file_stem: str = field(default_factory=lambda: str(uuid.uuid4()))
    received: datetime = field(default_factory=lambda: datetime.now(UTC))
    queued: float = field(default_factory=time.monotonic)

    @property
    def seconds_to_live(self) -> int:
        """How long it may wait."""
        return int(self.given.get("RequestTTLSeconds", _TTL))

    @property
    def timeout(self) -> int:
        """Seconds that the model may take."""
        return int(self.given.get("InvocationTimeoutSeconds", _TIMEOUT))

    @property
    def headers(self) -> dict[str, str]:
        """What the container gets of the caller's."""
        return {
            header: self.given[name] for name, header in _FORWARDED.items() if name in self.given
        }

    @property
    def output_location(self) -> str | None:
        """Where the answer goes; None if only the notification has it."""
        extension = self.given.get("S3OutputPathExtension", "")
        return self._location("S3OutputPath", extension, f"{self.file_stem}.out")

    @property
    def failure_location(self) -> str | None:
        """Where an error goes; None if the config has no S3FailurePath."""
        return self._location("S3FailurePath", "", f"{self.file_stem}-error.out")

    def _location(self, path: str, extension: str, name: str) -> str | None:
        base = self.output.get(path)
        if not base:
            return None
        name = self.given.get("Filename", name)
        return "/".join(part.strip("/") for part in (base, extension, name) if part.strip("/"))

    def notification(
        self,
        *,
        failure: str | None,
        content_type: str | None,
        body: bytes,
        included: bool,
    ) -> dict[str, Any]:
        """The message that a topic gets.

        Args:
            failure: why it failed; None if it succeeded.
            content_type: of the answer.
            body: the answer.
            included: the topic is to have the answer too.
        """
        message: dict[str, Any] = {
            "awsRegion": REGION,
            "eventTime": _instant(datetime.now(UTC)),
            "receivedTime": _instant(self.received),
            "invocationStatus": "Completed" if failure is None else "Failed",
        }
        if failure is not None:
            message["failureReason"] = failure
        message["requestParameters"] = {
            name[0].lower() + name[1:]: self.given[name]
            for name in ("Accept", "ContentType", "CustomAttributes", "EndpointName")
            if name in self.given
        }
        if "InputLocation" in self.given:
            message["requestParameters"]["inputLocation"] = self.given["InputLocation"]
        if failure is None:
            message["responseParameters"] = _present(
                contentType=content_type, outputLocation=self.output_location
            )
        if included:
            message["responseBody"] = {
                **(
                    {"content": base64.b64encode(body).decode()}
                    if len(body) <= _INCLUDED_BYTES
                    else {}
                ),
                "message": "Check S3 path location(if configured) or Cloudwatch for additional "
                "details.",
                "encoding": "BASE64",
            }
        return {
            **message,
            "inferenceId": self.inference_id,
            "eventVersion": "1.0",
            "eventSource": "aws:sagemaker",
            "eventName": "InferenceResult",
        }


def bucket_and_key(location: str) -> tuple[str, str]:
    """Of an ``s3://`` or ``https://`` location."""
    parts = urlsplit(location)
    host, path = parts.netloc, unquote(parts.path).lstrip("/")
    if parts.scheme == "s3":
        return host, parts.path.lstrip("/")
    if found := re.match(r"(?P<bucket>.+)\.s3[.-]", host):
        return found["bucket"], path
    bucket, _, key = path.partition("/")
    return bucket, key


def _present(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"
