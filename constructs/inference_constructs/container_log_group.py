"""`ContainerLogGroup`: where the containers of an endpoint log."""

from functools import cached_property

from aws_cdk import Aws, CfnTag, CustomResource, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from inference_constructs.encryption import EncryptionKey
from inference_constructs.endpoint_logs import EndpointLogs
from inference_constructs.functions.log_group import DELETED_WITH
from inference_constructs.log_group_keeper import LogGroupKeeper


class ContainerLogGroup(Construct):
    """Defines a log group under the name that SageMaker uses, before SageMaker makes one.

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        name: of the group.
        endpoint_logs: the retention, and what becomes of the group.
        encryption: the key.
        keeper: what makes the group, and takes it over; None for a resource of the stack.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        endpoint_logs: EndpointLogs,
        encryption: EncryptionKey,
        keeper: LogGroupKeeper | None,
    ) -> None:
        super().__init__(scope, construct_id)
        encryption.allow_logs()
        if keeper is not None:
            kept = keeper.keep(self, "Kept", name=name, retention_days=endpoint_logs.retention_days)
            self.resource: CustomResource | logs.CfnLogGroup = kept
            self._arn = kept.get_att_string("Arn")
            return
        goes = endpoint_logs.removal_policy is RemovalPolicy.DESTROY
        # The resource itself: the CDK's class for log groups takes no tags.
        group = logs.CfnLogGroup(
            self,
            # Adds nothing to the logical id.
            "Default",
            log_group_name=name,
            kms_key_id=encryption.key_arn,
            retention_in_days=endpoint_logs.retention_days,
            tags=[CfnTag(key=DELETED_WITH, value=Aws.STACK_ID)] if goes else None,
        )
        group.apply_removal_policy(endpoint_logs.removal_policy)
        self.resource = group
        self._arn = group.attr_arn

    @cached_property
    def log_group(self) -> logs.ILogGroup:
        """The group, for subscriptions and grants."""
        return logs.LogGroup.from_log_group_name(self, "Group", self.resource.ref)

    def writing(self) -> iam.PolicyStatement:
        """What the containers' role is allowed: streams in the group, which it cannot make anew."""
        return iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[self._arn]
        )
