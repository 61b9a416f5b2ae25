"""Invocations: at once, and later with retries and destinations."""

from __future__ import annotations

import json
import threading
import uuid
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.awslambda.exceptions import InvalidParameterValueException

from local_aws.cloud import Cloud
from local_aws.cloudwatch.publish import publish
from local_aws.functions.destinations import Delivery
from local_aws.functions.function import LiveFunction
from local_aws.functions.package import RuntimeUnsupportedError
from local_aws.functions.pool import Pool, ThrottledError
from local_aws.functions.sandbox import Run
from local_aws.permissions.sessions import assume

RESPONSE_BYTES = 6_291_556
RETRIES = 2
# Lambda waits one minute before the second attempt and two before the third.
RETRY_SECONDS = 60


class Invoker:
    """Runs functions, whoever asks: the API, another service, CloudFormation."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._pool = Pool(cloud)
        self._stopping = threading.Event()

    def check_role(self, role_arn: str) -> None:
        """Refuse a role whose trust policy does not let Lambda take it, as CreateFunction does."""
        try:
            assume(role_arn, service="lambda.amazonaws.com", session_name="lambda")
        except ClientError as error:
            raise InvalidParameterValueException(
                "The role defined for the function cannot be assumed by Lambda."
            ) from error

    def invoke(self, function: LiveFunction, event: str, *, arn: str | None = None) -> Run:
        """Run a function and wait for it.

        Args:
            function: the version to run.
            event: JSON text.
            arn: the ARN by which it was called, if not the version's own.

        Raises:
            ThrottledError: the reserved concurrency is used up.
            RuntimeUnsupportedError: there is no such runtime here.
        """
        return self._run(function, event, arn, str(uuid.uuid4()), wait=False)

    def invoke_later(self, function: LiveFunction, event: str, *, arn: str | None = None) -> str:
        """Run a function without waiting for it; the request's id."""
        request_id = str(uuid.uuid4())
        threading.Thread(
            target=self._attempt,
            args=(function, event, arn, request_id),
            name=f"invoke-{function.function_name}",
            daemon=True,
        ).start()
        return request_id

    def forget(self, function: LiveFunction) -> None:
        """End the processes of a function that was deleted."""
        self._pool.forget(":".join(function.function_arn.split(":")[:7]))

    def stop(self) -> None:
        """End all runs."""
        self._stopping.set()
        self._pool.stop()

    def _run(
        self, function: LiveFunction, event: str, arn: str | None, request_id: str, *, wait: bool
    ) -> Run:
        try:
            with self._pool.sandbox(function, wait=wait) as sandbox:
                run = sandbox.run(event, arn or function.function_arn, request_id)
        except ThrottledError:
            self._publish(function, "Throttles", 1)
            raise
        if not run.failed and len(run.payload) > RESPONSE_BYTES:
            run = _too_large(run)
        self._publish(function, "Invocations", 1)
        self._publish(function, "Errors", int(run.failed))
        self._publish(function, "Duration", run.duration_ms, "Milliseconds")
        return run

    def _attempt(
        self, function: LiveFunction, event: str, arn: str | None, request_id: str
    ) -> None:
        """All attempts of an asynchronous invocation."""
        config = function.event_invoke_config[0].config if function.event_invoke_config else {}
        retries = int(config.get("MaximumRetryAttempts", RETRIES))
        delivery = Delivery(self._cloud, function, config.get("DestinationConfig") or {})
        for attempt in range(retries + 1):
            pause = attempt * RETRY_SECONDS / self._cloud.speed
            if attempt and self._stopping.wait(pause):
                return
            try:
                run = self._run(function, event, arn, request_id, wait=True)
            except (ThrottledError, RuntimeUnsupportedError, ClientError, BotoCoreError) as error:
                # Nothing ran: nobody waits for the answer, so it goes where failures go.
                delivery.failed(event, _refused(request_id, error), attempts=attempt + 1)
                return
            if not run.failed:
                delivery.succeeded(event, run, attempts=attempt + 1)
                return
        delivery.failed(event, run, attempts=retries + 1)

    def _publish(
        self, function: LiveFunction, metric: str, value: float, unit: str = "Count"
    ) -> None:
        publish("AWS/Lambda", metric, {"FunctionName": function.function_name}, value, unit)


def _too_large(run: Run) -> Run:
    error = {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": f"Response payload size ({len(run.payload)} bytes) exceeded maximum "
        f"allowed payload size ({RESPONSE_BYTES} bytes).",
    }
    return Run(
        request_id=run.request_id,
        payload=json.dumps(error).encode(),
        failed=True,
        events=run.events,
        duration_ms=run.duration_ms,
    )


def _refused(request_id: str, error: Exception) -> Run:
    payload: dict[str, Any] = {"errorType": type(error).__name__, "errorMessage": str(error)}
    return Run(
        request_id=request_id,
        payload=json.dumps(payload).encode(),
        failed=True,
        events=[],
        duration_ms=0,
    )
