"""``AWS::SecretsManager::*``."""

from __future__ import annotations

import json
from typing import Any

from local_aws.cloudformation.provider import (
    Context,
    Created,
    Properties,
    Provider,
    ResourceError,
)
from local_aws.cloudformation.providers._api import (
    as_list,
    changed,
    client,
    gone_is_fine,
    name_of,
    parameters,
    retag,
    tag_list,
)

NAME_LENGTH = 512


class Secret(Provider):
    """A secret; ``Ref`` is its ARN."""

    type_names = ("AWS::SecretsManager::Secret",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the secret, with a given or a generated value."""
        api = client(context, "secretsmanager")
        given = parameters(
            api,
            "create_secret",
            properties,
            without=["Name", "Tags", "SecretString", "GenerateSecretString", "ReplicaRegions"],
        )
        if properties.get("ReplicaRegions"):
            raise ResourceError("property /ReplicaRegions is not supported by the local AWS")
        arn = api.create_secret(
            Name=name_of(context, properties, "Name", max_length=NAME_LENGTH),
            Tags=tag_list(context, properties),
            **self._value(api, properties),
            **given,
        )["ARN"]
        return Created(physical_id=arn, attributes={"Id": arn})

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change description, key and tags; the value only where the template changes it."""
        api = client(context, "secretsmanager")
        differs = changed(old, new, "SecretString", "GenerateSecretString")
        api.update_secret(
            SecretId=physical_id,
            Description=new.get("Description", ""),
            **({"KmsKeyId": new["KmsKeyId"]} if "KmsKeyId" in new else {}),
            **(self._value(api, new) if differs else {}),
        )
        retag(
            context,
            old,
            new,
            put=lambda values: api.tag_resource(SecretId=physical_id, Tags=as_list(values)),
            remove=lambda keys: api.untag_resource(SecretId=physical_id, TagKeys=keys),
        )
        return Created(physical_id=physical_id, attributes={"Id": physical_id})

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the secret at once, as CloudFormation does."""
        del properties
        with gone_is_fine("ResourceNotFoundException"):
            client(context, "secretsmanager").delete_secret(
                SecretId=physical_id, ForceDeleteWithoutRecovery=True
            )

    def _value(self, api: Any, properties: Properties) -> dict[str, str]:
        if "SecretString" in properties:
            return {"SecretString": properties["SecretString"]}
        if "GenerateSecretString" not in properties:
            return {}
        how = properties["GenerateSecretString"]
        key, template = how.get("GenerateStringKey"), how.get("SecretStringTemplate")
        given = parameters(
            api, "get_random_password", how, without=["GenerateStringKey", "SecretStringTemplate"]
        )
        password = api.get_random_password(**given)["RandomPassword"]
        if key is None or template is None:
            return {"SecretString": password}
        return {"SecretString": json.dumps({**json.loads(template), key: password})}
