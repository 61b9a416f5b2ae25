"""Switches of moto that stacks need."""

from __future__ import annotations

from typing import Any

from moto.cloudtrail.responses import CloudTrailResponse
from moto.core.config import default_user_config
from moto.core.responses import ActionResult
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket, S3Backend


def load_managed_policies() -> None:
    """Let ``arn:aws:iam::aws:policy/...`` exist, which roles are made with."""
    default_user_config["iam"]["load_aws_managed_policies"] = True


def leave_bucket_policies_to_permissions() -> None:
    """Keep moto from judging bucket policies.

    It ignores a statement's condition, so a policy that denies unencrypted transport denies
    everything. Who may do what is judged in `local_aws.permissions`, where conditions count.
    """
    judge = FakeBucket.get_permission

    def without_denials(bucket: Any, action: str, resource: str) -> Any:
        found = judge(bucket, action, resource)
        return PermissionResult.NEUTRAL if found == PermissionResult.DENIED else found

    setattr(FakeBucket, "get_permission", without_denials)  # noqa: B010 - a method, to mypy


def answer_lookups_of_the_trail() -> None:
    """Let CloudTrail have recorded nothing.

    The CDK CLI asks it for causes of a failed deployment, and tries again for long when moto, which
    does not know the operation, answers with an internal error.
    """

    def lookup_events(_response: CloudTrailResponse) -> ActionResult:
        return ActionResult({"Events": []})

    setattr(CloudTrailResponse, "lookup_events", lookup_events)  # noqa: B010 - a method, to mypy


def deliver_access_logs_by_policy() -> None:
    """Judge the policy of a log bucket when a log is delivered, not when logging is switched on.

    moto does it the other way round. A template cannot have the policy first: it names the bucket
    that logs.
    """
    permitted = FakeBucket._log_permissions_enabled_policy
    deliver = S3Backend.log_incoming_request

    def allowed_later(target_bucket: FakeBucket, target_prefix: str | None) -> bool:
        return True

    def log_incoming_request(backend: Any, request: Any, bucket_name: str) -> None:
        bucket = backend.buckets.get(bucket_name)
        logging = bucket.logging if bucket is not None else {}
        target = backend.buckets.get(logging.get("TargetBucket"))
        if target is not None and (
            permitted(target, logging.get("TargetPrefix"))
            or target._log_permissions_enabled_acl(target)
        ):
            deliver(backend, request, bucket_name)

    setattr(FakeBucket, "_log_permissions_enabled_policy", staticmethod(allowed_later))  # noqa: B010
    setattr(S3Backend, "log_incoming_request", log_incoming_request)  # noqa: B010
