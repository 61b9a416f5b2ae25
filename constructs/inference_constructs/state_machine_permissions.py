"""What every state machine of this library may do besides its work."""

from aws_cdk import aws_iam as iam

from inference_constructs.encryption import EncryptionKey
from inference_constructs.service_role import ServiceRole
from inference_constructs.wildcards import acknowledge_wildcard


def allow_state_machine(role: ServiceRole, *, encryption: EncryptionKey) -> None:
    """Lets a state machine keep its executions' data, write logs and send traces.

    Args:
        role: the state machine's role.
        encryption: the key of its data and its logs.
    """
    role.add_statements(
        # The executions' own data: https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html
        iam.PolicyStatement(
            actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[encryption.key_arn]
        ),
        # https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
        iam.PolicyStatement(
            actions=[
                "logs:CreateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:DescribeLogGroups",
                "logs:DescribeResourcePolicies",
                "logs:GetLogDelivery",
                "logs:ListLogDeliveries",
                "logs:PutResourcePolicy",
                "logs:UpdateLogDelivery",
            ],
            resources=["*"],
        ),
        # https://docs.aws.amazon.com/step-functions/latest/dg/xray-iam.html
        iam.PolicyStatement(
            actions=[
                "xray:GetSamplingRules",
                "xray:GetSamplingTargets",
                "xray:PutTelemetryRecords",
                "xray:PutTraceSegments",
            ],
            resources=["*"],
        ),
    )
    acknowledge_wildcard(
        role,
        "*",
        "The actions of log delivery and of X-Ray take no resource; none of them reads data",
    )
