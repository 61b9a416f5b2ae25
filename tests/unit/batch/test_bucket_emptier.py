"""Buckets are emptied when their stack goes, and at no other time."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import boto3
import pytest
from moto.s3.models import s3_backends

from inference_constructs.functions.bucket_emptier.custom_resource import delete_content, handler

LOGS = "access-logs"


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes answers as CloudFormation's presigned URL does."""

    answers: ClassVar[list[dict[str, Any]]] = []

    def do_PUT(self) -> None:
        """Keeps the body."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answers.append(json.loads(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def answers() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A URL, and what was sent there."""
    Receiver.answers.clear()
    server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/answer", Receiver.answers
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def versioned(s3: Any) -> Any:
    """Two buckets with versions, deletions and a policy."""
    s3.create_bucket(Bucket=LOGS)
    for bucket in ("data", LOGS):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        for body in (b"1", b"2"):
            s3.put_object(Bucket=bucket, Key="a", Body=body)
        s3.delete_object(Bucket=bucket, Key="a")
    s3.put_bucket_policy(Bucket=LOGS, Policy='{"Statement": []}')
    return s3


def event(request_type: str, url: str = "") -> dict[str, Any]:
    """A request of CloudFormation's."""
    return {
        "RequestType": request_type,
        "ResponseURL": url,
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Emptied",
        "ResourceProperties": {"Buckets": ["data"], "LogBuckets": [LOGS]},
    }


def test_every_version_goes_so_that_the_buckets_can_be_deleted(versioned: Any) -> None:
    """S3 refuses to delete a bucket that holds as much as a deletion marker."""
    delete_content(versioned, ["data"], [LOGS])
    for bucket in ("data", LOGS):
        versioned.delete_bucket(Bucket=bucket)


def test_log_buckets_are_closed_first(versioned: Any) -> None:
    """Emptying makes new logs; without the policy they are not taken."""
    delete_content(versioned, [], [LOGS])
    with pytest.raises(versioned.exceptions.ClientError, match="NoSuchBucketPolicy"):
        versioned.get_bucket_policy(Bucket=LOGS)


def test_more_objects_than_a_page_go(s3: Any) -> None:
    """A page of S3's listing has a thousand."""
    backend = s3_backends["123456789012"]["aws"]
    for number in range(1001):
        backend.put_object("data", str(number), b"x")
    delete_content(s3, ["data"], [])
    s3.delete_bucket(Bucket="data")


def test_a_bucket_that_was_deleted_by_hand_is_no_failure(s3: Any) -> None:
    """There is nothing left to do."""
    delete_content(s3, ["gone"], ["gone-too"])


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_nothing_is_deleted_but_on_deletion(
    versioned: Any, answers: tuple[str, list[dict[str, Any]]], request_type: str
) -> None:
    """CloudFormation calls on each of the three occasions."""
    url, received = answers
    handler(event(request_type, url), None)
    assert [answer["Status"] for answer in received] == ["SUCCESS"]
    assert len(versioned.list_object_versions(Bucket="data")["Versions"]) == 2


def test_success_is_answered(versioned: Any, answers: tuple[str, list[dict[str, Any]]]) -> None:
    """With the ids by which CloudFormation knows the request."""
    url, received = answers
    handler(event("Delete", url) | {"PhysicalResourceId": "emptied"}, None)
    assert received == [
        {
            "Status": "SUCCESS",
            "Reason": "",
            "PhysicalResourceId": "emptied",
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "Emptied",
        }
    ]
    assert "Versions" not in versioned.list_object_versions(Bucket="data")


def test_a_failure_is_answered_with_its_reason(
    answers: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an answer the stack would wait for an hour."""

    def no_client(service: str) -> None:
        raise PermissionError(f"no {service} for you" + "!" * 5000)

    monkeypatch.setattr(boto3, "client", no_client)
    url, received = answers
    handler(event("Delete", url), None)
    (answer,) = received
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith("PermissionError: no s3 for you")
    assert len(json.dumps(answer)) < 4096
