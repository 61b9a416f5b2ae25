"""Empties buckets when the stack that they belong to is deleted.

CloudFormation deletes no bucket that holds anything. The answer follows
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
"""

import json
import urllib.request
from contextlib import suppress
from typing import Any

import boto3

_PHYSICAL_ID = "emptied-buckets"
# The longest reason that is sure to fit into the 4 KB that CloudFormation takes.
_MAX_REASON = 1024


def handler(event: dict[str, Any], context: object) -> None:
    """Answers CloudFormation; a failure is answered too, or the stack would wait for an hour.

    Args:
        event: the request; its properties `Buckets` and `LogBuckets` list names.
        context: Lambda's context; unused.
    """
    status, reason = "SUCCESS", ""
    try:
        if event["RequestType"] == "Delete":
            properties = event["ResourceProperties"]
            delete_content(boto3.client("s3"), properties["Buckets"], properties["LogBuckets"])
    except Exception as error:  # whatever it is, CloudFormation must be told
        status, reason = "FAILED", f"{type(error).__name__}: {error}"[:_MAX_REASON]
    answer(event, status, reason)


def delete_content(s3: Any, buckets: list[str], log_buckets: list[str]) -> None:
    """Empties buckets, those with access logs last and for good.

    Access logs arrive hours late, and emptying makes more of them. Without its policy a log bucket
    takes none.

    Args:
        s3: a boto3 client.
        buckets: names of buckets.
        log_buckets: names of the buckets that they log to.
    """
    for bucket in log_buckets:
        with suppress(s3.exceptions.NoSuchBucket):
            s3.delete_bucket_policy(Bucket=bucket)
    for bucket in (*buckets, *log_buckets):
        # Deleted by hand: there is nothing left to do.
        with suppress(s3.exceptions.NoSuchBucket):
            empty(s3, bucket)


def empty(s3: Any, bucket: str) -> None:
    """Deletes every version of every object.

    Args:
        s3: a boto3 client.
        bucket: the bucket's name.

    Raises:
        RuntimeError: S3 refused to delete some.
    """
    # Always the first page: what the next one starts with may be gone by then.
    while versions := _first_versions(s3, bucket):
        deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
        if errors := deleted.get("Errors"):
            raise RuntimeError(f"{len(errors)} objects of {bucket} stay, the first: {errors[0]}")


def _first_versions(s3: Any, bucket: str) -> list[dict[str, str]]:
    page = s3.list_object_versions(Bucket=bucket)
    return [
        {"Key": item["Key"], "VersionId": item["VersionId"]}
        for kind in ("Versions", "DeleteMarkers")
        for item in page.get(kind, ())
    ]


def answer(event: dict[str, Any], status: str, reason: str) -> None:
    """Puts the answer where CloudFormation waits for it.

    Args:
        event: the request.
        status: `SUCCESS` or `FAILED`.
        reason: of the failure.
    """
    body = {
        "Status": status,
        "Reason": reason,
        "PhysicalResourceId": event.get("PhysicalResourceId", _PHYSICAL_ID),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    request = urllib.request.Request(
        event["ResponseURL"],
        data=json.dumps(body).encode(),
        method="PUT",
        # The URL is signed for no content type.
        headers={"Content-Type": ""},
    )
    with urllib.request.urlopen(request, timeout=30):
        pass
