"""What S3 tells EventBridge of its objects.

See https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html.
"""

from __future__ import annotations

import itertools
from typing import Any

from moto.s3 import notifications

from local_aws.events.publish import publish_service_event

# Grows with each event, as the sequencers of one key do.
_sequence = itertools.count(1)
_REASONS = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
    "s3:ObjectRemoved:Delete": "DeleteObject",
    "s3:ObjectRemoved:DeleteMarkerCreated": "DeleteObject",
}


def install() -> None:
    """Let buckets with EventBridge switched on send here; moto's events look like no others."""

    def send(account_id: str, bucket: Any, event_name: Any, key: Any) -> None:
        name = str(getattr(event_name, "value", event_name))
        reason = _REASONS.get(name)
        # Tags, ACLs, restores: nothing in this AWS waits for them. Of an upload in parts, moto
        # tells the end twice.
        if reason is None or (reason == "PutObject" and key.multipart is not None):
            return
        thing: dict[str, Any] = {"key": key.name, "sequencer": f"{next(_sequence):018X}"}
        if name.startswith("s3:ObjectCreated"):
            thing |= {"size": key.size, "etag": key.etag.replace('"', "")}
        if bucket.is_versioned:
            thing["version-id"] = key.version_id
        detail = {
            "version": "0",
            "bucket": {"name": bucket.name},
            "object": thing,
            "request-id": f"LOCAL{next(_sequence):011X}",
            "requester": account_id,
            "reason": reason,
        }
        if not name.startswith("s3:ObjectCreated"):
            marker = name.endswith("MarkerCreated")
            detail["deletion-type"] = "Delete Marker Created" if marker else "Permanently Deleted"
        publish_service_event(
            source="aws.s3",
            detail_type="Object Created" if "Created:" in name else "Object Deleted",
            resources=[bucket.arn],
            detail=detail,
            account=account_id,
            region=bucket.region_name,
        )

    vars(notifications)["_send_event_bridge_message"] = send
