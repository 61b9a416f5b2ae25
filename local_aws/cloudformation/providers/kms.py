"""``AWS::KMS::*``."""

from __future__ import annotations

from typing import Any

from local_aws.cloudformation.provider import Context, Created, Properties, Provider
from local_aws.cloudformation.providers._api import (
    changed,
    client,
    gone_is_fine,
    is_true,
    retag,
    tags,
    text,
)

DEFAULT_PENDING_WINDOW = 30


class Key(Provider):
    """A key; ``Ref`` is its id."""

    type_names = ("AWS::KMS::Key",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the key with its policy, rotation and state."""
        api = client(context, "kms")
        settings: Properties = {
            name: properties[name]
            for name in ("Description", "KeySpec", "KeyUsage", "MultiRegion", "Origin")
            if name in properties
        }
        if "KeyPolicy" in properties:
            # moto keeps what it gets and answers DescribeKey only when that is a string.
            settings["Policy"] = text(properties["KeyPolicy"])
        metadata = api.create_key(
            **settings,
            BypassPolicyLockoutSafetyCheck=is_true(
                properties.get("BypassPolicyLockoutSafetyCheck", False)
            ),
            Tags=_tag_list(tags(context, properties)),
        )["KeyMetadata"]
        _set_rotation(api, metadata["KeyId"], properties)
        if not is_true(properties.get("Enabled", True)):
            api.disable_key(KeyId=metadata["KeyId"])
        return _created(metadata)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change policy, description, rotation, state and tags."""
        api = client(context, "kms")
        if changed(old, new, "KeyPolicy") and "KeyPolicy" in new:
            api.put_key_policy(
                KeyId=physical_id, PolicyName="default", Policy=text(new["KeyPolicy"])
            )
        if changed(old, new, "Description"):
            api.update_key_description(KeyId=physical_id, Description=new.get("Description", ""))
        if changed(old, new, "EnableKeyRotation", "RotationPeriodInDays"):
            _set_rotation(api, physical_id, new)
        if changed(old, new, "Enabled"):
            switch = api.enable_key if is_true(new.get("Enabled", True)) else api.disable_key
            switch(KeyId=physical_id)
        retag(
            context,
            old,
            new,
            put=lambda found: api.tag_resource(KeyId=physical_id, Tags=_tag_list(found)),
            remove=lambda keys: api.untag_resource(KeyId=physical_id, TagKeys=keys),
        )
        return _created(api.describe_key(KeyId=physical_id)["KeyMetadata"])

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Schedule the deletion, as AWS does."""
        with gone_is_fine("NotFoundException", "KMSInvalidStateException"):
            client(context, "kms").schedule_key_deletion(
                KeyId=physical_id,
                PendingWindowInDays=int(
                    properties.get("PendingWindowInDays", DEFAULT_PENDING_WINDOW)
                ),
            )


class Alias(Provider):
    """An alias; ``Ref`` is its name."""

    type_names = ("AWS::KMS::Alias",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the alias."""
        client(context, "kms").create_alias(
            AliasName=properties["AliasName"], TargetKeyId=properties["TargetKeyId"]
        )
        return Created(physical_id=properties["AliasName"])

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Let the alias point to another key."""
        del old
        client(context, "kms").update_alias(AliasName=physical_id, TargetKeyId=new["TargetKeyId"])
        return Created(physical_id=physical_id)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the alias; the key stays."""
        del properties
        with gone_is_fine("NotFoundException"):
            client(context, "kms").delete_alias(AliasName=physical_id)


def _set_rotation(api: Any, key_id: str, properties: Properties) -> None:
    if is_true(properties.get("EnableKeyRotation", False)):
        period = properties.get("RotationPeriodInDays")
        settings = {} if period is None else {"RotationPeriodInDays": int(period)}
        api.enable_key_rotation(KeyId=key_id, **settings)
    elif api.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"]:
        api.disable_key_rotation(KeyId=key_id)


def _tag_list(found: dict[str, str]) -> list[dict[str, str]]:
    return [{"TagKey": key, "TagValue": value} for key, value in found.items()]


def _created(metadata: dict[str, Any]) -> Created:
    return Created(
        physical_id=metadata["KeyId"],
        attributes={"Arn": metadata["Arn"], "KeyId": metadata["KeyId"]},
    )
