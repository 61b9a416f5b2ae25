"""`LogGroupKeeper`: log groups that outlive their stack, and serve the next one."""

from aws_cdk import CustomResource, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from inference_constructs.arns import own_arn
from inference_constructs.encryption import EncryptionKey
from inference_constructs.python_function import PythonFunction
from inference_constructs.stages import path_in_stage
from inference_constructs.wildcards import acknowledge_wildcard


class LogGroupKeeper(Construct):
    """Defines the function that makes log groups of fixed names, and takes over those that exist.

    CloudFormation cannot: where a group was retained, the next creation of a stack fails.

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        encryption: the key of the groups, and of the function's own.
    """

    def __init__(self, scope: Construct, construct_id: str, *, encryption: EncryptionKey) -> None:
        super().__init__(scope, construct_id)
        self._encryption = encryption
        self._function = PythonFunction(
            self,
            "Function",
            handler="log_group.custom_resource.handler",
            description=f"Keeps the log groups of {path_in_stage(scope)}.",
            encryption=encryption,
        )

    def keep(
        self, scope: Construct, construct_id: str, *, name: str, retention_days: int | None
    ) -> CustomResource:
        """Makes a group that stays, or takes it over.

        Args:
            scope: the parent construct.
            construct_id: the id within the parent.
            name: of the group.
            retention_days: how long logs are kept; None for good.

        Returns:
            The resource: its `Ref` is the group's name, `Arn` what policies want.
        """
        arn = own_arn(Stack.of(self), "logs", f"log-group:{name}")
        self._allow(arn)
        kept = CustomResource(
            scope,
            construct_id,
            resource_type="Custom::RetainedLogGroup",
            service_token=self._function.function.function_arn,
            # CloudFormation does not even ask for its deletion.
            removal_policy=RemovalPolicy.RETAIN,
            properties={
                "LogGroupName": name,
                "LogGroupArn": arn,
                "KmsKeyId": self._encryption.key_arn,
                **({} if retention_days is None else {"RetentionInDays": retention_days}),
            },
        )
        self._function.role.ready_before(kept)
        return kept

    def _allow(self, arn: str) -> None:
        role = self._function.role
        # Which form of the ARN an action wants:
        # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html
        role.add_statements(
            iam.PolicyStatement(
                actions=[
                    "logs:AssociateKmsKey",
                    "logs:CreateLogGroup",
                    "logs:DeleteRetentionPolicy",
                    "logs:PutRetentionPolicy",
                ],
                resources=[f"{arn}:*"],
            ),
            iam.PolicyStatement(actions=["logs:ListTagsForResource"], resources=[arn]),
        )
        acknowledge_wildcard(
            role, f"{arn}:*", "This is how policies name one log group: the asterisk is its streams"
        )
