"""``AWS::StepFunctions::*``."""

from __future__ import annotations

import json
import re
from typing import Any

from local_aws.cloudformation.provider import (
    Context,
    Created,
    Properties,
    Provider,
    ResourceError,
)
from local_aws.cloudformation.providers._api import (
    client,
    gone_is_fine,
    name_of,
    parameters,
    retag,
    tags,
    text,
)

NAME_LENGTH = 80
DEFINITION = (
    "Definition",
    "DefinitionString",
    "DefinitionS3Location",
    "DefinitionSubstitutions",
)
# What a property that was taken out of the template goes back to.
DEFAULTS: dict[str, Any] = {
    "LoggingConfiguration": {"Level": "OFF", "IncludeExecutionData": False, "Destinations": []},
    "TracingConfiguration": {"Enabled": False},
    "EncryptionConfiguration": {"Type": "AWS_OWNED_KEY"},
}


class StateMachine(Provider):
    """A state machine; ``Ref`` is its ARN."""

    type_names = ("AWS::StepFunctions::StateMachine",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the state machine."""
        api = client(context, "stepfunctions")
        given = parameters(
            api,
            "create_state_machine",
            {_renamed(name): value for name, value in properties.items()},
            without=["Name", "Tags", *DEFINITION],
        )
        arn = api.create_state_machine(
            name=name_of(context, properties, "StateMachineName", max_length=NAME_LENGTH),
            definition=_definition(context, properties),
            tags=_tag_list(tags(context, properties)),
            **given,
        )["stateMachineArn"]
        return self._described(context, arn)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change definition, role, logging, tracing and tags; what runs is not touched."""
        api = client(context, "stepfunctions")
        dropped = {name: value for name, value in DEFAULTS.items() if name in old}
        given = parameters(
            api,
            "update_state_machine",
            {**dropped, **new},
            without=["StateMachineName", "StateMachineType", "Tags", *DEFINITION],
        )
        api.update_state_machine(
            stateMachineArn=physical_id, definition=_definition(context, new), **given
        )
        retag(
            context,
            old,
            new,
            put=lambda values: api.tag_resource(resourceArn=physical_id, tags=_tag_list(values)),
            remove=lambda keys: api.untag_resource(resourceArn=physical_id, tagKeys=keys),
        )
        return self._described(context, physical_id)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the state machine."""
        del properties
        with gone_is_fine("StateMachineDoesNotExist"):
            client(context, "stepfunctions").delete_state_machine(stateMachineArn=physical_id)

    def _described(self, context: Context, arn: str) -> Created:
        found = client(context, "stepfunctions").describe_state_machine(stateMachineArn=arn)
        attributes = {"Arn": arn, "Name": found["name"]}
        if "revisionId" in found:
            attributes["StateMachineRevisionId"] = found["revisionId"]
        return Created(physical_id=arn, attributes=attributes)


def _renamed(name: str) -> str:
    return {"StateMachineName": "Name", "StateMachineType": "Type"}.get(name, name)


def _tag_list(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def _definition(context: Context, properties: Properties) -> str:
    """The definition as JSON text, from any of its three places, substitutions made."""
    if "DefinitionS3Location" in properties:
        place = properties["DefinitionS3Location"]
        version = {"VersionId": place["Version"]} if "Version" in place else {}
        answer = client(context, "s3").get_object(
            Bucket=place["Bucket"], Key=place["Key"], **version
        )
        definition: str = answer["Body"].read().decode()
    elif "DefinitionString" in properties:
        definition = text(properties["DefinitionString"])
    elif "Definition" in properties:
        definition = json.dumps(properties["Definition"])
    else:
        raise ResourceError(
            "Property validation failure: one of DefinitionString, Definition, "
            "DefinitionS3Location is required"
        )
    values = properties.get("DefinitionSubstitutions", {})
    if not values:
        return definition
    pattern = "|".join(re.escape(name) for name in values)
    return re.sub(rf"\$\{{({pattern})\}}", lambda found: text(values[found[1]]), definition)
