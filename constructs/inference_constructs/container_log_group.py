"""`ContainerLogGroup`: where the containers of an endpoint log."""

from typing import cast

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct, IConstruct

from inference_constructs.encryption import EncryptionKey
from inference_constructs.endpoint_logs import EndpointLogs
from inference_constructs.functions.log_group import DELETED_WITH
from inference_constructs.log_group_keeper import LogGroupKeeper
from inference_constructs.service_role import ServiceRole


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
        self.log_group: logs.ILogGroup
        if keeper is not None:
            kept = keeper.keep(self, "Kept", name=name, retention_days=endpoint_logs.retention_days)
            self.log_group = logs.LogGroup.from_log_group_name(self, "Group", kept.ref)
            self._resource: IConstruct = kept
            self._arn = kept.get_att_string("Arn")
            return
        group = logs.LogGroup(
            self,
            # Adds nothing to the logical id.
            "Default",
            log_group_name=name,
            encryption_key=encryption.key,
            retention=endpoint_logs.retention,
            removal_policy=endpoint_logs.removal_policy,
        )
        if endpoint_logs.removal_policy is RemovalPolicy.DESTROY:
            resource = cast(logs.CfnLogGroup, group.node.default_child)
            resource.tags.set_tag(DELETED_WITH, Aws.STACK_ID)
        self.log_group = self._resource = group
        self._arn = group.log_group_arn

    def allow_writing(self, role: ServiceRole) -> None:
        """Lets a role write streams into the group, which it cannot make anew.

        Args:
            role: the role of the containers.
        """
        role.add_statements(
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[self._arn]
            )
        )

    def ready_before(self, dependent: IConstruct) -> None:
        """Makes a resource wait for the group.

        Args:
            dependent: the construct whose containers write into the group.
        """
        dependent.node.add_dependency(self._resource)
