"""``AWS::CloudWatch::*``. `Ref` is the name of each of these."""

from __future__ import annotations

from typing import Any, ClassVar

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
    text,
)

NAME_LENGTH = 255


class _AnyAlarm(Provider):
    """What metric and composite alarms have in common."""

    operation: ClassVar[str]

    def create(self, context: Context, properties: Properties) -> Created:
        """Put the alarm, which must not exist: the API would overwrite it."""
        name = name_of(context, properties, "AlarmName", max_length=NAME_LENGTH)
        if self._arn(context, name) is not None:
            raise already_exists(context, name)
        return self._put(context, name, properties, Tags=tag_list(context, properties))

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Put the changed alarm over the existing one."""
        created = self._put(context, physical_id, new)
        _retag(context, created.attributes["Arn"], old, new)
        return created

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the alarm."""
        del properties
        with gone_is_fine("ResourceNotFound", "ResourceNotFoundException"):
            client(context, "cloudwatch").delete_alarms(AlarmNames=[physical_id])

    def _put(self, context: Context, name: str, properties: Properties, **tagged: Any) -> Created:
        api = client(context, "cloudwatch")
        given = parameters(api, self.operation, properties, without=["AlarmName", "Tags"])
        getattr(api, self.operation)(AlarmName=name, **given, **tagged)
        arn = self._arn(context, name)
        if arn is None:
            raise ResourceError(f"Alarm {name} did not stabilize.")
        return Created(physical_id=name, attributes={"Arn": arn})

    def _arn(self, context: Context, name: str) -> str | None:
        answer = client(context, "cloudwatch").describe_alarms(
            AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        found = answer.get("MetricAlarms", []) + answer.get("CompositeAlarms", [])
        return found[0]["AlarmArn"] if found else None


class Alarm(_AnyAlarm):
    """An alarm on a metric or a metric expression."""

    type_names = ("AWS::CloudWatch::Alarm",)
    operation = "put_metric_alarm"


class CompositeAlarm(_AnyAlarm):
    """An alarm on the states of other alarms."""

    type_names = ("AWS::CloudWatch::CompositeAlarm",)
    operation = "put_composite_alarm"


class Dashboard(Provider):
    """A dashboard."""

    type_names = ("AWS::CloudWatch::Dashboard",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Put the dashboard, which must not exist: the API would overwrite it."""
        api = client(context, "cloudwatch")
        name = name_of(context, properties, "DashboardName", max_length=NAME_LENGTH)
        listed = api.list_dashboards(DashboardNamePrefix=name)["DashboardEntries"]
        if any(entry["DashboardName"] == name for entry in listed):
            raise already_exists(context, name)
        return self._put(context, name, properties)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Put the changed dashboard over the existing one."""
        del old
        return self._put(context, physical_id, new)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the dashboard."""
        del properties
        with gone_is_fine("ResourceNotFound", "DashboardNotFoundError"):
            client(context, "cloudwatch").delete_dashboards(DashboardNames=[physical_id])

    def _put(self, context: Context, name: str, properties: Properties) -> Created:
        client(context, "cloudwatch").put_dashboard(
            DashboardName=name, DashboardBody=text(properties["DashboardBody"])
        )
        return Created(physical_id=name)


def _retag(context: Context, arn: str, old: Properties, new: Properties) -> None:
    api = client(context, "cloudwatch")
    retag(
        context,
        old,
        new,
        put=lambda values: api.tag_resource(ResourceARN=arn, Tags=as_list(values)),
        remove=lambda keys: api.untag_resource(ResourceARN=arn, TagKeys=keys),
    )
