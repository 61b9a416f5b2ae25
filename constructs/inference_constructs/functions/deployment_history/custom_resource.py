"""Writes each deployment of an endpoint down, and deletes the configs and models beyond.

The resource's physical id is the deployment. CloudFormation deletes a replaced id in the clean-up,
after everything else of the update has succeeded: only then is anything let go. After a rollback it
deletes the new id instead, or updates back to the old properties, or both; the stack's status tells
which of all that is going on.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes-delete.html
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3

from ..custom_resource import Event, respond
from .history import History
from .record import Deployment, Record

Properties = dict[str, Any]


class NotServedError(RuntimeError):
    """The endpoint does not serve the config that was deployed."""


def handler(event: Event, context: object) -> None:
    """Answers CloudFormation.

    Args:
        event: the request; the properties are `EndpointName`, `ConfigName`, `Keep`,
            `RetainedProperties` and `KeepOnDeletion`.
        context: Lambda's context; unused.
    """
    properties = event["ResourceProperties"]
    names = (properties[name] for name in ("EndpointName", "ConfigName", "Keep"))
    respond(event, _handle, physical_id="/".join(names))


def _handle(event: Event) -> None:
    properties, old = event["ResourceProperties"], event.get("OldResourceProperties")
    history = History(boto3.client("sagemaker"), properties["EndpointName"])
    status = _stack_status(boto3.client("cloudformation"), event["StackId"])
    if status.startswith("UPDATE_ROLLBACK"):
        failed = _deployment(properties if old is None else old)
        rolled_back(history, failed)
    elif event["RequestType"] == "Delete":
        deleted(history, properties, stack_goes=not status.startswith("UPDATE"))
    else:
        deployed(history, properties, old)


def deployed(history: History, properties: Properties, old: Properties | None) -> None:
    """Writes down that the stack deployed a config, or another number of configs to keep.

    Args:
        history: the endpoint's deployments.
        properties: of the resource.
        old: its properties before; None if it is new.

    Raises:
        NotServedError: SageMaker took the endpoint back to another config, and told no one.
    """
    new, before = _deployment(properties), None
    if old is not None and old["EndpointName"] == properties["EndpointName"]:
        before = _deployment(old)
    # After a rollback beside CloudFormation, another number of configs is no other config.
    moved = before is None or before.config != new.config
    if moved:
        _check_served(history, new.config)
    since = new if before is None else before
    record = history.read(since.config)
    if record is None:
        record = Record(live=since.config, deployed=since)
    if moved and since.config != record.live and since.config not in record.previous:
        # Deployed while there was no endpoint to write it on.
        record = record.moved_to(since.config)
    if moved:
        record = record.moved_to(new.config)
    retained = tuple(properties.get("RetainedProperties", ()))
    history.write(replace(record, deployed=new, superseded=before, retained_properties=retained))


def rolled_back(history: History, failed: Deployment) -> None:
    """Takes back what was written down of a deployment that CloudFormation rolled back.

    Args:
        history: the endpoint's deployments.
        failed: the deployment.
    """
    record = history.read(failed.config)
    if record is None:
        return
    if record.deployed == failed and record.superseded is not None:
        record = replace(record, deployed=record.superseded)
    if record.live == failed.config:
        # There is no endpoint to tell what is live.
        record = record.moved_to(record.deployed.config)
    history.write(replace(record.without([failed.config]), superseded=None))


def deleted(history: History, properties: Properties, *, stack_goes: bool) -> None:
    """Lets go of what is beyond, or of everything when the history itself goes.

    Args:
        history: the endpoint's deployments.
        properties: of the deleted resource.
        stack_goes: whether the stack is deleted, rather than updated.
    """
    record = history.read(properties["ConfigName"])
    if record is None:
        return
    if stack_goes or record.deployed == _deployment(properties):
        # Of an update: no deployment came after this one, so the resource left the template.
        if properties.get("KeepOnDeletion") != "true":
            _end(history, record, stack_goes=stack_goes)
        return
    history.delete(record.beyond, kept=record.kept)
    history.write(replace(record.without(record.beyond), superseded=None))


def _end(history: History, record: Record, *, stack_goes: bool) -> None:
    stack_config = record.deployed.config
    gone = [config for config in record.previous if config != stack_config]
    kept = {record.live, stack_config}
    if stack_goes and record.live != stack_config:
        # Live after a rollback beside CloudFormation, and so not CloudFormation's to delete.
        gone.append(record.live)
        kept = {stack_config}
    history.delete(gone, kept=kept)
    history.forget(record)


def _check_served(history: History, config: str) -> None:
    endpoint = history.endpoint()
    # Closed outside of office hours, it has nothing to tell.
    if endpoint is not None and endpoint["EndpointConfigName"] != config:
        raise NotServedError(
            f"the endpoint {endpoint['EndpointName']} serves {endpoint['EndpointConfigName']} "
            f"instead of {config}: {endpoint.get('FailureReason', 'the update was rolled back')}"
        )


def _deployment(properties: Properties) -> Deployment:
    return Deployment(config=properties["ConfigName"], keep=int(properties["Keep"]))


def _stack_status(cloudformation: Any, stack_id: str) -> str:
    [stack] = cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
    return str(stack["StackStatus"])
