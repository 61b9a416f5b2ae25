"""``AWS::DynamoDB::*``."""

from __future__ import annotations

import time
from typing import Any

from local_aws.cloudformation.provider import Context, Created, Properties, Provider
from local_aws.cloudformation.providers._api import (
    as_list,
    changed,
    client,
    gone_is_fine,
    is_true,
    name_of,
    parameters,
    retag,
    tag_list,
)

GONE = "ResourceNotFoundException"
NAME_LENGTH = 255
POLL_SECONDS = 0.1
# Settings that have calls of their own.
ELSEWHERE = ("TableName", "Tags", "PointInTimeRecoverySpecification", "TimeToLiveSpecification")
# What UpdateTable takes besides the indexes.
CHANGEABLE = (
    "BillingMode",
    "DeletionProtectionEnabled",
    "OnDemandThroughput",
    "ProvisionedThroughput",
    "SSESpecification",
    "StreamSpecification",
    "TableClass",
)


class Table(Provider):
    """A table; ``Ref`` is its name."""

    type_names = ("AWS::DynamoDB::Table",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the table, with recovery and expiry."""
        api = client(context, "dynamodb")
        name = name_of(context, properties, "TableName", max_length=NAME_LENGTH)
        given = parameters(api, "create_table", _as_api(properties), without=ELSEWHERE)
        api.create_table(TableName=name, Tags=tag_list(context, properties), **given)
        self._settle(api, name)
        self._put_settings(api, name, {}, properties)
        return self._described(api, name)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change the table; indexes one after the other, as the service demands."""
        api = client(context, "dynamodb")
        differing = {
            name: new[name] for name in CHANGEABLE if changed(old, new, name) and name in new
        }
        if changed(old, new, "StreamSpecification") and "StreamSpecification" not in new:
            differing["StreamSpecification"] = None
        if differing:
            given = parameters(api, "update_table", _as_api(differing))
            api.update_table(TableName=physical_id, **given)
            self._settle(api, physical_id)
        self._update_indexes(api, physical_id, old, new)
        self._put_settings(api, physical_id, old, new)
        created = self._described(api, physical_id)
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
        """Delete the table and wait until it is gone."""
        del properties
        api = client(context, "dynamodb")
        with gone_is_fine(GONE):
            api.delete_table(TableName=physical_id)
            while True:
                api.describe_table(TableName=physical_id)
                time.sleep(POLL_SECONDS)

    def replaces(self, old: Properties, new: Properties) -> bool:
        """Keys and local indexes are fixed when the table is made."""
        return changed(old, new, "KeySchema", "LocalSecondaryIndexes")

    def _settle(self, api: Any, name: str) -> None:
        while True:
            table = api.describe_table(TableName=name)["Table"]
            indexes = table.get("GlobalSecondaryIndexes", [])
            states = {table["TableStatus"], *(index["IndexStatus"] for index in indexes)}
            if states == {"ACTIVE"}:
                return
            time.sleep(POLL_SECONDS)

    def _update_indexes(self, api: Any, name: str, old: Properties, new: Properties) -> None:
        before = {index["IndexName"]: index for index in old.get("GlobalSecondaryIndexes", [])}
        after = {index["IndexName"]: index for index in new.get("GlobalSecondaryIndexes", [])}
        steps: list[dict[str, Any]] = [
            {"Delete": {"IndexName": index}} for index in before if index not in after
        ]
        for index, value in after.items():
            if index not in before:
                steps.append({"Create": value})
            elif changed(before[index], value, "ProvisionedThroughput"):
                throughput = value["ProvisionedThroughput"]
                update = {"IndexName": index, "ProvisionedThroughput": throughput}
                steps.append({"Update": update})
        for step in steps:
            change = {"GlobalSecondaryIndexUpdates": [step]}
            if "Create" in step:
                change["AttributeDefinitions"] = new["AttributeDefinitions"]
            api.update_table(TableName=name, **parameters(api, "update_table", change))
            self._settle(api, name)

    def _put_settings(self, api: Any, name: str, old: Properties, new: Properties) -> None:
        if changed(old, new, "PointInTimeRecoverySpecification"):
            recovery = new.get("PointInTimeRecoverySpecification", {})
            enabled = is_true(recovery.get("PointInTimeRecoveryEnabled"))
            api.update_continuous_backups(
                TableName=name,
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled},
            )
        if changed(old, new, "TimeToLiveSpecification"):
            expiry = new.get("TimeToLiveSpecification") or {
                **old["TimeToLiveSpecification"],
                "Enabled": False,
            }
            given = parameters(api, "update_time_to_live", {"TimeToLiveSpecification": expiry})
            api.update_time_to_live(TableName=name, **given)

    def _described(self, api: Any, name: str) -> Created:
        table = api.describe_table(TableName=name)["Table"]
        attributes = {"Arn": table["TableArn"]}
        if "LatestStreamArn" in table:
            attributes["StreamArn"] = table["LatestStreamArn"]
        return Created(physical_id=name, attributes=attributes)


def _as_api(properties: Properties) -> Properties:
    """Where the template's words differ from the API's."""
    found = dict(properties)
    if "SSESpecification" in found:
        specification = dict(found["SSESpecification"])
        specification["Enabled"] = specification.pop("SSEEnabled")
        found["SSESpecification"] = specification
    if "StreamSpecification" in found:
        stream = found["StreamSpecification"]
        found["StreamSpecification"] = (
            {"StreamEnabled": False} if stream is None else {**stream, "StreamEnabled": True}
        )
    return found
