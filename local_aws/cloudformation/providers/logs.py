"""``AWS::Logs::*``."""

from __future__ import annotations

from typing import Any

from local_aws.cloudformation.provider import Context, Created, Properties, Provider
from local_aws.cloudformation.providers._api import (
    already_exists,
    changed,
    client,
    gone_is_fine,
    name_of,
    parameters,
    retag,
    tags,
    text,
)

GONE = "ResourceNotFoundException"
NAME_LENGTH = 512


class LogGroup(Provider):
    """A log group; ``Ref`` is its name."""

    type_names = ("AWS::Logs::LogGroup",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the group, with its key and its retention."""
        api = client(context, "logs")
        name = name_of(context, properties, "LogGroupName", max_length=NAME_LENGTH)
        given = parameters(
            api,
            "create_log_group",
            properties,
            without=["LogGroupName", "RetentionInDays", "Tags"],
        )
        tagged = tags(context, properties)
        api.create_log_group(logGroupName=name, **given, **({"tags": tagged} if tagged else {}))
        if "RetentionInDays" in properties:
            self._retain(api, name, properties)
        return self._described(context, name)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change retention, key and tags."""
        api = client(context, "logs")
        if changed(old, new, "RetentionInDays"):
            if "RetentionInDays" in new:
                self._retain(api, physical_id, new)
            else:
                api.delete_retention_policy(logGroupName=physical_id)
        if changed(old, new, "KmsKeyId"):
            if "KmsKeyId" in new:
                api.associate_kms_key(logGroupName=physical_id, kmsKeyId=new["KmsKeyId"])
            else:
                api.disassociate_kms_key(logGroupName=physical_id)
        created = self._described(context, physical_id)
        arn = created.attributes["Arn"].removesuffix(":*")
        retag(
            context,
            old,
            new,
            put=lambda values: api.tag_resource(resourceArn=arn, tags=values),
            remove=lambda keys: api.untag_resource(resourceArn=arn, tagKeys=keys),
        )
        return created

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the group and its streams."""
        del properties
        with gone_is_fine(GONE):
            client(context, "logs").delete_log_group(logGroupName=physical_id)

    def _retain(self, api: Any, name: str, properties: Properties) -> None:
        api.put_retention_policy(
            logGroupName=name, retentionInDays=int(properties["RetentionInDays"])
        )

    def _described(self, context: Context, name: str) -> Created:
        found = client(context, "logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        arn = next(group["arn"] for group in found if group["logGroupName"] == name)
        return Created(physical_id=name, attributes={"Arn": arn})


class LogStream(Provider):
    """A stream of a log group; ``Ref`` is its name."""

    type_names = ("AWS::Logs::LogStream",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the stream."""
        name = name_of(context, properties, "LogStreamName", max_length=NAME_LENGTH)
        client(context, "logs").create_log_stream(
            logGroupName=properties["LogGroupName"], logStreamName=name
        )
        return Created(physical_id=name)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Nothing of a stream can change."""
        del context, old, new
        return Created(physical_id=physical_id)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the stream."""
        with gone_is_fine(GONE):
            client(context, "logs").delete_log_stream(
                logGroupName=properties["LogGroupName"], logStreamName=physical_id
            )


class MetricFilter(Provider):
    """A metric taken from log events; ``Ref`` is the filter's name."""

    type_names = ("AWS::Logs::MetricFilter",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Put the filter, which must not exist: the API would overwrite it."""
        api = client(context, "logs")
        group = properties["LogGroupName"]
        name = name_of(context, properties, "FilterName", max_length=NAME_LENGTH)
        found = api.describe_metric_filters(logGroupName=group, filterNamePrefix=name)
        if any(entry["filterName"] == name for entry in found["metricFilters"]):
            raise already_exists(context, f"{group}|{name}")
        return self._put(context, name, properties)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Put the changed filter over the existing one."""
        del old
        return self._put(context, physical_id, new)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the filter; a log group that is gone took it along."""
        with gone_is_fine(GONE):
            client(context, "logs").delete_metric_filter(
                logGroupName=properties["LogGroupName"], filterName=physical_id
            )

    def _put(self, context: Context, name: str, properties: Properties) -> Created:
        api = client(context, "logs")
        kept = {key: value for key, value in properties.items() if key != "FilterName"}
        kept["MetricTransformations"] = [
            _transformation(entry) for entry in kept["MetricTransformations"]
        ]
        api.put_metric_filter(filterName=name, **parameters(api, "put_metric_filter", kept))
        return Created(physical_id=name)


def _transformation(properties: Properties) -> Properties:
    """The template lists dimensions as keys and values, the API takes a map."""
    found = dict(properties)
    if "Dimensions" in found:
        found["Dimensions"] = {entry["Key"]: entry["Value"] for entry in found["Dimensions"]}
    return found


class ResourcePolicy(Provider):
    """What other services may do with the account's log groups; ``Ref`` is the policy's name."""

    type_names = ("AWS::Logs::ResourcePolicy",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Put the policy."""
        client(context, "logs").put_resource_policy(
            policyName=properties["PolicyName"],
            policyDocument=text(properties["PolicyDocument"]),
        )
        return Created(physical_id=properties["PolicyName"])

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Put the changed policy over the existing one."""
        del physical_id, old
        return self.create(context, new)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the policy."""
        del properties
        with gone_is_fine(GONE):
            client(context, "logs").delete_resource_policy(policyName=physical_id)
