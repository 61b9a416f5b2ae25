"""Endpoints of the other kinds, deployed by the CDK CLI, answer a request."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.long


def subscribed(shop: Any) -> Callable[[], dict[str, Any] | None]:
    """Takes messages of the endpoint's topic from a queue."""
    sqs = shop.aws.client("sqs")
    url = sqs.create_queue(QueueName=f"{shop.stack}-told")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn["QueueArn"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    shop.aws.client("sns").subscribe(
        TopicArn=shop.outputs["Topic"],
        Protocol="sqs",
        Endpoint=arn["QueueArn"],
        Attributes={"RawMessageDelivery": "true"},
    )

    def take() -> dict[str, Any] | None:
        found = sqs.receive_message(QueueUrl=url).get("Messages")
        return json.loads(found[0]["Body"]) if found else None

    return take


def test_a_serverless_endpoint_answers(new_application: Any) -> None:
    """The first request waits for the container."""
    shop = new_application(
        "serverless", kind="serverless", variants={"AllTraffic": {"version": "v1"}}
    )
    shop.deploy()
    with shop.traffic(rate=5) as log:
        shop.pause(5)
    assert log.failures == []
    assert set(log.versions()) == {"v1"}
    shop.deploy(variants={"AllTraffic": {"version": "v2"}})
    answer = shop.aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=shop.endpoint_name, Body=b"1"
    )
    assert answer["Body"].read() == b"v2"


def test_an_asynchronous_endpoint_answers_in_s3_and_tells_of_it(new_application: Any) -> None:
    """The answer lies where InvokeEndpointAsync said it would."""
    shop = new_application("async", kind="async", variants={"AllTraffic": {"version": "v1"}})
    shop.deploy()
    s3, bucket = shop.aws.client("s3"), shop.outputs["Bucket"]
    messages = subscribed(shop)
    s3.put_object(Bucket=bucket, Key="input/one.csv", Body=b"1")
    accepted = shop.aws.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=shop.endpoint_name,
        ContentType="text/csv",
        InputLocation=f"s3://{bucket}/input/one.csv",
    )
    key = accepted["OutputLocation"].removeprefix(f"s3://{bucket}/")
    assert key.startswith("output/")

    def answer() -> bytes | None:
        try:
            body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except s3.exceptions.NoSuchKey:
            return None
        return body

    assert shop.wait_until(answer) == b"v1"
    told = shop.wait_until(messages)
    assert told["invocationStatus"] == "Completed"
    assert told["responseParameters"]["outputLocation"] == accepted["OutputLocation"]
