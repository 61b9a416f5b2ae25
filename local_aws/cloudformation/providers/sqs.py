"""``AWS::SQS::*``."""

from __future__ import annotations

from typing import Any

from local_aws.cloudformation.provider import Context, Created, Properties, Provider
from local_aws.cloudformation.providers._api import (
    client,
    gone_is_fine,
    is_true,
    name_of,
    retag,
    tags,
    text,
)

GONE = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
NAME_LENGTH = 80
# Attributes by their defaults: what a property that was taken out of the template goes back to.
ATTRIBUTES = {
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "DelaySeconds": "0",
    "FifoThroughputLimit": "perQueue",
    "KmsDataKeyReusePeriodSeconds": "300",
    "KmsMasterKeyId": "",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "RedriveAllowPolicy": "",
    "RedrivePolicy": "",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": "30",
}


class Queue(Provider):
    """A queue; ``Ref`` is its URL."""

    type_names = ("AWS::SQS::Queue",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the queue."""
        attributes = _given(properties)
        fifo = is_true(properties.get("FifoQueue"))
        if fifo:
            attributes["FifoQueue"] = "true"
        suffix = ".fifo" if fifo and "QueueName" not in properties else ""
        length = NAME_LENGTH - len(suffix)
        url = client(context, "sqs").create_queue(
            QueueName=name_of(context, properties, "QueueName", max_length=length) + suffix,
            Attributes=attributes,
            tags=tags(context, properties),
        )["QueueUrl"]
        return _queue(context, url)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change attributes and tags."""
        api = client(context, "sqs")
        before, after = _given(old), _given(new)
        wanted = {name: after.get(name, ATTRIBUTES[name]) for name in {*before, *after}}
        differing = {name: value for name, value in wanted.items() if before.get(name) != value}
        if differing:
            api.set_queue_attributes(QueueUrl=physical_id, Attributes=differing)
        retag(
            context,
            old,
            new,
            put=lambda values: api.tag_queue(QueueUrl=physical_id, Tags=values),
            remove=lambda keys: api.untag_queue(QueueUrl=physical_id, TagKeys=keys),
        )
        return _queue(context, physical_id)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the queue and what is in it."""
        del properties
        with gone_is_fine(*GONE):
            client(context, "sqs").delete_queue(QueueUrl=physical_id)


class QueuePolicy(Provider):
    """The resource policy of queues; ``Ref`` is a generated id."""

    type_names = ("AWS::SQS::QueuePolicy",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Put the policy on every queue."""
        for url in properties["Queues"]:
            _put_policy(context, url, properties["PolicyDocument"])
        identifier = context.generated_name()
        return Created(physical_id=identifier, attributes={"Id": identifier})

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Put the changed policy, and none on queues that it left."""
        self._reset(context, [url for url in old["Queues"] if url not in new["Queues"]])
        for url in new["Queues"]:
            _put_policy(context, url, new["PolicyDocument"])
        return Created(physical_id=physical_id, attributes={"Id": physical_id})

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Take the policy off the queues."""
        del physical_id
        self._reset(context, properties["Queues"])

    def _reset(self, context: Context, urls: list[str]) -> None:
        for url in urls:
            with gone_is_fine(*GONE):
                _put_policy(context, url, "")


def _given(properties: Properties) -> dict[str, str]:
    return {name: text(properties[name]) for name in ATTRIBUTES if name in properties}


def _put_policy(context: Context, url: str, document: Any) -> None:
    client(context, "sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": text(document)})


def _queue(context: Context, url: str) -> Created:
    arn = client(context, "sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])[
        "Attributes"
    ]["QueueArn"]
    return Created(
        physical_id=url,
        attributes={"Arn": arn, "QueueName": arn.rsplit(":", 1)[-1], "QueueUrl": url},
    )
