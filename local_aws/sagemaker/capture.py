"""Data capture: requests and answers as JSON lines in S3, written as the execution role.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from __future__ import annotations

import base64
import json
import logging
import random
import threading
import uuid
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from local_aws.cloud import Cloud
from local_aws.permissions.sessions import assume
from local_aws.sagemaker.artifacts import SERVICE
from local_aws.sagemaker.instances import Answer
from local_aws.sagemaker.replies import CUSTOM_ATTRIBUTES, Invocation

_log = logging.getLogger(__name__)

# AWS says that delivery may take a couple of minutes.
_INTERVAL, _SHORTEST = 60.0, 0.5
_INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"


class Capture:
    """What one fleet's endpoint config wants captured. What the role may not write is lost."""

    def __init__(
        self, cloud: Cloud, *, endpoint_name: str, config: Mapping[str, Any], role_arn: str
    ) -> None:
        """Begin to capture.

        Args:
            cloud: where the bucket is.
            endpoint_name: a part of the objects' keys.
            config: the DataCaptureConfig.
            role_arn: the role that writes.
        """
        self._cloud = cloud
        self._endpoint_name = endpoint_name
        self._role_arn = role_arn
        self._percentage: int = config["InitialSamplingPercentage"]
        destination = urlsplit(config["DestinationS3Uri"])
        self._bucket, self._prefix = destination.netloc, destination.path.strip("/")
        self._key: str | None = config.get("KmsKeyId") or None
        modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
        self._input = bool(modes & {"Input", "InputAndOutput"})
        self._output = bool(modes & {"Output", "InputAndOutput"})
        headers = config.get("CaptureContentTypeHeader", {})
        self._encodings = {
            **{name.lower(): "CSV" for name in headers.get("CsvContentTypes", ())},
            **{name.lower(): "JSON" for name in headers.get("JsonContentTypes", ())},
        }
        # Lines by the folder that they go to.
        self._lines: dict[str, list[str]] = defaultdict(list)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._writer: threading.Thread | None = None

    def record(self, variant: str, invocation: Invocation, answer: Answer) -> None:
        """Note one request that was answered, if it is in the sample."""
        if answer.status >= 400 or answer.status < 100:
            return
        if random.random() * 100 >= self._percentage:
            return
        at = datetime.now(UTC)
        captured = {}
        if self._input:
            kind = invocation.headers.get("Content-Type", "application/octet-stream")
            captured["endpointInput"] = self._encoded(invocation.body, kind, "INPUT")
        if self._output:
            kind = answer.headers.get("content-type", "application/octet-stream")
            captured["endpointOutput"] = self._encoded(answer.body, kind, "OUTPUT")
        metadata: dict[str, Any] = {"eventId": str(uuid.uuid4())}
        if CUSTOM_ATTRIBUTES in invocation.headers:
            metadata["customAttributes"] = [invocation.headers[CUSTOM_ATTRIBUTES]]
        if _INFERENCE_ID in invocation.headers:
            metadata["inferenceId"] = invocation.headers[_INFERENCE_ID]
        metadata["inferenceTime"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        line = json.dumps(
            {"captureData": captured, "eventMetadata": metadata, "eventVersion": "0"},
            separators=(",", ":"),
        )
        folder = f"{self._endpoint_name}/{variant}/{at:%Y/%m/%d/%H}"
        with self._lock:
            self._lines[folder].append(line)
            if self._writer is None:
                self._writer = threading.Thread(
                    target=self._write, name="sagemaker-capture", daemon=True
                )
                self._writer.start()

    def close(self) -> None:
        """Write what is left; returns when it is written."""
        self._closing.set()
        if self._writer is not None:
            self._writer.join()

    def _encoded(self, body: bytes, content_type: str, mode: str) -> dict[str, str]:
        """Text for the content types that the config names; base64 for all others."""
        encoding = self._encodings.get(content_type.partition(";")[0].strip().lower(), "BASE64")
        text = base64.b64encode(body) if encoding == "BASE64" else body
        return {
            "observedContentType": content_type,
            "mode": mode,
            "data": text.decode(errors="replace"),
            "encoding": encoding,
        }

    def _write(self) -> None:
        interval = max(_SHORTEST, _INTERVAL / self._cloud.speed)
        closing = False
        while not closing:
            closing = self._closing.wait(interval)
            with self._lock:
                taken, self._lines = self._lines, defaultdict(list)
            for folder, lines in taken.items():
                try:
                    self._put(folder, lines)
                except (ClientError, BotoCoreError) as error:
                    _log.warning("endpoint %s captures nothing: %s", self._endpoint_name, error)

    def _put(self, folder: str, lines: list[str]) -> None:
        session = assume(self._role_arn, service=SERVICE, session_name="SageMaker")
        at = datetime.now(UTC)
        name = f"{at:%M-%S}-{at.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
        encryption = (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._key} if self._key else {}
        )
        self._cloud.client("s3", session).put_object(
            Bucket=self._bucket,
            Key="/".join(part for part in (self._prefix, folder, name) if part),
            Body=("\n".join(lines) + "\n").encode(),
            **encryption,
        )
