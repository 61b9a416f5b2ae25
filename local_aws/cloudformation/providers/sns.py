"""``AWS::SNS::*``."""

from __future__ import annotations

import json
from typing import Any

from local_aws.cloudformation.provider import Context, Created, Properties, Provider
from local_aws.cloudformation.providers._api import (
    as_list,
    changed,
    client,
    gone_is_fine,
    is_true,
    name_of,
    retag,
    tag_list,
    text,
)

GONE = ("NotFound", "NotFoundException", "ResourceNotFoundException")
TOPIC_NAME_LENGTH = 256
# Attributes by their defaults: what a property that was taken out of the template goes back to.
TOPIC_ATTRIBUTES = {
    "DisplayName": "",
    "KmsMasterKeyId": "",
    "SignatureVersion": "1",
    "TracingConfig": "PassThrough",
    "ContentBasedDeduplication": "false",
    "FifoThroughputScope": "Topic",
    "ArchivePolicy": "{}",
}
SUBSCRIPTION_ATTRIBUTES = {
    "DeliveryPolicy": "{}",
    "FilterPolicy": "{}",
    "FilterPolicyScope": "MessageAttributes",
    "RawMessageDelivery": "false",
    "RedrivePolicy": "{}",
    "SubscriptionRoleArn": "",
}


class Topic(Provider):
    """A topic; ``Ref`` is its ARN."""

    type_names = ("AWS::SNS::Topic",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Make the topic with its inline subscriptions."""
        api = client(context, "sns")
        fifo = is_true(properties.get("FifoTopic"))
        attributes = _given(properties, TOPIC_ATTRIBUTES) | _delivery_logging(properties)
        if fifo:
            attributes["FifoTopic"] = "true"
        if "DataProtectionPolicy" in properties:
            attributes["DataProtectionPolicy"] = text(properties["DataProtectionPolicy"])
        suffix = ".fifo" if fifo and "TopicName" not in properties else ""
        length = TOPIC_NAME_LENGTH - len(suffix)
        arn = api.create_topic(
            Name=name_of(context, properties, "TopicName", max_length=length) + suffix,
            Attributes=attributes,
            Tags=tag_list(context, properties),
        )["TopicArn"]
        for subscription in properties.get("Subscription", []):
            api.subscribe(TopicArn=arn, **subscription)
        return _topic(arn)

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change attributes, tags and inline subscriptions."""
        api = client(context, "sns")
        before = _given(old, TOPIC_ATTRIBUTES) | _delivery_logging(old)
        after = _given(new, TOPIC_ATTRIBUTES) | _delivery_logging(new)
        for name in {*before, *after}:
            value = after.get(name, TOPIC_ATTRIBUTES.get(name, ""))
            if value != before.get(name):
                api.set_topic_attributes(
                    TopicArn=physical_id, AttributeName=name, AttributeValue=value
                )
        retag(
            context,
            old,
            new,
            put=lambda values: api.tag_resource(ResourceArn=physical_id, Tags=as_list(values)),
            remove=lambda keys: api.untag_resource(ResourceArn=physical_id, TagKeys=keys),
        )
        if changed(old, new, "Subscription"):
            self._resubscribe(context, physical_id, old, new)
        return _topic(physical_id)

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Delete the topic; its subscriptions go with it."""
        del properties
        with gone_is_fine(*GONE):
            client(context, "sns").delete_topic(TopicArn=physical_id)

    def _resubscribe(self, context: Context, arn: str, old: Properties, new: Properties) -> None:
        api = client(context, "sns")
        before, after = old.get("Subscription", []), new.get("Subscription", [])
        pages = api.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn)
        for found in (entry for page in pages for entry in page["Subscriptions"]):
            own = {"Protocol": found["Protocol"], "Endpoint": found["Endpoint"]}
            if own in before and own not in after:
                api.unsubscribe(SubscriptionArn=found["SubscriptionArn"])
        for subscription in after:
            if subscription not in before:
                api.subscribe(TopicArn=arn, **subscription)


class TopicPolicy(Provider):
    """The resource policy of topics; ``Ref`` is a generated id."""

    type_names = ("AWS::SNS::TopicPolicy",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Put the policy on every topic."""
        for arn in properties["Topics"]:
            _put_policy(context, arn, properties["PolicyDocument"])
        identifier = context.generated_name()
        return Created(physical_id=identifier, attributes={"Id": identifier})

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Put the changed policy, and the default one on topics that it left."""
        self._reset(context, [arn for arn in old["Topics"] if arn not in new["Topics"]])
        for arn in new["Topics"]:
            _put_policy(context, arn, new["PolicyDocument"])
        return Created(physical_id=physical_id, attributes={"Id": physical_id})

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Put the default policy on the topics."""
        del physical_id
        self._reset(context, properties["Topics"])

    def _reset(self, context: Context, arns: list[str]) -> None:
        for arn in arns:
            with gone_is_fine(*GONE):
                _put_policy(context, arn, _default_policy(arn))


class Subscription(Provider):
    """A subscription to a topic; ``Ref`` is its ARN."""

    type_names = ("AWS::SNS::Subscription",)

    def create(self, context: Context, properties: Properties) -> Created:
        """Subscribe."""
        arn = client(context, "sns").subscribe(
            TopicArn=properties["TopicArn"],
            Protocol=properties["Protocol"],
            Endpoint=properties.get("Endpoint", ""),
            Attributes=_given(properties, SUBSCRIPTION_ATTRIBUTES),
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        return Created(physical_id=arn, attributes={"Arn": arn})

    def update(
        self, context: Context, physical_id: str, old: Properties, new: Properties
    ) -> Created:
        """Change attributes."""
        before, after = (_given(given, SUBSCRIPTION_ATTRIBUTES) for given in (old, new))
        for name in {*before, *after}:
            value = after.get(name, SUBSCRIPTION_ATTRIBUTES[name])
            if value != before.get(name):
                client(context, "sns").set_subscription_attributes(
                    SubscriptionArn=physical_id, AttributeName=name, AttributeValue=value
                )
        return Created(physical_id=physical_id, attributes={"Arn": physical_id})

    def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        """Unsubscribe."""
        del properties
        with gone_is_fine(*GONE):
            client(context, "sns").unsubscribe(SubscriptionArn=physical_id)


def _topic(arn: str) -> Created:
    return Created(
        physical_id=arn, attributes={"TopicArn": arn, "TopicName": arn.rsplit(":", 1)[-1]}
    )


def _given(properties: Properties, names: dict[str, str]) -> dict[str, str]:
    return {name: text(properties[name]) for name in names if name in properties}


def _delivery_logging(properties: Properties) -> dict[str, str]:
    attributes: dict[str, str] = {}
    for entry in properties.get("DeliveryStatusLogging", []):
        # "http/s" and "application" of the template are HTTP and Application in attribute names.
        protocol = {"http/s": "HTTP", "sqs": "SQS"}.get(
            entry["Protocol"], entry["Protocol"].capitalize()
        )
        for name in (
            "SuccessFeedbackRoleArn",
            "SuccessFeedbackSampleRate",
            "FailureFeedbackRoleArn",
        ):
            if name in entry:
                attributes[protocol + name] = text(entry[name])
    return attributes


def _put_policy(context: Context, arn: str, document: Any) -> None:
    client(context, "sns").set_topic_attributes(
        TopicArn=arn, AttributeName="Policy", AttributeValue=text(document)
    )


def _default_policy(arn: str) -> str:
    """What SNS gives a new topic: everything for its own account, nothing for others."""
    actions = ["GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission"]
    actions += ["DeleteTopic", "Subscribe", "ListSubscriptionsByTopic", "Publish"]
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in actions],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": arn.split(":")[4]}},
    }
    return json.dumps(
        {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
    )
