"""``AWS::Events::*``."""

from __future__ import annotations

from typing import Any

from local_aws.cloudformation.provider import (
    Context,
    Created,
    Properties,
    Provider,
    ResourceError,
)
from local_aws.cloudformation.providers._api import (
    already_exists,
    as_list,
    client,
    gone_is_fine,
    name_of,
    parameters,
    retag,
    tag_list,
)

GONE = "ResourceNotFoundException"
NAME_LENGTH = 64


class Rule(Provider):
    """A rule; ``Ref`` is its name, with the bus before it where that is not the default one."""

    type_names = ("AWS::Events::Rule",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Put the rule, which must not exist: the API would overwrite it."""
        api = client(context, "events")
        name = name_of(context, properties, "Name", max_length=NAME_LENGTH)
        listed = api.list_rules(NamePrefix=name, **_bus(properties))["Rules"]
        if any(rule["Name"] == name for rule in listed):
            raise already_exists(context, name)
        return self._put(context, name, properties, Tags=tag_list(context, properties))

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Put the changed rule over the existing one, and take away targets that it left."""
        api = client(context, "events")
        name = _name(physical_id)
        kept = {target["Id"] for target in new.get("Targets", [])}
        stale = [target["Id"] for target in old.get("Targets", []) if target["Id"] not in kept]
        if stale:
            api.remove_targets(Rule=name, Ids=stale, **_bus(old))
        created = self._put(context, name, new)
        arn = created.attributes["Arn"]
        retag(
            context,
            old,
            new,
            put=lambda values: api.tag_resource(ResourceARN=arn, Tags=as_list(values)),
            remove=lambda keys: api.untag_resource(ResourceARN=arn, TagKeys=keys),
        )
        return created

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the rule and its targets."""
        api = client(context, "events")
        name, bus = _name(physical_id), _bus(properties)
        with gone_is_fine(GONE):
            targets = api.list_targets_by_rule(Rule=name, **bus)["Targets"]
            if targets:
                api.remove_targets(Rule=name, Ids=[target["Id"] for target in targets], **bus)
            api.delete_rule(Name=name, **bus)

    def replaces(self, old: Properties, new: Properties) -> bool:
        """A rule cannot move to another bus."""
        return bool(old.get("EventBusName") != new.get("EventBusName"))

    def _put(self, context: Context, name: str, properties: Properties, **tagged: Any) -> Created:
        api = client(context, "events")
        given = parameters(api, "put_rule", properties, without=["Name", "Tags", "Targets"])
        arn = api.put_rule(Name=name, **given, **tagged)["RuleArn"]
        targets = properties.get("Targets", [])
        if targets:
            answer = api.put_targets(
                Rule=name,
                **_bus(properties),
                **parameters(api, "put_targets", {"Targets": targets}),
            )
            if answer["FailedEntryCount"]:
                raise ResourceError(answer["FailedEntries"][0]["ErrorMessage"], physical_id=name)
        bus = properties.get("EventBusName", "default").rsplit("/", 1)[-1]
        return Created(
            physical_id=name if bus == "default" else f"{bus}|{name}",
            attributes={"Arn": arn, "RuleName": name},
        )


def _name(physical_id: str) -> str:
    return physical_id.rsplit("|", 1)[-1]


def _bus(properties: Properties) -> dict[str, str]:
    return {"EventBusName": properties["EventBusName"]} if "EventBusName" in properties else {}


class EventBus(Provider):
    """An event bus; ``Ref`` is its name."""

    type_names = ("AWS::Events::EventBus",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the bus."""
        api = client(context, "events")
        given = parameters(api, "create_event_bus", properties, without=["Tags", "Policy"])
        if "Policy" in properties:
            raise ResourceError("property /Policy is not supported by the local AWS")
        arn = api.create_event_bus(Tags=tag_list(context, properties), **given)["EventBusArn"]
        name = properties["Name"]
        return Created(physical_id=name, attributes={"Arn": arn, "Name": name})

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change the tags."""
        api = client(context, "events")
        arn = api.describe_event_bus(Name=physical_id)["Arn"]
        retag(
            context,
            old,
            new,
            put=lambda values: api.tag_resource(ResourceARN=arn, Tags=as_list(values)),
            remove=lambda keys: api.untag_resource(ResourceARN=arn, TagKeys=keys),
        )
        return Created(physical_id=physical_id, attributes={"Arn": arn, "Name": physical_id})

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the bus."""
        del properties
        with gone_is_fine(GONE):
            client(context, "events").delete_event_bus(Name=physical_id)
