"""Stacks, resources and events as the API shows them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from local_aws.cloudformation.change_sets import ChangeSet
from local_aws.cloudformation.requests import IAM_TYPES
from local_aws.cloudformation.stack import STACK_TYPE, Event, Resource, Stack
from local_aws.cloudformation.template import Template

PAGE = 100


def page(name: str, items: list[Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """One page of a list, with the token for the next."""
    start = int(request.get("NextToken") or 0)
    more = start + PAGE < len(items)
    return {name: items[start : start + PAGE], "NextToken": str(start + PAGE) if more else None}


def stack(found: Stack) -> dict[str, Any]:
    """An item of DescribeStacks."""
    configuration = found.configuration
    return {
        "StackId": found.id,
        "StackName": found.name,
        "ChangeSetId": found.change_set_id,
        "Description": configuration.template.description,
        "Parameters": [parameter.view() for parameter in configuration.parameters.values()],
        "CreationTime": found.created,
        "DeletionTime": found.deleted,
        "LastUpdatedTime": found.updated,
        "RollbackConfiguration": dict(configuration.rollback_configuration),
        "StackStatus": found.status,
        "StackStatusReason": found.reason,
        "DisableRollback": found.disable_rollback,
        "RetainExceptOnCreate": found.retain_except_on_create,
        "NotificationARNs": list(configuration.notification_arns),
        "TimeoutInMinutes": found.timeout_minutes,
        "Capabilities": list(configuration.capabilities),
        "Outputs": [
            {
                "OutputKey": output.key,
                "OutputValue": output.value,
                "Description": output.description,
                "ExportName": output.export,
            }
            for output in list(found.outputs.values())
        ],
        "RoleARN": configuration.role_arn,
        "Tags": [{"Key": key, "Value": value} for key, value in configuration.tags.items()],
        "EnableTerminationProtection": found.termination_protection,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    }


def stack_summary(found: Stack) -> dict[str, Any]:
    """An item of ListStacks."""
    return {
        "StackId": found.id,
        "StackName": found.name,
        "TemplateDescription": found.configuration.template.description,
        "CreationTime": found.created,
        "LastUpdatedTime": found.updated,
        "DeletionTime": found.deleted,
        "StackStatus": found.status,
        "StackStatusReason": found.reason,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    }


def event(found: Stack, item: Event) -> dict[str, Any]:
    """An item of DescribeStackEvents."""
    return {
        "StackId": found.id,
        "EventId": item.id,
        "StackName": found.name,
        "LogicalResourceId": item.logical_id,
        "PhysicalResourceId": item.physical_id,
        "ResourceType": item.type,
        "Timestamp": item.at,
        "ResourceStatus": item.status,
        "ResourceStatusReason": item.reason,
        "ResourceProperties": item.properties,
        "ClientRequestToken": item.token,
    }


def operation_event(found: Stack, item: Event) -> dict[str, Any]:
    """An item of DescribeEvents about a stack."""
    shown = {key: value for key, value in event(found, item).items() if key != "StackName"}
    failed = item.status.endswith("_FAILED") and item.type != STACK_TYPE
    return shown | {
        "OperationId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{found.id}/{item.token}")),
        "EventType": "PROVISIONING_ERROR" if failed else "STACK_EVENT",
    }


def resource(found: Stack, item: Resource) -> dict[str, Any]:
    """An item of DescribeStackResources."""
    return {
        "StackName": found.name,
        "StackId": found.id,
        "LogicalResourceId": item.logical_id,
        "PhysicalResourceId": item.physical_id,
        "ResourceType": item.type,
        "Timestamp": item.updated,
        "ResourceStatus": item.status,
        "ResourceStatusReason": item.reason,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }


def resource_detail(found: Stack, item: Resource) -> dict[str, Any]:
    """The answer of DescribeStackResource."""
    shown = {key: value for key, value in resource(found, item).items() if key != "Timestamp"}
    return shown | {"LastUpdatedTimestamp": item.updated}


def resource_summary(item: Resource) -> dict[str, Any]:
    """An item of ListStackResources."""
    return {
        "LogicalResourceId": item.logical_id,
        "PhysicalResourceId": item.physical_id,
        "ResourceType": item.type,
        "LastUpdatedTimestamp": item.updated,
        "ResourceStatus": item.status,
        "ResourceStatusReason": item.reason,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }


def change_set_summary(found: ChangeSet) -> dict[str, Any]:
    """An item of ListChangeSets."""
    return {
        "StackId": found.stack.id,
        "StackName": found.stack.name,
        "ChangeSetId": found.id,
        "ChangeSetName": found.name,
        "ExecutionStatus": found.execution_status,
        "Status": found.status,
        "StatusReason": found.reason,
        "CreationTime": found.created,
        "Description": found.description,
        "IncludeNestedStacks": found.include_nested,
        "ImportExistingResources": found.import_existing,
    }


def template_summary(template: Template) -> dict[str, Any]:
    """The answer of GetTemplateSummary and of ValidateTemplate."""
    types = sorted({body.type for body in template.resources.values()})
    needs_iam = any(name in IAM_TYPES for name in types)
    return {
        "Description": template.description,
        "Parameters": [
            {
                "ParameterKey": key,
                "DefaultValue": None if "Default" not in body else str(body["Default"]),
                "ParameterType": body.get("Type", "String"),
                "NoEcho": body.get("NoEcho") in (True, "true"),
                "Description": body.get("Description"),
            }
            for key, body in template.parameters.items()
        ],
        "Capabilities": ["CAPABILITY_NAMED_IAM"] if needs_iam else [],
        "ResourceTypes": types,
        "Version": "2010-09-09",
        "Metadata": str(dict(template.metadata)) if template.metadata else None,
    }
