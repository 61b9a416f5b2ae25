"""S3 tells EventBridge of objects, and rules carry it on: what starts a batch run.

The shape of the event is that of
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from typing import Any

import pytest

_numbers = itertools.count(1)


@pytest.fixture
def bucket(local_aws: Any) -> str:
    """A bucket that sends its events to EventBridge."""
    s3, name = local_aws.client("s3"), f"object-events-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    return name


@pytest.fixture
def listen(local_aws: Any) -> Any:
    """Makes a rule for a bucket's events of one kind, with a queue as its target; the queue."""
    sqs, events = local_aws.client("sqs"), local_aws.client("events")

    def make(bucket: str, detail_type: str, *, prefix: str = "", delay: int = 0) -> str:
        name = f"objects-{next(_numbers)}"
        url: str = sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": str(delay)})[
            "QueueUrl"
        ]
        arn = f"arn:aws:sqs:us-east-1:123456789012:{name}"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        pattern = {
            "source": ["aws.s3"],
            "detail-type": [detail_type],
            "detail": {"bucket": {"name": [bucket]}, "object": {"key": [{"prefix": prefix}]}},
        }
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": arn}])
        return url

    return make


def received(local_aws: Any, url: str, seconds: int = 10) -> list[Any]:
    """The bodies of the messages that arrive first."""
    answer = local_aws.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=seconds)
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


def test_a_new_object_is_an_event(local_aws: Any, bucket: str, listen: Any) -> None:
    """With bucket, key as it is, size and tag; only what the pattern's prefix matches."""
    url = listen(bucket, "Object Created", prefix="in/")
    s3 = local_aws.client("s3")
    s3.put_object(Bucket=bucket, Key="elsewhere", Body=b"1")
    s3.put_object(Bucket=bucket, Key="in/a b+c.csv", Body=b"1,2\n")
    (event,) = received(local_aws, url)
    assert (event["source"], event["detail-type"]) == ("aws.s3", "Object Created")
    assert event["resources"] == [f"arn:aws:s3:::{bucket}"]
    detail = event["detail"]
    assert detail["bucket"] == {"name": bucket}
    assert detail["reason"] == "PutObject"
    assert detail["object"].pop("sequencer")
    assert detail["object"] == {
        "key": "in/a b+c.csv",
        "size": 4,
        "etag": hashlib.md5(b"1,2\n", usedforsecurity=False).hexdigest(),
    }
    assert received(local_aws, url, 1) == []


def test_an_object_of_several_parts_is_one_event(local_aws: Any, bucket: str, listen: Any) -> None:
    """A large file is told when it is complete, and not before."""
    url, s3 = listen(bucket, "Object Created"), local_aws.client("s3")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="large")["UploadId"]
    place = {"Bucket": bucket, "Key": "large", "UploadId": upload}
    bodies = (b"x" * 5 * 1024 * 1024, b"y")
    parts = [
        {"PartNumber": n, "ETag": s3.upload_part(**place, PartNumber=n, Body=body)["ETag"]}
        for n, body in enumerate(bodies, start=1)
    ]
    s3.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})
    (event,) = received(local_aws, url)
    assert event["detail"]["reason"] == "CompleteMultipartUpload"
    assert event["detail"]["object"]["size"] == 5 * 1024 * 1024 + 1
    assert received(local_aws, url, 1) == []


def test_a_removed_object_is_an_event(local_aws: Any, bucket: str, listen: Any) -> None:
    """``Object Deleted``, which a rule for new objects does not match."""
    created, deleted = listen(bucket, "Object Created"), listen(bucket, "Object Deleted")
    s3 = local_aws.client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    s3.delete_object(Bucket=bucket, Key="k")
    (event,) = received(local_aws, deleted)
    assert event["detail"]["object"]["key"] == "k"
    assert event["detail"]["deletion-type"] == "Permanently Deleted"
    assert len(received(local_aws, created)) == 1


def test_a_queue_with_a_delay_holds_an_event_back(local_aws: Any, bucket: str, listen: Any) -> None:
    """What a debounce is made of: the message is there only when the delay has passed."""
    url = listen(bucket, "Object Created", delay=3)
    began = time.monotonic()
    local_aws.client("s3").put_object(Bucket=bucket, Key="k", Body=b"1")
    assert received(local_aws, url, 0) == []
    assert len(received(local_aws, url, 15)) == 1
    assert time.monotonic() - began >= 2.9


def test_a_new_object_starts_a_state_machine(local_aws: Any, bucket: str, make_role: Any) -> None:
    """With the rule's role, and as input what its transformer makes of the event."""
    states, events = local_aws.client("stepfunctions"), local_aws.client("events")
    definition = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    machine = states.create_state_machine(
        name="on-object",
        roleArn=make_role("states.amazonaws.com"),
        definition=json.dumps(definition),
    )["stateMachineArn"]
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name="on-object", EventPattern=json.dumps(pattern))
    transformer = {
        "InputPathsMap": {"bucket": "$.detail.bucket.name", "key": "$.detail.object.key"},
        "InputTemplate": '{"input": "s3://<bucket>/<key>"}',
    }
    target = {
        "Id": "m",
        "Arn": machine,
        "RoleArn": make_role("events.amazonaws.com", "states:StartExecution"),
        "InputTransformer": transformer,
    }
    events.put_targets(Rule="on-object", Targets=[target])
    local_aws.client("s3").put_object(Bucket=bucket, Key="in/k.csv", Body=b"1")
    deadline = time.monotonic() + 20
    found: list[Any] = []
    while not found and time.monotonic() < deadline:
        found = states.list_executions(stateMachineArn=machine)["executions"]
    (execution,) = found
    described = states.describe_execution(executionArn=execution["executionArn"])
    assert json.loads(described["input"]) == {"input": f"s3://{bucket}/in/k.csv"}
