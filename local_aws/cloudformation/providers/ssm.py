"""``AWS::SSM::*``."""

from __future__ import annotations

from local_aws.cloudformation.provider import Context, Created, Properties, Provider
from local_aws.cloudformation.providers._api import (
    changed,
    client,
    gone_is_fine,
    retag,
    tag_list,
)

_SETTINGS = ("AllowedPattern", "DataType", "Description", "Policies", "Tier", "Type", "Value")


class Parameter(Provider):
    """A parameter; ``Ref`` is its name."""

    type_names = ("AWS::SSM::Parameter",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Put the parameter; one of that name must not exist."""
        name = properties.get("Name") or f"CFN-{context.logical_id}-{context.token}"
        client(context, "ssm").put_parameter(
            Name=name, **_settings(properties), Tags=tag_list(context, properties)
        )
        return _created(name, properties)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Put it anew, and change its tags."""
        api = client(context, "ssm")
        if changed(old, new):
            api.put_parameter(Name=physical_id, Overwrite=True, **_settings(new))
        target = {"ResourceType": "Parameter", "ResourceId": physical_id}
        retag(
            context,
            old,
            new,
            put=lambda found: api.add_tags_to_resource(
                **target, Tags=[{"Key": key, "Value": value} for key, value in found.items()]
            ),
            remove=lambda keys: api.remove_tags_from_resource(**target, TagKeys=keys),
        )
        return _created(physical_id, new)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the parameter."""
        with gone_is_fine("ParameterNotFound"):
            client(context, "ssm").delete_parameter(Name=physical_id)


def _settings(properties: Properties) -> Properties:
    return {name: properties[name] for name in _SETTINGS if name in properties}


def _created(name: str, properties: Properties) -> Created:
    return Created(
        physical_id=name,
        attributes={"Type": properties["Type"], "Value": properties["Value"]},
    )
