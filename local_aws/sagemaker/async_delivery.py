"""What an asynchronous endpoint does as its execution role: reads, writes and notifies."""

from __future__ import annotations

import json
import logging
import time

from botocore.exceptions import ClientError

from local_aws.cloud import Cloud, Credentials
from local_aws.sagemaker.async_metrics import Measured
from local_aws.sagemaker.async_request import AsyncRequest, bucket_and_key
from local_aws.sagemaker.instances import Answer

logger = logging.getLogger(__name__)

_MAX_PAYLOAD = 1024**3


class RequestFailedError(Exception):
    """The request failed; the message is the notification's failureReason."""


class Delivery:
    """The way of payloads and messages between an endpoint, S3 and SNS."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def read(self, request: AsyncRequest, session: Credentials, measured: Measured) -> bytes:
        """The payload.

        Raises:
            RequestFailedError: it cannot be read.
        """
        location = request.given.get("InputLocation")
        if location is None:
            return request.body
        began = time.monotonic()
        bucket, key = bucket_and_key(location)
        try:
            found = self._cloud.client("s3", session).get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            measured.failures.append("RequestDownloadFailures")
            reason = error.response["Error"]["Message"]
            raise RequestFailedError(
                f"ClientError: Failed to download {location}: {reason}"
            ) from error
        if found["ContentLength"] > _MAX_PAYLOAD:
            measured.failures.append("RequestDownloadFailures")
            raise RequestFailedError(
                f"ClientError: {location} is larger than {_MAX_PAYLOAD} bytes."
            )
        body: bytes = found["Body"].read()
        measured.download = time.monotonic() - began
        return body

    def write(
        self, request: AsyncRequest, answer: Answer, session: Credentials, measured: Measured
    ) -> None:
        """Write the answer, encrypted as the config says.

        Raises:
            RequestFailedError: it cannot be written.
        """
        self._put(request.output_location, answer, request, session, measured)

    def _put(
        self,
        location: str | None,
        answer: Answer,
        request: AsyncRequest,
        session: Credentials,
        measured: Measured,
    ) -> None:
        if location is None:
            return
        began = time.monotonic()
        bucket, key = bucket_and_key(location)
        options = {}
        if request.output.get("KmsKeyId"):
            options = {
                "ServerSideEncryption": "aws:kms",
                "SSEKMSKeyId": request.output["KmsKeyId"],
            }
        try:
            self._cloud.client("s3", session).put_object(
                Bucket=bucket,
                Key=key,
                Body=answer.body,
                ContentType=answer.headers.get("content-type", "application/octet-stream"),
                **options,
            )
        except ClientError as error:
            measured.failures.append("ResponseUploadFailures")
            reason = error.response["Error"]["Message"]
            raise RequestFailedError(
                f"ClientError: Failed to upload {location}: {reason}"
            ) from error
        measured.upload += time.monotonic() - began

    def write_failure(
        self,
        request: AsyncRequest,
        answer: Answer,
        failure: str,
        session: Credentials,
        measured: Measured,
    ) -> None:
        """What the model said, or else why it was not asked, goes to the failure path."""
        told = answer
        if answer.status < 400:
            headers = {"content-type": "text/plain"}
            told = Answer(status=0, headers=headers, body=failure.encode(), latency=0.0)
        try:
            self._put(request.failure_location, told, request, session, measured)
        except RequestFailedError:
            logger.info("the failure of %s could not be written", request.inference_id)

    def notify(
        self,
        request: AsyncRequest,
        answer: Answer,
        failure: str | None,
        session: Credentials,
        measured: Measured,
    ) -> None:
        """Publish what became of the request to the topic for it, if there is one."""
        config = request.output.get("NotificationConfig") or {}
        kind = "Success" if failure is None else "Error"
        topic = config.get(f"{kind}Topic")
        if not topic:
            return
        included = config.get("IncludeInferenceResponseIn") or ()
        message = request.notification(
            failure=failure,
            content_type=answer.headers.get("content-type"),
            body=answer.body,
            included=f"{kind.upper()}_NOTIFICATION_TOPIC" in included,
        )
        try:
            self._cloud.client("sns", session).publish(
                TopicArn=topic, Message=json.dumps(message, separators=(",", ":"))
            )
        except ClientError:
            measured.failures.append("NotificationFailures")
