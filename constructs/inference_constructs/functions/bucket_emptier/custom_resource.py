"""Empties buckets when the stack that they belong to is deleted.

CloudFormation deletes no bucket that holds anything.
"""

from contextlib import suppress
from typing import Any

import boto3

from ..custom_resource import Event, respond


def handler(event: Event, context: object) -> None:
    """Empties the buckets when the resource is deleted, and does nothing else.

    Args:
        event: the request; its properties `Buckets` and `LogBuckets` list names.
        context: Lambda's context; unused.
    """
    respond(event, _handle, physical_id="emptied-buckets")


def _handle(event: Event) -> None:
    if event["RequestType"] == "Delete":
        properties = event["ResourceProperties"]
        delete_content(boto3.client("s3"), properties["Buckets"], properties["LogBuckets"])


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
