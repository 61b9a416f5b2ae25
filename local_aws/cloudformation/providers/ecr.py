"""``AWS::ECR::*``."""

from __future__ import annotations

from typing import Any

from local_aws.cloudformation.provider import Context, Created, Properties, Provider
from local_aws.cloudformation.providers._api import (
    changed,
    client,
    gone_is_fine,
    is_true,
    name_of,
    retag,
    tag_list,
    text,
)

NAME_LENGTH = 256


class Repository(Provider):
    """A container repository; ``Ref`` is its name."""

    type_names = ("AWS::ECR::Repository",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the repository with its policies."""
        api = client(context, "ecr")
        settings: Properties = {}
        if "ImageTagMutability" in properties:
            settings["imageTagMutability"] = properties["ImageTagMutability"]
        if "ImageScanningConfiguration" in properties:
            settings["imageScanningConfiguration"] = _scanning(properties)
        if "EncryptionConfiguration" in properties:
            encryption = properties["EncryptionConfiguration"]
            settings["encryptionConfiguration"] = {
                "encryptionType": encryption["EncryptionType"],
                **({"kmsKey": encryption["KmsKey"]} if "KmsKey" in encryption else {}),
            }
        name = name_of(context, properties, "RepositoryName", max_length=NAME_LENGTH, lower=True)
        made = api.create_repository(
            repositoryName=name, tags=tag_list(context, properties), **settings
        )["repository"]
        _set_policies(api, name, {}, properties)
        return _created(made)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change settings, policies and tags."""
        api = client(context, "ecr")
        if changed(old, new, "ImageTagMutability"):
            api.put_image_tag_mutability(
                repositoryName=physical_id,
                imageTagMutability=new.get("ImageTagMutability", "MUTABLE"),
            )
        if changed(old, new, "ImageScanningConfiguration"):
            api.put_image_scanning_configuration(
                repositoryName=physical_id, imageScanningConfiguration=_scanning(new)
            )
        _set_policies(api, physical_id, old, new)
        found = api.describe_repositories(repositoryNames=[physical_id])["repositories"][0]
        arn = found["repositoryArn"]
        retag(
            context,
            old,
            new,
            put=lambda wanted: api.tag_resource(
                resourceArn=arn,
                tags=[{"Key": key, "Value": value} for key, value in wanted.items()],
            ),
            remove=lambda keys: api.untag_resource(resourceArn=arn, tagKeys=keys),
        )
        return _created(found)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the repository; with images in it only when ``EmptyOnDelete`` says so."""
        with gone_is_fine("RepositoryNotFoundException"):
            client(context, "ecr").delete_repository(
                repositoryName=physical_id, force=is_true(properties.get("EmptyOnDelete", False))
            )


def _scanning(properties: Properties) -> dict[str, bool]:
    found = properties.get("ImageScanningConfiguration", {})
    return {"scanOnPush": is_true(found.get("ScanOnPush", False))}


def _set_policies(api: Any, name: str, old: Properties, new: Properties) -> None:
    if changed(old, new, "LifecyclePolicy"):
        lifecycle = new.get("LifecyclePolicy", {}).get("LifecyclePolicyText")
        if lifecycle is None:
            api.delete_lifecycle_policy(repositoryName=name)
        else:
            api.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=text(lifecycle))
    if changed(old, new, "RepositoryPolicyText"):
        if "RepositoryPolicyText" in new:
            api.set_repository_policy(
                repositoryName=name, policyText=text(new["RepositoryPolicyText"])
            )
        else:
            api.delete_repository_policy(repositoryName=name)


def _created(repository: dict[str, Any]) -> Created:
    return Created(
        physical_id=repository["repositoryName"],
        attributes={
            "Arn": repository["repositoryArn"],
            "RepositoryUri": repository["repositoryUri"],
        },
    )
