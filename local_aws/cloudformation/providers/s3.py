"""``AWS::S3::*``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local_aws.cloudformation.provider import (
    Context,
    Created,
    Properties,
    Provider,
    ResourceError,
)
from local_aws.cloudformation.providers import _s3_shapes as shapes
from local_aws.cloudformation.providers._api import (
    already_exists,
    as_list,
    changed,
    client,
    gone_is_fine,
    is_true,
    name_of,
    tags,
    text,
)

BUCKET_NAME_LENGTH = 63
GONE = ("NoSuchBucket", "404")


class _Setting:
    """A property of a bucket with the call that sets it and the one that takes it back."""

    def __init__(
        self,
        put: Callable[[Any, str, Any], Any],
        clear: Callable[[Any, str], Any],
    ) -> None:
        self.put = put
        self.clear = clear


# In the order in which they are set: EventBridge and logging may need what stands above them.
SETTINGS: dict[str, _Setting] = {
    "OwnershipControls": _Setting(
        lambda api, name, value: api.put_bucket_ownership_controls(
            Bucket=name, OwnershipControls={"Rules": value["Rules"]}
        ),
        lambda api, name: api.delete_bucket_ownership_controls(Bucket=name),
    ),
    "AccessControl": _Setting(
        lambda api, name, value: api.put_bucket_acl(Bucket=name, ACL=shapes.canned_acl(value)),
        lambda api, name: api.put_bucket_acl(Bucket=name, ACL="private"),
    ),
    "PublicAccessBlockConfiguration": _Setting(
        lambda api, name, value: api.put_public_access_block(
            Bucket=name, PublicAccessBlockConfiguration=value
        ),
        lambda api, name: api.delete_public_access_block(Bucket=name),
    ),
    "BucketEncryption": _Setting(
        lambda api, name, value: api.put_bucket_encryption(
            Bucket=name, ServerSideEncryptionConfiguration=shapes.encryption(value)
        ),
        lambda api, name: api.delete_bucket_encryption(Bucket=name),
    ),
    "VersioningConfiguration": _Setting(
        lambda api, name, value: api.put_bucket_versioning(
            Bucket=name, VersioningConfiguration=value
        ),
        lambda api, name: api.put_bucket_versioning(
            Bucket=name, VersioningConfiguration={"Status": "Suspended"}
        ),
    ),
    "LifecycleConfiguration": _Setting(
        lambda api, name, value: api.put_bucket_lifecycle_configuration(
            Bucket=name, LifecycleConfiguration=shapes.lifecycle(value)
        ),
        lambda api, name: api.delete_bucket_lifecycle(Bucket=name),
    ),
    "CorsConfiguration": _Setting(
        lambda api, name, value: api.put_bucket_cors(
            Bucket=name, CORSConfiguration=shapes.cors(value)
        ),
        lambda api, name: api.delete_bucket_cors(Bucket=name),
    ),
    "WebsiteConfiguration": _Setting(
        lambda api, name, value: api.put_bucket_website(
            Bucket=name, WebsiteConfiguration=shapes.website(value)
        ),
        lambda api, name: api.delete_bucket_website(Bucket=name),
    ),
    "AccelerateConfiguration": _Setting(
        lambda api, name, value: api.put_bucket_accelerate_configuration(
            Bucket=name, AccelerateConfiguration={"Status": value["AccelerationStatus"]}
        ),
        lambda api, name: api.put_bucket_accelerate_configuration(
            Bucket=name, AccelerateConfiguration={"Status": "Suspended"}
        ),
    ),
    "ReplicationConfiguration": _Setting(
        lambda api, name, value: api.put_bucket_replication(
            Bucket=name, ReplicationConfiguration=shapes.replication(value)
        ),
        lambda api, name: api.delete_bucket_replication(Bucket=name),
    ),
    "LoggingConfiguration": _Setting(
        lambda api, name, value: api.put_bucket_logging(
            Bucket=name, BucketLoggingStatus=shapes.logging(name, value)
        ),
        lambda api, name: api.put_bucket_logging(Bucket=name, BucketLoggingStatus={}),
    ),
    "NotificationConfiguration": _Setting(
        lambda api, name, value: api.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration=shapes.notification(value)
        ),
        lambda api, name: api.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration={}
        ),
    ),
}
# Set when the bucket is made, or with the tags.
HANDLED = frozenset({"BucketName", "ObjectLockConfiguration", "ObjectLockEnabled", "Tags"})


class Bucket(Provider):
    """A bucket; ``Ref`` is its name."""

    type_names = ("AWS::S3::Bucket",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the bucket; nothing is left when one of its settings is refused."""
        _refuse_unsupported(properties)
        api = client(context, "s3")
        name = name_of(context, properties, "BucketName", max_length=BUCKET_NAME_LENGTH, lower=True)
        with gone_is_fine(*GONE):
            # CreateBucket of one's own bucket succeeds in us-east-1; CloudFormation refuses it.
            api.head_bucket(Bucket=name)
            raise already_exists(context, name)
        settings: Properties = {"ObjectLockEnabledForBucket": True}
        api.create_bucket(
            Bucket=name,
            **(settings if is_true(properties.get("ObjectLockEnabled", False)) else {}),
            **_location(api.meta.region_name),
        )
        try:
            self._configure(context, name, {}, properties)
        except Exception:
            api.delete_bucket(Bucket=name)
            raise
        return _bucket(name, api.meta.region_name)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change what differs; a setting that is gone goes back to its default."""
        _refuse_unsupported(new)
        self._configure(context, physical_id, old, new)
        return _bucket(physical_id, client(context, "s3").meta.region_name)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the bucket, which must be empty."""
        del properties
        with gone_is_fine(*GONE):
            client(context, "s3").delete_bucket(Bucket=physical_id)

    @staticmethod
    def _configure(context: Context, name: str, old: Properties, new: Properties) -> None:
        api = client(context, "s3")
        for key, setting in SETTINGS.items():
            if not changed(old, new, key):
                continue
            if key in new:
                setting.put(api, name, new[key])
            else:
                setting.clear(api, name)
        if changed(old, new, "ObjectLockConfiguration") and "ObjectLockConfiguration" in new:
            api.put_object_lock_configuration(
                Bucket=name, ObjectLockConfiguration=new["ObjectLockConfiguration"]
            )
        before, after = tags(context, old) if old else {}, tags(context, new)
        if after and after != before:
            api.put_bucket_tagging(Bucket=name, Tagging={"TagSet": as_list(after)})
        elif before and not after:
            api.delete_bucket_tagging(Bucket=name)


class BucketPolicy(Provider):
    """A bucket's policy; ``Ref`` is the bucket's name."""

    type_names = ("AWS::S3::BucketPolicy",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Put the policy; a bucket has one at most."""
        api, name = client(context, "s3"), properties["Bucket"]
        with gone_is_fine("NoSuchBucketPolicy"):
            api.get_bucket_policy(Bucket=name)
            raise ResourceError(f"The bucket policy already exists on bucket {name}.")
        api.put_bucket_policy(Bucket=name, Policy=text(properties["PolicyDocument"]))
        return Created(physical_id=name)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Put the new policy."""
        del old
        client(context, "s3").put_bucket_policy(
            Bucket=physical_id, Policy=text(new["PolicyDocument"])
        )
        return Created(physical_id=physical_id)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the policy."""
        del properties
        with gone_is_fine(*GONE, "NoSuchBucketPolicy"):
            client(context, "s3").delete_bucket_policy(Bucket=physical_id)


def _refuse_unsupported(properties: Properties) -> None:
    unsupported = sorted(set(properties) - set(SETTINGS) - HANDLED)
    if unsupported:
        raise ResourceError(
            f"properties [{', '.join(unsupported)}] are not supported by the local AWS"
        )


def _location(region: str) -> Properties:
    if region == "us-east-1":
        return {}
    return {"CreateBucketConfiguration": {"LocationConstraint": region}}


def _bucket(name: str, region: str) -> Created:
    return Created(
        physical_id=name,
        attributes={
            "Arn": f"arn:aws:s3:::{name}",
            "DomainName": f"{name}.s3.amazonaws.com",
            "DualStackDomainName": f"{name}.s3.dualstack.{region}.amazonaws.com",
            "RegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
            "WebsiteURL": f"http://{name}.s3-website-{region}.amazonaws.com",
        },
    )
