"""``AWS::Scheduler::*``. `Ref` is the name of each of these."""

from __future__ import annotations

from local_aws.cloudformation.provider import Context, Created, Properties, Provider
from local_aws.cloudformation.providers._api import (
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


class Schedule(Provider):
    """A schedule."""

    type_names = ("AWS::Scheduler::Schedule",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the schedule."""
        api = client(context, "scheduler")
        name = name_of(context, properties, "Name", max_length=NAME_LENGTH)
        given = parameters(api, "create_schedule", properties, without=["Name"])
        arn = api.create_schedule(Name=name, **given)["ScheduleArn"]
        return Created(physical_id=name, attributes={"Arn": arn})

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change the schedule; what is not given goes back to its default."""
        del old
        api = client(context, "scheduler")
        given = parameters(api, "update_schedule", new, without=["Name"])
        arn = api.update_schedule(Name=physical_id, **given)["ScheduleArn"]
        return Created(physical_id=physical_id, attributes={"Arn": arn})

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the schedule; a group that is gone took it along."""
        group = {"GroupName": properties["GroupName"]} if "GroupName" in properties else {}
        with gone_is_fine(GONE):
            client(context, "scheduler").delete_schedule(Name=physical_id, **group)

    def replaces(self, old: Properties, new: Properties) -> bool:
        """A schedule cannot move to another group."""
        return bool(old.get("GroupName") != new.get("GroupName"))


class ScheduleGroup(Provider):
    """A group of schedules."""

    type_names = ("AWS::Scheduler::ScheduleGroup",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the group."""
        name = name_of(context, properties, "Name", max_length=NAME_LENGTH)
        client(context, "scheduler").create_schedule_group(
            Name=name, Tags=tag_list(context, properties)
        )
        return self._described(context, name)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change the tags."""
        api = client(context, "scheduler")
        created = self._described(context, physical_id)
        arn = created.attributes["Arn"]
        retag(
            context,
            old,
            new,
            put=lambda values: api.tag_resource(ResourceArn=arn, Tags=as_list(values)),
            remove=lambda keys: api.untag_resource(ResourceArn=arn, TagKeys=keys),
        )
        return created

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the group and its schedules."""
        del properties
        api = client(context, "scheduler")
        with gone_is_fine(GONE):
            api.get_schedule_group(Name=physical_id)
            api.delete_schedule_group(Name=physical_id)

    def _described(self, context: Context, name: str) -> Created:
        found = client(context, "scheduler").get_schedule_group(Name=name)
        attributes = {"Arn": found["Arn"], "State": found["State"]}
        for key in ("CreationDate", "LastModificationDate"):
            if key in found:
                attributes[key] = found[key].isoformat()
        return Created(physical_id=name, attributes=attributes)
