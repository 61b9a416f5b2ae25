"""``AWS::IAM::*``: roles and their policies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from local_aws.cloudformation.provider import Context, Created, Properties, Provider
from local_aws.cloudformation.providers._api import (
    as_list,
    changed,
    client,
    gone_is_fine,
    name_of,
    retag,
    tag_list,
    text,
)

GONE = "NoSuchEntity"
POLICY_NAME_LENGTH = 128
# IAM keeps at most five versions of a managed policy.
POLICY_VERSIONS = 5
# Properties by which a policy names who has it, with the word in the API's operations.
PRINCIPALS = {"Roles": "role", "Users": "user", "Groups": "group"}


class Role(Provider):
    """A role; ``Ref`` is its name."""

    type_names = ("AWS::IAM::Role",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the role with its policies; nothing is left when one of them is refused."""
        api = client(context, "iam")
        name = name_of(context, properties, "RoleName")
        settings = {
            key: properties[key]
            for key in ("Description", "MaxSessionDuration", "Path", "PermissionsBoundary")
            if key in properties
        }
        role = api.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=text(properties["AssumeRolePolicyDocument"]),
            Tags=tag_list(context, properties),
            **settings,
        )["Role"]
        try:
            _set_role_policies(api, name, {}, properties)
        except Exception:
            self.delete(context, name, properties)
            raise
        return _role(role)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change trust, description, session length, boundary, policies and tags."""
        api = client(context, "iam")
        if changed(old, new, "AssumeRolePolicyDocument"):
            api.update_assume_role_policy(
                RoleName=physical_id, PolicyDocument=text(new["AssumeRolePolicyDocument"])
            )
        if changed(old, new, "Description", "MaxSessionDuration"):
            api.update_role(
                RoleName=physical_id,
                Description=new.get("Description", ""),
                MaxSessionDuration=int(new.get("MaxSessionDuration", 3600)),
            )
        if changed(old, new, "PermissionsBoundary"):
            if "PermissionsBoundary" in new:
                api.put_role_permissions_boundary(
                    RoleName=physical_id, PermissionsBoundary=new["PermissionsBoundary"]
                )
            else:
                api.delete_role_permissions_boundary(RoleName=physical_id)
        _set_role_policies(api, physical_id, old, new)
        retag(
            context,
            old,
            new,
            put=lambda found: api.tag_role(RoleName=physical_id, Tags=as_list(found)),
            remove=lambda keys: api.untag_role(RoleName=physical_id, TagKeys=keys),
        )
        return _role(api.get_role(RoleName=physical_id)["Role"])

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the role with the policies it was declared with; others must be gone before."""
        api = client(context, "iam")
        with gone_is_fine(GONE):
            _set_role_policies(api, physical_id, properties, {})
        with gone_is_fine(GONE):
            api.delete_role(RoleName=physical_id)


class ManagedPolicy(Provider):
    """A managed policy; ``Ref`` is its ARN."""

    type_names = ("AWS::IAM::ManagedPolicy",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the policy and attach it."""
        api = client(context, "iam")
        settings = {key: properties[key] for key in ("Description", "Path") if key in properties}
        policy = api.create_policy(
            PolicyName=name_of(
                context, properties, "ManagedPolicyName", max_length=POLICY_NAME_LENGTH
            ),
            PolicyDocument=text(properties["PolicyDocument"]),
            Tags=tag_list(context, properties),
            **settings,
        )["Policy"]
        try:
            _attach(api, policy["Arn"], {}, properties)
        except Exception:
            self.delete(context, policy["Arn"], properties)
            raise
        return _managed_policy(policy)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Make a new default version, attach and detach."""
        api = client(context, "iam")
        if changed(old, new, "PolicyDocument"):
            versions = api.list_policy_versions(PolicyArn=physical_id)["Versions"]
            if len(versions) >= POLICY_VERSIONS:
                oldest = min(
                    (found for found in versions if not found["IsDefaultVersion"]),
                    key=lambda found: found["CreateDate"],
                )
                api.delete_policy_version(PolicyArn=physical_id, VersionId=oldest["VersionId"])
            api.create_policy_version(
                PolicyArn=physical_id,
                PolicyDocument=text(new["PolicyDocument"]),
                SetAsDefault=True,
            )
        _attach(api, physical_id, old, new)
        retag(
            context,
            old,
            new,
            put=lambda found: api.tag_policy(PolicyArn=physical_id, Tags=as_list(found)),
            remove=lambda keys: api.untag_policy(PolicyArn=physical_id, TagKeys=keys),
        )
        return _managed_policy(api.get_policy(PolicyArn=physical_id)["Policy"])

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Detach the policy from those it was declared for and delete it with its versions."""
        api = client(context, "iam")
        _attach(api, physical_id, properties, {})
        with gone_is_fine(GONE):
            for version in api.list_policy_versions(PolicyArn=physical_id)["Versions"]:
                if not version["IsDefaultVersion"]:
                    api.delete_policy_version(PolicyArn=physical_id, VersionId=version["VersionId"])
            api.delete_policy(PolicyArn=physical_id)


class Policy(Provider):
    """An inline policy of roles, users and groups; ``Ref`` is a name of its own."""

    type_names = ("AWS::IAM::Policy",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Put the policy into each principal."""
        _put_inline(client(context, "iam"), {}, properties)
        return Created(physical_id=context.generated_name())

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Put it anew, and take it from those that no longer have it."""
        _put_inline(client(context, "iam"), old, new)
        return Created(physical_id=physical_id)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Take the policy from each principal."""
        del physical_id
        _put_inline(client(context, "iam"), properties, {})


def _set_role_policies(api: Any, name: str, old: Properties, new: Properties) -> None:
    """Bring attached and inline policies of a role from ``old`` to ``new``."""
    attached, wanted = (list(found.get("ManagedPolicyArns", ())) for found in (old, new))
    for arn in attached:
        if arn not in wanted:
            with gone_is_fine(GONE):
                api.detach_role_policy(RoleName=name, PolicyArn=arn)
    for arn in wanted:
        if arn not in attached:
            api.attach_role_policy(RoleName=name, PolicyArn=arn)
    before, after = (
        {found["PolicyName"]: found["PolicyDocument"] for found in properties.get("Policies", ())}
        for properties in (old, new)
    )
    for policy_name in before.keys() - after.keys():
        with gone_is_fine(GONE):
            api.delete_role_policy(RoleName=name, PolicyName=policy_name)
    for policy_name, document in after.items():
        if before.get(policy_name) != document:
            api.put_role_policy(
                RoleName=name, PolicyName=policy_name, PolicyDocument=text(document)
            )


def _principals(properties: Properties) -> Iterator[tuple[str, str]]:
    """Kind and name of everyone a policy names."""
    for key, kind in PRINCIPALS.items():
        for name in properties.get(key, ()):
            yield kind, name


def _without(found: Iterable[tuple[str, str]], others: Iterable[tuple[str, str]]) -> list[Any]:
    excluded = set(others)
    return [item for item in found if item not in excluded]


def _attach(api: Any, arn: str, old: Properties, new: Properties) -> None:
    for kind, name in _without(_principals(old), _principals(new)):
        with gone_is_fine(GONE):
            _call(api, f"detach_{kind}_policy", kind, name, PolicyArn=arn)
    for kind, name in _without(_principals(new), _principals(old)):
        _call(api, f"attach_{kind}_policy", kind, name, PolicyArn=arn)


def _put_inline(api: Any, old: Properties, new: Properties) -> None:
    kept = list(_principals(new)) if old.get("PolicyName") == new.get("PolicyName") else []
    for kind, name in _without(_principals(old), kept):
        with gone_is_fine(GONE):
            _call(api, f"delete_{kind}_policy", kind, name, PolicyName=old["PolicyName"])
    for kind, name in _principals(new):
        _call(
            api,
            f"put_{kind}_policy",
            kind,
            name,
            PolicyName=new["PolicyName"],
            PolicyDocument=text(new["PolicyDocument"]),
        )


def _call(api: Any, operation: str, kind: str, name: str, **parameters: str) -> None:
    getattr(api, operation)(**{f"{kind.capitalize()}Name": name}, **parameters)


def _role(role: dict[str, Any]) -> Created:
    return Created(
        physical_id=role["RoleName"],
        attributes={"Arn": role["Arn"], "RoleId": role["RoleId"]},
    )


def _managed_policy(policy: dict[str, Any]) -> Created:
    return Created(
        physical_id=policy["Arn"],
        attributes={
            "PolicyArn": policy["Arn"],
            "PolicyId": policy["PolicyId"],
            "AttachmentCount": policy.get("AttachmentCount", 0),
            "IsAttachable": policy.get("IsAttachable", True),
            "DefaultVersionId": policy.get("DefaultVersionId"),
            "CreateDate": str(policy.get("CreateDate")),
            "UpdateDate": str(policy.get("UpdateDate")),
        },
    )
