"""Asynchronous endpoints: queue, S3, notifications, metrics, from zero instances."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

ALLOWED = ("s3:PutObject", "sns:Publish", "kms:GenerateDataKey")


def instances(model: str, **options: Any) -> dict[str, Any]:
    """A variant on one instance."""
    return {
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        **options,
    }


@dataclass(frozen=True)
class Topic:
    """A topic, and the queue where its messages are seen."""

    arn: str
    sqs: Any
    url: str

    def message(self, *, seconds: float = 30) -> dict[str, Any]:
        """The next message."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.sqs.receive_message(QueueUrl=self.url, WaitTimeSeconds=1)
            for message in found.get("Messages", []):
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                content: dict[str, Any] = json.loads(json.loads(message["Body"])["Message"])
                return content
        raise AssertionError(f"no message after {seconds} s")


@pytest.fixture
def topic(kinds: Any) -> Callable[[], Topic]:
    """Makes topics."""

    def make() -> Topic:
        sns, sqs = kinds.local_aws.client("sns"), kinds.local_aws.client("sqs")
        name = kinds.name("topic")
        arn = sns.create_topic(Name=name)["TopicArn"]
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        queue = f"arn:aws:sqs:us-east-1:123456789012:{name}"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
        return Topic(arn, sqs, url)

    return make


@pytest.fixture(scope="module")
def asynchronous(kinds: Any, kinds_bucket: str) -> Callable[..., str]:
    """Makes asynchronous endpoints of a model; OutputConfig and ClientConfig as given."""

    def make(model: str, *, client: dict[str, Any] | None = None, **output: Any) -> str:
        config = {
            "OutputConfig": {
                "S3OutputPath": f"s3://{kinds_bucket}/out",
                "S3FailurePath": f"s3://{kinds_bucket}/failed/",
                **output,
            },
            **({} if client is None else {"ClientConfig": client}),
        }
        endpoint: str = kinds.endpoint(kinds.config(instances(model), AsyncInferenceConfig=config))
        return endpoint

    return make


@pytest.fixture(scope="module")
def shared(kinds: Any, asynchronous: Callable[..., str]) -> str:
    """An asynchronous endpoint that does as it is told."""
    return asynchronous(kinds.command_model())


def put(kinds: Any, content: bytes) -> str:
    """An input object; its location."""
    key = f"in/{kinds.name('payload')}"
    kinds.s3.put_object(Bucket="kinds", Key=key, Body=content)
    return f"s3://kinds/{key}"


def content(kinds: Any, location: str) -> Any:
    """The object at a location, once it is there."""
    parts = urlsplit(location)

    def look() -> Any:
        try:
            return kinds.s3.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))
        except kinds.s3.exceptions.NoSuchKey:
            return None

    return kinds.until(look)


def test_the_real_model_answers_into_s3_and_the_topic_is_told(
    kinds: Any, real_model: Any, topic: Any, asynchronous: Callable[..., str]
) -> None:
    """From S3 to S3, encrypted with the key, with the message as AWS documents it."""
    success = topic()
    key = kinds.local_aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    endpoint = asynchronous(
        real_model.name,
        KmsKeyId=key,
        NotificationConfig={
            "SuccessTopic": success.arn,
            "IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC"],
        },
    )
    source = put(kinds, real_model.csv)
    answer = kinds.runtime.invoke_endpoint_async(
        EndpointName=endpoint,
        InputLocation=source,
        ContentType="text/csv",
        Accept="text/csv",
        InferenceId="row-1",
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert answer["InferenceId"] == "row-1"
    assert answer["OutputLocation"].startswith("s3://kinds/out/")
    assert answer["FailureLocation"].startswith("s3://kinds/failed/")
    found = content(kinds, answer["OutputLocation"])
    written = found["Body"].read()
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", key)
    predicted = [float(line) for line in written.decode().split()]
    np.testing.assert_allclose(predicted, real_model.expected, rtol=1e-5)
    message = success.message()
    times = {key: message.pop(key) for key in ("eventTime", "receivedTime")}
    assert times["eventTime"] >= times["receivedTime"]
    body = message.pop("responseBody")
    assert base64.b64decode(body["content"]) == written
    assert body["encoding"] == "BASE64"
    assert message == {
        "awsRegion": "us-east-1",
        "invocationStatus": "Completed",
        "requestParameters": {
            "accept": "text/csv",
            "contentType": "text/csv",
            "endpointName": endpoint,
            "inputLocation": source,
        },
        "responseParameters": {
            "contentType": found["ContentType"],
            "outputLocation": answer["OutputLocation"],
        },
        "inferenceId": "row-1",
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    both = {"EndpointName": endpoint, "VariantName": "main"}
    assert kinds.until(lambda: kinds.statistic("InvocationsProcessed", both)) == 1
    assert kinds.statistic("ModelLatency", both) > 0
    # The list of metrics of asynchronous endpoints is exhaustive.
    assert kinds.statistic("Invocations", both) is None
    assert kinds.statistic("OverheadLatency", both) is None


def test_an_error_of_the_model_goes_to_the_failure_path_and_the_error_topic(
    kinds: Any, topic: Any, asynchronous: Callable[..., str]
) -> None:
    """The payload comes with the request; the output is never written."""
    failed = topic()
    endpoint = asynchronous(kinds.command_model(), NotificationConfig={"ErrorTopic": failed.arn})
    answer = kinds.runtime.invoke_endpoint_async(
        EndpointName=endpoint,
        ContentType="application/json",
        Body=json.dumps({"fail": "no such row", "status": 422}).encode(),
    )
    assert content(kinds, answer["FailureLocation"])["Body"].read() == b"no such row"
    message = failed.message()
    assert message["invocationStatus"] == "Failed"
    assert message["failureReason"].startswith(
        "ClientError: Received client error (422) from model"
    )
    assert message["inferenceId"] == answer["InferenceId"]
    assert "responseParameters" not in message
    both = {"EndpointName": endpoint, "VariantName": "main"}
    assert kinds.until(lambda: kinds.statistic("Invocation4XXErrors", both)) == 1
    assert kinds.statistic("InvocationFailures", both) == 1


def test_what_cannot_be_read_fails(kinds: Any, shared: str) -> None:
    """A missing input is told at the failure path."""
    answer = kinds.runtime.invoke_endpoint_async(
        EndpointName=shared, InputLocation="s3://kinds/in/none", ContentType="application/json"
    )
    told = content(kinds, answer["FailureLocation"])["Body"].read().decode()
    assert told.startswith("ClientError: Failed to download s3://kinds/in/none")
    both = {"EndpointName": shared, "VariantName": "main"}
    assert kinds.until(lambda: kinds.statistic("RequestDownloadFailures", both)) == 1


def test_requests_wait_while_there_are_no_instances(
    kinds: Any, asynchronous: Callable[..., str]
) -> None:
    """At zero the metrics call for capacity; the first instance answers what has waited."""
    endpoint = asynchronous(
        kinds.command_model(), client={"MaxConcurrentInvocationsPerInstance": 1}
    )
    name = {"EndpointName": endpoint}

    def scale(count: int) -> None:
        kinds.api.update_endpoint_weights_and_capacities(
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredInstanceCount": count}],
        )
        (variant,) = kinds.wait(endpoint)["ProductionVariants"]
        assert variant["CurrentInstanceCount"] == count

    per_instance = "ApproximateBacklogSizePerInstance"
    kinds.until(lambda: kinds.statistic(per_instance, name) is not None)
    assert kinds.statistic("HasBacklogWithoutCapacity", name, statistic="Maximum") == 0
    scale(0)
    locations = [
        kinds.runtime.invoke_endpoint_async(
            EndpointName=endpoint,
            ContentType="application/json",
            Body=json.dumps({"sleep": 1}).encode(),
            Filename=f"{endpoint}-{number}.json",
        )["OutputLocation"]
        for number in range(2)
    ]
    assert locations[0] == f"s3://kinds/out/{endpoint}-0.json"
    assert kinds.until(
        lambda: kinds.statistic("HasBacklogWithoutCapacity", name, statistic="Maximum")
    )
    assert kinds.statistic("ApproximateBacklogSize", name, statistic="Maximum") == 2
    assert kinds.statistic(per_instance, name, statistic="Maximum") == 0
    scale(1)
    written = [content(kinds, location)["LastModified"] for location in locations]
    # One at a time, as the client config says.
    assert (written[1] - written[0]).total_seconds() >= 1
    assert kinds.statistic(per_instance, name, statistic="Maximum") > 0


def test_a_request_expires_in_the_queue(kinds: Any, asynchronous: Callable[..., str]) -> None:
    """A minute, which passes 60 times faster here."""
    endpoint = asynchronous(
        kinds.command_model(), client={"MaxConcurrentInvocationsPerInstance": 1}
    )
    payload = {"EndpointName": endpoint, "ContentType": "application/json"}
    kinds.runtime.invoke_endpoint_async(**payload, Body=json.dumps({"sleep": 3}).encode())
    late = kinds.runtime.invoke_endpoint_async(**payload, Body=b"{}", RequestTTLSeconds=60)
    told = content(kinds, late["FailureLocation"])["Body"].read().decode()
    assert "longer than 60 seconds" in told
    both = {"EndpointName": endpoint, "VariantName": "main"}
    assert kinds.statistic("ExpiredRequests", both) == 1
    # There was a backlog, and an instance to work on it.
    name = {"EndpointName": endpoint}
    kinds.until(lambda: kinds.statistic("ApproximateBacklogSize", name))
    assert kinds.statistic("HasBacklogWithoutCapacity", name, statistic="Maximum") == 0


def test_an_endpoint_is_asynchronous_or_not(kinds: Any, shared: str) -> None:
    """Each kind refuses the other's operation, and a request has one payload."""
    other = kinds.endpoint(kinds.config(instances(kinds.command_model())))
    body = {"Body": b"{}", "ContentType": "application/json"}
    for call, endpoint in (
        (kinds.runtime.invoke_endpoint, shared),
        (kinds.runtime.invoke_endpoint_async, other),
    ):
        refused = kinds.refused(call, EndpointName=endpoint, **body)
        assert (refused["Code"], refused["Status"]) == ("ValidationError", 400)
        assert refused["Message"] == f"Endpoint {endpoint} does not support this inference type."
    call = kinds.runtime.invoke_endpoint_async
    both = kinds.refused(call, EndpointName=shared, InputLocation="s3://kinds/in/x", **body)
    assert both["Message"] == "Exactly one of Body and InputLocation must be provided."
    long = kinds.refused(call, EndpointName=shared, RequestTTLSeconds=21601, Body=b"{}")
    assert "less than or equal to 21600" in long["Message"]


def test_the_output_is_written_as_the_execution_role(
    kinds: Any, make_role: Callable[..., str], kinds_bucket: str
) -> None:
    """Without s3:PutObject there is no output; the failure is counted."""
    allowed = ("s3:GetObject", "s3:ListBucket", "ecr:*", "logs:*", "cloudwatch:PutMetricData")
    role = make_role("sagemaker.amazonaws.com", *allowed)
    model = kinds.command_model(ExecutionRoleArn=role)
    endpoint = kinds.endpoint(
        kinds.config(
            instances(model),
            AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": f"s3://{kinds_bucket}/mine"}},
        )
    )
    answer = kinds.runtime.invoke_endpoint_async(
        EndpointName=endpoint, Body=b"{}", ContentType="application/json"
    )
    assert "FailureLocation" not in answer
    both = {"EndpointName": endpoint, "VariantName": "main"}
    assert kinds.until(lambda: kinds.statistic("ResponseUploadFailures", both)) == 1
    assert not kinds.s3.list_objects_v2(Bucket=kinds_bucket, Prefix="mine/")["KeyCount"]
