"""What looks at a stage from outside may do: the steps of a pipeline, the workflows of GitHub."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from inference_constructs.acknowledgements import acknowledge_all
from inference_constructs.arns import own_arn
from inference_constructs.wildcards import wildcard_finding
from stacks.settings import Settings

_ANY = "*"
_MADE_UP = "The last part of a stack's ARN is made up by CloudFormation"


@dataclass(frozen=True, kw_only=True)
class Permissions:
    """Statements, and why the wildcards in them stand.

    Attributes:
        statements: what is allowed.
        reasons: why each wildcard stands, by the ARN that has it.
    """

    statements: Sequence[iam.PolicyStatement]
    reasons: Mapping[str, str]

    def add_to(self, policy: iam.ManagedPolicy) -> None:
        """Allows it.

        Args:
            policy: the policy of a role.
        """
        policy.add_statements(*self.statements)
        acknowledge_all(
            policy, {wildcard_finding(policy, arn): why for arn, why in self.reasons.items()}
        )


def verification(stack: Stack, settings: Settings) -> Permissions:
    """What `inference verify` calls for the endpoint of a stage, and nothing else.

    Args:
        stack: where the role is; the stage is in the same account and region.
        settings: the stage's settings.
    """
    owner = f"{settings.prefix}-{settings.stage}-realtime"
    stacks = own_arn(stack, "cloudformation", f"stack/{owner}/*")
    # SageMaker writes names into ARNs in small letters.
    endpoint = settings.endpoint.name or f"{owner}-*"
    endpoints = own_arn(stack, "sagemaker", f"endpoint/{endpoint.lower()}")
    configs = own_arn(stack, "sagemaker", f"endpoint-config/{owner}-*".lower())
    made_up = "CloudFormation makes up the names: the prefix is that of the one stack"
    return Permissions(
        statements=[
            _allow(["sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpoint"], endpoints),
            _allow(["sagemaker:DescribeEndpointConfig"], configs),
            _allow(
                [
                    "cloudformation:DescribeStacks",
                    "cloudformation:GetTemplate",
                    "cloudformation:ListStackResources",
                ],
                stacks,
            ),
            _allow(
                [
                    "application-autoscaling:DescribeScalableTargets",
                    "cloudformation:DescribeStackResources",
                    "cloudwatch:DescribeAlarms",
                ],
                _ANY,
            ),
        ],
        reasons={
            stacks: _MADE_UP,
            configs: made_up,
            _ANY: "Scalable targets have no resource in these calls, alarms are looked up by what "
            "they watch, and the stack of an endpoint by the endpoint; all three only read",
            **({endpoints: made_up} if endpoints.endswith(_ANY) else {}),
        },
    )


def review(stack: Stack, settings: Settings) -> Permissions:
    """What `inference review deployed` calls for the stacks of a stage, and nothing else.

    Args:
        stack: where the role is; the stage is in the same account and region.
        settings: the stage's settings.
    """
    stacks = [
        own_arn(stack, "cloudformation", f"stack/{settings.prefix}-{settings.stage}-{purpose}/*")
        for purpose in ("batch", "realtime")
    ]
    return Permissions(
        statements=[_allow(["cloudformation:GetTemplate"], *stacks)],
        reasons=dict.fromkeys(stacks, _MADE_UP),
    )


def _allow(actions: Sequence[str], *resources: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=actions, resources=list(resources))
