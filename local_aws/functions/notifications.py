"""Messages of SNS topics on their way to functions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.sns.models import Subscription

from local_aws.functions.function import LiveFunction
from local_aws.functions.report import now
from local_aws.permissions.services import ServiceCall, ServiceDenied, authorize


def install() -> None:
    """Send subscribed functions the event that SNS sends, if their policy lets SNS invoke them."""
    Subscription.publish = _publishing(Subscription.publish)  # type: ignore[method-assign]


def _publishing(otherwise: Callable[..., None]) -> Callable[..., None]:
    def publish(
        self: Subscription, message: str, message_id: str, subject: str | None = None, **given: Any
    ) -> None:
        if self.protocol != "lambda":
            otherwise(self, message, message_id, subject=subject, **given)
            return
        attributes = given.get("message_attributes") or {}
        matcher = self._filter_policy_matcher
        if matcher is not None and not matcher.matches(attributes, message):
            return
        if given.get("message_structure") == "json":
            message = self._parse_message_structure(message, self.protocol)
        _deliver(self, _event(self, message, message_id, subject, attributes))

    return publish


def _deliver(subscription: Subscription, event: dict[str, Any]) -> None:
    arn = subscription.endpoint
    region, account = arn.split(":")[3:5]
    function = lambda_backends[account][region].get_function_by_arn(arn)
    call = ServiceCall(
        service="sns.amazonaws.com",
        account=account,
        region=region,
        source_arn=subscription.topic.arn,
    )
    try:
        authorize(call, "lambda:InvokeFunction", arn)
    except ServiceDenied:
        # The publisher is not told: AWS counts it in NumberOfNotificationsFailed.
        return
    if isinstance(function, LiveFunction):
        LiveFunction.invoker.invoke_later(function, json.dumps(event), arn=arn)


def _event(
    subscription: Subscription,
    message: str,
    message_id: str,
    subject: str | None,
    attributes: dict[str, Any],
) -> dict[str, Any]:
    topic = subscription.topic.arn
    region = topic.split(":")[3]
    unsubscribe = f"?Action=Unsubscribe&SubscriptionArn={subscription.arn}"
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": subscription.arn,
                "Sns": {
                    "Type": "Notification",
                    "MessageId": message_id,
                    "TopicArn": topic,
                    "Subject": subject,
                    "Message": message,
                    "Timestamp": now(),
                    "MessageAttributes": {
                        name: {"Type": value["Type"], "Value": value["Value"]}
                        for name, value in attributes.items()
                    },
                    "UnsubscribeUrl": f"https://sns.{region}.amazonaws.com/{unsubscribe}",
                },
            }
        ]
    }
