"""Data capture writes what was asked and answered into S3, as the role that may."""

from __future__ import annotations

import base64
import json
import re
import time
from typing import Any

import pytest

KEY = re.compile(
    r"captured/(?P<endpoint>[^/]+)/(?P<variant>[^/]+)/\d{4}/\d\d/\d\d/\d\d/"
    r"\d\d-\d\d-\d{3}-[0-9a-f-]{36}\.jsonl"
)


def capture(hosting: Any, **options: Any) -> dict[str, Any]:
    """A DataCaptureConfig that takes everything."""
    return {
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{hosting.bucket}/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        **options,
    }


def serve(hosting: Any, name: str, config: dict[str, Any], **model: Any) -> str:
    """An endpoint that captures."""
    made = hosting.create_model(name, **model)
    endpoint: str = hosting.create_endpoint(
        name, hosting.create_config(name, {"ModelName": made}, DataCaptureConfig=config)
    )
    return endpoint


def objects(hosting: Any, endpoint: str) -> list[str]:
    """The keys of what an endpoint captured."""
    listed = hosting.s3.list_objects_v2(Bucket=hosting.bucket, Prefix=f"captured/{endpoint}/")
    return [found["Key"] for found in listed.get("Contents", [])]


def captured(hosting: Any, endpoint: str, count: int) -> list[dict[str, Any]]:
    """What an endpoint captured, once there are ``count`` lines."""
    deadline = time.monotonic() + 60
    lines: list[dict[str, Any]] = []
    while len(lines) < count and time.monotonic() < deadline:
        time.sleep(0.2)
        lines = []
        for key in objects(hosting, endpoint):
            body = hosting.s3.get_object(Bucket=hosting.bucket, Key=key)["Body"].read()
            lines += [json.loads(line) for line in body.decode().splitlines()]
    assert len(lines) == count
    return lines


@pytest.fixture(scope="module")
def writer(hosting: Any) -> str:
    """A role that may write what is captured."""
    role: str = hosting.create_role(
        "writer", {"Effect": "Allow", "Action": ["s3:*", "logs:*", "kms:*"], "Resource": "*"}
    )
    return role


def test_requests_and_answers_are_captured_line_by_line(hosting: Any, writer: str) -> None:
    """Text where the config names the content type, base64 for all others; under the hour's key."""
    headers = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/x-command"]}
    config = capture(hosting, CaptureContentTypeHeader=headers)
    endpoint = serve(hosting, "lines", config, ExecutionRoleArn=writer)
    hosting.runtime.invoke_endpoint(
        EndpointName=endpoint,
        ContentType="text/csv",
        Body=hosting.model.csv,
        InferenceId="request-17",
        CustomAttributes="trace=17",
    )
    hosting.version(endpoint)
    first, second = captured(hosting, endpoint, 2)
    given, answered = first["captureData"]["endpointInput"], first["captureData"]["endpointOutput"]
    assert given == {
        "observedContentType": "text/csv",
        "mode": "INPUT",
        "data": hosting.model.csv.decode(),
        "encoding": "CSV",
    }
    assert answered["observedContentType"].startswith("text/csv")
    assert (answered["mode"], answered["encoding"]) == ("OUTPUT", "CSV")
    predictions = [float(value) for value in answered["data"].split()]
    assert predictions == pytest.approx(hosting.model.expected.tolist())
    metadata = first["eventMetadata"]
    assert (metadata["inferenceId"], metadata["customAttributes"]) == ("request-17", ["trace=17"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", metadata["inferenceTime"])
    assert first["eventVersion"] == "0"
    assert second["captureData"]["endpointInput"]["encoding"] == "JSON"
    # Flask says text/plain, which the config does not name.
    answered = second["captureData"]["endpointOutput"]
    assert (answered["encoding"], base64.b64decode(answered["data"])) == ("BASE64", b"lines")
    for key in objects(hosting, endpoint):
        match = KEY.fullmatch(key)
        assert match is not None
        assert (match["endpoint"], match["variant"]) == (endpoint, "AllTraffic")
    found = hosting.api.describe_endpoint(EndpointName=endpoint)["DataCaptureConfig"]
    assert (found["EnableCapture"], found["CaptureStatus"]) == (True, "Started")
    hosting.remove(endpoint)


def test_a_key_encrypts_and_modes_choose(hosting: Any, writer: str) -> None:
    """Only the input, under the key; an endpoint that ends has written everything."""
    kms = hosting.connect("kms").create_key()["KeyMetadata"]["Arn"]
    config = capture(hosting, KmsKeyId=kms, CaptureOptions=[{"CaptureMode": "Input"}])
    endpoint = serve(hosting, "encrypted", config, ExecutionRoleArn=writer)
    hosting.version(endpoint)
    hosting.remove(endpoint)
    (key,) = objects(hosting, endpoint)
    found = hosting.s3.head_object(Bucket=hosting.bucket, Key=key)
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", kms)
    (line,) = captured(hosting, endpoint, 1)
    assert set(line["captureData"]) == {"endpointInput"}


@pytest.mark.parametrize(
    ("name", "options"),
    [("denied", {}), ("none", {"InitialSamplingPercentage": 0}), ("off", {"EnableCapture": False})],
)
def test_nothing_is_captured_that_may_not_or_shall_not_be(
    hosting: Any, writer: str, name: str, options: dict[str, Any]
) -> None:
    """A role without s3:PutObject, a sample of nothing, capture switched off: answers go on."""
    role = hosting.role if name == "denied" else writer
    endpoint = serve(hosting, name, capture(hosting, **options), ExecutionRoleArn=role)
    assert hosting.version(endpoint) == name
    hosting.remove(endpoint)
    assert objects(hosting, endpoint) == []
