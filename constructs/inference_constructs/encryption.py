"""`EncryptionKey`: one customer-managed key, usable by the AWS services that must use it."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from inference_constructs.arns import own_arn, place_of
from inference_constructs.imported import report_requirements


def alarm_conditions(stack: Stack) -> dict[str, dict[str, str]]:
    """The conditions of a resource policy that lets in the alarms of a stack's account and region.

    Args:
        stack: the stack.
    """
    return {
        "ArnLike": {"aws:SourceArn": own_arn(stack, "cloudwatch", "alarm:*")},
        "StringEquals": {"aws:SourceAccount": place_of(stack).account},
    }


class EncryptionKey(Construct):
    """Defines a KMS key that rotates yearly, and the statements that services need in its policy.

    Alarms and rules that write to a topic under a customer-managed key fail without a word until
    the key's policy lets their service use it:
    https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        description: what the key encrypts, as KMS shows it.
        existing: a key to use instead of a new one. It is never changed; the statements that its
            policy must already have are printed at synth.
        removal_policy: what happens to a new key when the stack goes.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        description: str = "Encrypts the data of one inference stack.",
        existing: kms.IKey | None = None,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, construct_id)
        self._stack = Stack.of(self)
        self.goes_with_stack = existing is None and removal_policy is RemovalPolicy.DESTROY
        self._allowed: set[str] = set()
        self._required: iam.PolicyDocument | None = None
        if existing is not None:
            required = self._required = iam.PolicyDocument()
            self.key: kms.IKey = existing
            report_requirements(self, f"the policy of key {existing.key_id}", lambda: required)
            return
        self.key = kms.Key(
            self,
            "Key",
            description=description,
            enable_key_rotation=True,
            removal_policy=removal_policy,
        )

    @cached_property
    def key_arn(self) -> str:
        """The key's ARN."""
        return self.key.key_arn

    def allow_alarms(self) -> None:
        """Lets the CloudWatch alarms of this account and region publish to encrypted topics."""
        if self._is_news("cloudwatch"):
            self._allow("cloudwatch.amazonaws.com", conditions=alarm_conditions(self._stack))

    def allow_events(self) -> None:
        """Lets EventBridge rules write to encrypted topics and queues.

        EventBridge sends no source account or ARN when it writes to an encrypted topic, so a
        condition on either would silence the rule.
        """
        if self._is_news("events"):
            self._allow("events.amazonaws.com")

    def allow_logs(self) -> None:
        """Lets CloudWatch Logs encrypt the log groups of this account and region.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        """
        if not self._is_news("logs"):
            return
        groups = own_arn(self._stack, "logs", "log-group:*")
        self._allow(
            f"logs.{place_of(self._stack).region}.amazonaws.com",
            more_actions=("kms:Encrypt", "kms:ReEncrypt*", "kms:Describe*"),
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
        )

    def _is_news(self, service: str) -> bool:
        """Whether a service has not been allowed yet, which it is from now on."""
        known = service in self._allowed
        self._allowed.add(service)
        return not known

    def _allow(
        self,
        service: str,
        *,
        more_actions: Sequence[str] = (),
        conditions: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        statement = iam.PolicyStatement(
            principals=[iam.ServicePrincipal(service)],
            actions=["kms:Decrypt", "kms:GenerateDataKey*", *more_actions],
            resources=["*"],  # in a key policy: this key
            conditions=conditions,
        )
        if self._required is not None:
            self._required.add_statements(statement)
        else:
            self.key.add_to_resource_policy(statement)
