"""`Notifications`: an encrypted SNS topic that alarms, rules and roles can really publish to."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from inference_constructs.encryption import EncryptionKey, alarm_conditions


class Notifications(Construct):
    """Defines an SNS topic under a customer-managed key that refuses unencrypted transport.

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        encryption: the key; its policy gets what the publishers need.
        emails: addresses to subscribe; each has to confirm.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        encryption: EncryptionKey,
        emails: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        self._encryption = encryption
        self._allowed: set[str] = set()
        self.topic = sns.Topic(self, "Topic", master_key=encryption.key, enforce_ssl=True)
        if emails:
            # A topic without subscribers does not wait for the module.
            from aws_cdk import aws_sns_subscriptions as subscriptions

            for email in emails:
                self.topic.add_subscription(subscriptions.EmailSubscription(email))

    @cached_property
    def topic_arn(self) -> str:
        """The topic's ARN."""
        return self.topic.topic_arn

    def allow_alarms(self) -> None:
        """Lets the CloudWatch alarms of this account and region publish.

        A topic policy of one's own replaces the default one, which is what lets alarms in.
        """
        self._encryption.allow_alarms()
        if "cloudwatch.amazonaws.com" not in self._allowed:
            self._allow("cloudwatch.amazonaws.com", conditions=alarm_conditions(Stack.of(self)))

    def allow_events(self) -> None:
        """Lets EventBridge rules publish.

        EventBridge does not support conditions in the policy of a topic.
        """
        self._encryption.allow_events()
        self._allow("events.amazonaws.com")

    def grant_publish(self, grantee: iam.IGrantable) -> iam.Grant:
        """Lets a role publish, and use the key for it.

        Args:
            grantee: who publishes.
        """
        publish = iam.Grant.add_to_principal(
            grantee=grantee, actions=["sns:Publish"], resource_arns=[self.topic_arn]
        )
        encrypt = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resource_arns=[self._encryption.key_arn],
        )
        return publish.combine(encrypt)

    def _allow(
        self, service: str, conditions: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        if service in self._allowed:
            return
        self._allowed.add(service)
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(service)],
                actions=["sns:Publish"],
                resources=[self.topic_arn],
                conditions=conditions,
            )
        )
