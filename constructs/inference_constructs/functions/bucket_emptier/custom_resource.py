"""Empties buckets when the stack that they belong to is deleted.

CloudFormation deletes no bucket that holds anything. The answer follows
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
"""

import json
import urllib.request
from typing import Any

import boto3

_PHYSICAL_ID = "emptied-buckets"
# The longest reason that is sure to fit into the 4 KB that CloudFormation takes.
_MAX_REASON = 1024


def handler(event: dict[str, Any], context: object) -> None:
    """Answers CloudFormation; a failure is answered too, or the stack would wait for an hour.

    Args:
        event: the request; its property `Buckets` lists names.
        context: Lambda's context; unused.
    """
    status, reason = "SUCCESS", ""
    try:
        if event["RequestType"] == "Delete":
            for bucket in event["ResourceProperties"]["Buckets"]:
                empty(boto3.client("s3"), bucket)
    except Exception as error:  # whatever it is, CloudFormation must be told
        status, reason = "FAILED", f"{type(error).__name__}: {error}"[:_MAX_REASON]
    answer(event, status, reason)


def empty(s3: Any, bucket: str) -> None:
    """Deletes every version of every object.

    Args:
        s3: a boto3 client.
        bucket: the bucket's name.

    Raises:
        RuntimeError: S3 refused to delete some.
    """
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            versions = [
                {"Key": item["Key"], "VersionId": item["VersionId"]}
                for kind in ("Versions", "DeleteMarkers")
                for item in page.get(kind, ())
            ]
            if not versions:
                continue
            deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
            if errors := deleted.get("Errors"):
                raise RuntimeError(
                    f"{len(errors)} objects of {bucket} stay, the first: {errors[0]}"
                )
    except s3.exceptions.NoSuchBucket:
        # Deleted by hand: there is nothing left to do.
        return


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
