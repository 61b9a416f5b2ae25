"""The metrics and the log of asynchronous endpoints.

The lists are exhaustive: an asynchronous endpoint has no Invocations and no OverheadLatency. See
https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from local_aws.cloud import Cloud, Credentials
from local_aws.cloudwatch.publish import publish
from local_aws.sagemaker import metrics


@dataclass(kw_only=True)
class Measured:
    """What one request took and how it ended; times in seconds.

    Attributes:
        backlog: in the queue.
        download: reading the input.
        model: in the container.
        upload: writing the output.
        status: what the model answered; None if it was not asked or did not answer.
        failed: it failed, for any reason.
        failures: further counts, by the metric's name.
    """

    backlog: float
    download: float = 0.0
    model: float = 0.0
    upload: float = 0.0
    status: int | None = None
    failed: bool = False
    failures: list[str] = field(default_factory=list)


def publish_request(where: metrics.Where, measured: Measured, *, total: float) -> None:
    """Publish what one request counts, ``total`` seconds after it came."""
    values = {
        "InvocationsProcessed": (1.0, "Count"),
        "InvocationFailures": (float(measured.failed), "Count"),
        "TimeInBacklog": (measured.backlog * 1e6, "Microseconds"),
        "TotalProcessingTime": (total * 1e3, "Milliseconds"),
        "RequestDownloadLatency": (measured.download * 1e6, "Microseconds"),
        "ResponseUploadLatency": (measured.upload * 1e6, "Microseconds"),
        **dict.fromkeys(measured.failures, (1.0, "Count")),
    }
    if measured.status is not None:
        values["ModelLatency"] = (measured.model * 1e6, "Microseconds")
        values["Invocation4XXErrors"] = (float(400 <= measured.status < 500), "None")
        values["Invocation5XXErrors"] = (float(measured.status >= 500), "None")
    for dimensions in where.dimension_sets():
        for metric, (value, unit) in values.items():
            publish(metrics.INVOCATIONS, metric, dimensions, value, unit)


def publish_backlog(
    endpoint_name: str, *, backlog: int, waiting: int, instances: int, age: float
) -> None:
    """Publish how an endpoint's queue is.

    Args:
        endpoint_name: the endpoint.
        backlog: requests that wait or are processed.
        waiting: those that wait.
        instances: behind the endpoint.
        age: seconds since the oldest request came.
    """
    values = {
        "ApproximateBacklogSize": (float(backlog), "Count"),
        "ApproximateAgeOfOldestRequest": (age, "Seconds"),
        "HasBacklogWithoutCapacity": (float(waiting > 0 and instances == 0), "Count"),
    }
    # Without an instance there is nothing to divide by, and no datapoint.
    if instances:
        values["ApproximateBacklogSizePerInstance"] = (backlog / instances, "Count")
    for metric, (value, unit) in values.items():
        publish(metrics.INVOCATIONS, metric, {"EndpointName": endpoint_name}, value, unit)


class DataLog:
    """The platform's own log stream of an instance: one line for each request."""

    def __init__(self, cloud: Cloud, *, group: str) -> None:
        self._cloud = cloud
        self._group = group
        self._created: set[str] = set()

    def write(self, session: Credentials, *, stream: str, inference_id: str, text: str) -> None:
        """Write a line as the execution role; what the role may not write is not written."""
        name = {"logGroupName": self._group, "logStreamName": f"{stream}/data-log"}
        instant = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        line = f"{instant}:[sagemaker logs] [{inference_id}] {text}"
        with contextlib.suppress(ClientError, BotoCoreError):
            client = self._cloud.client("logs", session)
            if stream not in self._created:
                with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
                    client.create_log_stream(**name)
                self._created.add(stream)
            client.put_log_events(
                **name, logEvents=[{"timestamp": time.time_ns() // 1_000_000, "message": line}]
            )
