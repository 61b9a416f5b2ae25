"""Endpoints serve real predictions of a real process."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

LIMIT = 6_291_456


@pytest.fixture(scope="module")
def endpoint(hosting: Any) -> str:
    """An endpoint with one instance."""
    name: str = hosting.serve("live")
    return name


def test_predictions_are_those_of_xgboost_itself(hosting: Any, endpoint: str) -> None:
    """What comes over the endpoint equals `Booster.predict` in float32, bit for bit."""
    answer = hosting.runtime.invoke_endpoint(
        EndpointName=endpoint, ContentType="text/csv", Body=hosting.model.csv
    )
    found = np.array(answer["Body"].read().decode().split(), dtype=np.float32)
    assert np.array_equal(found, hosting.model.expected)
    assert answer["ContentType"] == "text/csv; charset=utf-8"
    assert answer["InvokedProductionVariant"] == "AllTraffic"


def test_custom_attributes_reach_the_handler_and_come_back(hosting: Any, endpoint: str) -> None:
    """The handler sees the caller's attributes, and the caller those of the handler's response."""
    answer = hosting.command(endpoint, "attributes", CustomAttributes="trace=17")
    assert answer["CustomAttributes"] == "trace=17; version=live"


def test_an_exception_of_the_handler_is_a_model_error_without_its_message(
    hosting: Any, endpoint: str
) -> None:
    """424 ModelError carries the container's 500 page; the trace stands in the log only."""
    with pytest.raises(ClientError) as raised:
        hosting.command(endpoint, "raise")
    error = raised.value.response
    assert error["Error"]["Code"] == "ModelError"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert error["OriginalStatusCode"] == 500
    assert "<title>500 Internal Server Error</title>" in error["OriginalMessage"]
    assert "secret" not in json.dumps(error, default=str)
    assert error["Error"]["Message"].startswith(
        'Received server error (500) from primary with message "<!doctype html>'
    )
    assert error["Error"]["Message"].endswith(
        f"#logEventViewer:group=/aws/sagemaker/Endpoints/{endpoint} in account 123456789012 for "
        f"more information."
    )
    assert error["LogStreamArn"] == (
        f"arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Endpoints/{endpoint}"
    )
    assert "ValueError: the secret reason" in logged(hosting, endpoint, "ValueError")


def logged(hosting: Any, endpoint: str, text: str) -> str:
    """All that the endpoint's containers wrote, once ``text`` is in it."""
    logs = hosting.connect("logs")
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
            streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
            assert all(found["logStreamName"].startswith("AllTraffic/i-") for found in streams)
            events = logs.filter_log_events(logGroupName=group)["events"]
            found: str = "\n".join(event["message"] for event in events)
            if text in found:
                return found
        time.sleep(0.2)
    raise AssertionError(f"{text!r} is not in the log of {endpoint}")


def test_a_refusal_of_the_handler_is_a_client_error_of_the_model(
    hosting: Any, endpoint: str
) -> None:
    """A 400 of the container is a ModelError that says so."""
    with pytest.raises(ClientError) as raised:
        hosting.command(endpoint, "refuse")
    error = raised.value.response
    assert error["OriginalStatusCode"] == 400
    assert error["OriginalMessage"] == "no such row"
    assert error["Error"]["Message"].startswith(
        'Received client error (400) from primary with message "no such row". See '
        "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1"
    )


def test_a_body_at_the_limit_is_taken_and_one_byte_more_is_not(hosting: Any, endpoint: str) -> None:
    """6,291,456 bytes are served; 6,291,457 are answered with 413."""
    command = b'{"do": "version"}'
    call = {"EndpointName": endpoint, "ContentType": "application/x-command"}
    full = command + b" " * (LIMIT - len(command))
    assert hosting.runtime.invoke_endpoint(**call, Body=full)["Body"].read() == b"live"
    with pytest.raises(ClientError, match="HTTP content length exceeded 6291456 bytes") as raised:
        hosting.runtime.invoke_endpoint(**call, Body=full + b" ")
    assert raised.value.response["Error"]["Code"] == "413"
    assert hosting.version(endpoint) == "live"


def test_an_endpoint_that_does_not_exist_is_not_found(hosting: Any) -> None:
    """The runtime's ValidationError names the endpoint and the account."""
    with pytest.raises(ClientError) as raised:
        hosting.version("nobody")
    error = raised.value.response
    assert error["Error"]["Code"] == "ValidationError"
    assert error["Error"]["Message"] == "Endpoint nobody of account 123456789012 not found."
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_invocations_are_counted_in_cloudwatch(hosting: Any) -> None:
    """Each request counts once for the variant, and again for the endpoint config's fleet."""
    endpoint = hosting.serve("counted")
    for do in ("version", "version"):
        hosting.command(endpoint, do)
    for do in ("raise", "refuse"):
        with pytest.raises(ClientError, match="ModelError"):
            hosting.command(endpoint, do)
    expected = {
        "Invocations": 4.0,
        "InvocationsPerInstance": 4.0,
        "Invocation5XXErrors": 1.0,
        "Invocation4XXErrors": 1.0,
    }
    by_variant = {"EndpointName": endpoint, "VariantName": "AllTraffic"}
    for dimensions in (by_variant, by_variant | {"EndpointConfigName": "serving-counted"}):
        for metric, value in expected.items():
            found = statistics(hosting, "AWS/SageMaker", metric, dimensions)
            assert (found["SampleCount"], found["Sum"]) == (4.0, value), metric
        latency = statistics(hosting, "AWS/SageMaker", "ModelLatency", dimensions)
        # Four predictions take more than 0.4 ms and less than 40 s, in microseconds.
        assert 400 < latency["Sum"] < 40_000_000


def test_utilization_is_that_of_the_container_s_processes(hosting: Any, endpoint: str) -> None:
    """CPU, memory and disk are published for each instance, in percent."""
    dimensions = {"EndpointName": endpoint, "VariantName": "AllTraffic"}
    deadline = time.monotonic() + 60
    count = 0.0
    while not count and time.monotonic() < deadline:
        time.sleep(0.2)
        memory = statistics(hosting, "/aws/sagemaker/Endpoints", "MemoryUtilization", dimensions)
        count = memory["SampleCount"]
    assert 0 < memory["Sum"] / count < 100
    disk = statistics(hosting, "/aws/sagemaker/Endpoints", "DiskUtilization", dimensions)
    assert 0 < disk["Sum"] / disk["SampleCount"] <= 100


def statistics(
    hosting: Any, namespace: str, metric: str, dimensions: dict[str, str]
) -> Counter[str]:
    """Sum and number of all values of a metric over the last minutes."""
    now = datetime.now(UTC)
    found = hosting.connect("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(minutes=30),
        EndTime=now + timedelta(minutes=30),
        Period=3600,
        Statistics=["SampleCount", "Sum"],
    )["Datapoints"]
    total: Counter[str] = Counter()
    for point in found:
        total.update({name: point[name] for name in ("SampleCount", "Sum")})
    return total
