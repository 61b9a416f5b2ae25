"""What the roles behind office hours may do."""

from dataclasses import dataclass

from aws_cdk import ArnFormat, Aws, Stack
from aws_cdk import aws_iam as iam

from inference_constructs.encryption import EncryptionKey
from inference_constructs.service_role import ServiceRole
from inference_constructs.wildcards import acknowledge_wildcard


@dataclass(frozen=True, kw_only=True)
class OfficeHoursPermissions:
    """The resources that permissions are confined to.

    Attributes:
        endpoint_name: the one endpoint.
        parameters: what the names of the parameters begin with that outlive it.
        encryption: the key of its volumes and of the executions.
    """

    endpoint_name: str
    parameters: str
    encryption: EncryptionKey

    def allow_work(self, role: ServiceRole, *, invoke: bool) -> None:
        """Lets a function delete the endpoint and make it again.

        Args:
            role: the function's role.
            invoke: whether it also asks the endpoint for a prediction.
        """
        stack = Stack.of(role)
        endpoint = self._endpoint(stack)
        configs = stack.format_arn(
            service="sagemaker", resource="endpoint-config", resource_name="*"
        )
        role.add_statements(
            iam.PolicyStatement(
                actions=[
                    "sagemaker:AddTags",
                    "sagemaker:CreateEndpoint",
                    "sagemaker:DeleteEndpoint",
                    "sagemaker:DescribeEndpoint",
                    "sagemaker:ListTags",
                    *(["sagemaker:InvokeEndpoint"] if invoke else []),
                ],
                resources=[endpoint],
            ),
            iam.PolicyStatement(actions=["sagemaker:CreateEndpoint"], resources=[configs]),
            # For the instances' volumes, through whoever creates the endpoint:
            # https://docs.aws.amazon.com/sagemaker/latest/dg/api-permissions-reference.html
            iam.PolicyStatement(
                actions=["kms:CreateGrant"],
                resources=[self.encryption.key_arn],
                conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
            ),
            iam.PolicyStatement(
                actions=["ssm:DeleteParameters", "ssm:GetParameter", "ssm:PutParameter"],
                resources=self._parameters(stack),
            ),
            _stack_status(),
        )
        acknowledge_wildcard(
            role,
            configs,
            "CloudFormation makes up the names of configs, and a deployment opens the endpoint "
            "with the one before its own; only the one endpoint can be created from them",
        )

    def allow_gate(self, role: ServiceRole, *, state_machine_arn: str) -> None:
        """Lets a function look at the endpoint and start executions.

        Args:
            role: the function's role.
            state_machine_arn: the state machine.
        """
        stack = Stack.of(role)
        role.add_statements(
            iam.PolicyStatement(
                actions=["sagemaker:DescribeEndpoint"], resources=[self._endpoint(stack)]
            ),
            iam.PolicyStatement(
                actions=["ssm:DeleteParameters"], resources=self._parameters(stack)
            ),
            iam.PolicyStatement(
                actions=["ssm:GetParameter"], resources=self._parameters(stack, "record")
            ),
            _stack_status(),
        )
        self.allow_starting(role, state_machine_arn=state_machine_arn)

    def allow_starting(self, role: ServiceRole, *, state_machine_arn: str) -> None:
        """Lets a role start executions, whose input is encrypted on behalf of whoever sends it.

        Args:
            role: the role.
            state_machine_arn: the state machine.
        """
        role.add_statements(
            iam.PolicyStatement(actions=["states:StartExecution"], resources=[state_machine_arn]),
            iam.PolicyStatement(
                actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[self.encryption.key_arn]
            ),
        )

    def _endpoint(self, stack: Stack) -> str:
        # The ARN of an endpoint has its name in lower case, and so has the role's policy.
        return stack.format_arn(
            service="sagemaker", resource="endpoint", resource_name=self.endpoint_name.lower()
        )

    def _parameters(self, stack: Stack, *names: str) -> list[str]:
        return [
            stack.format_arn(
                service="ssm",
                resource="parameter",
                resource_name=f"{self.parameters.lstrip('/')}/{name}",
                arn_format=ArnFormat.SLASH_RESOURCE_NAME,
            )
            for name in names or ("hours", "record")
        ]


def _stack_status() -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=["cloudformation:DescribeStacks"], resources=[Aws.STACK_ID])
