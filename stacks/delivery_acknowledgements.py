"""Why the wildcards stand that CDK Pipelines writes into the roles it makes itself."""

from aws_cdk import Stack, pipelines
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from inference_constructs.acknowledgements import acknowledge_all
from inference_constructs.arns import own_arn, place_of
from inference_constructs.managed_policies import manage_policies
from inference_constructs.wildcards import wildcard_finding

_ARTIFACTS = (
    "The CDK's grants spell groups of actions so: on the bucket of artifacts and its key only, "
    "which hold nothing else"
)
_LOGS = "CodeBuild's own names of log groups; the logs go into the one group of this stack"
_REPORTS = "CodeBuild's own names of test reports, of which these builds make none"
_CHANGES_ITSELF = (
    "The CDK CLI deploys this stack as a user would: it looks for the stack, and assumes the roles "
    "of the bootstrap stack, which a condition on their tags names"
)
_PUBLISHES = (
    "CDK Pipelines lets its publishing role start builds of any project; CodeBuild alone assumes "
    "it, for the one project that publishes the assets"
)


def settle_policies(pipeline: pipelines.CodePipeline, artifacts: s3.IBucket) -> None:
    """Makes the policies of a finished pipeline managed ones, and acknowledges their wildcards.

    Args:
        pipeline: the pipeline, which is built.
        artifacts: the bucket of its artifacts.
    """
    stack = Stack.of(pipeline)
    read = ["Action::s3:GetBucket*", "Action::s3:GetObject*", "Action::s3:List*"]
    keys = ["Action::kms:GenerateDataKey*", "Action::kms:ReEncrypt*"]
    written = ["Action::s3:Abort*", "Action::s3:DeleteObject*"]
    updates = pipeline.self_mutation_project.project_name
    roles = f"arn:*:iam::{place_of(stack).account}:role/*"
    of_role: dict[str, tuple[list[str], dict[str, str]]] = {
        "Pipeline/Role": ([*read, *written, *keys], {}),
        "SelfMutation/Role": (
            [*read, *keys],
            {
                _logs(stack, f"{updates}:*"): _LOGS,
                _reports(stack, f"{updates}-*"): _REPORTS,
                roles: _CHANGES_ITSELF,
                "*": _CHANGES_ITSELF,
            },
        ),
        "Assets/FileRole": (
            read,
            {_logs(stack, "*"): _LOGS, _reports(stack, "*"): _REPORTS, "*": _PUBLISHES},
        ),
    }
    for policy in manage_policies(pipeline):
        actions, resources = next(
            found for role, found in of_role.items() if f"{role}/" in policy.node.path
        )
        _acknowledge(policy, actions, {artifacts.arn_for_objects("*"): _ARTIFACTS, **resources})


def _acknowledge(policy: iam.Policy, actions: list[str], resources: dict[str, str]) -> None:
    acknowledge_all(
        policy,
        {
            **{f"AwsSolutions::AwsSolutions-IAM5[{action}]": _ARTIFACTS for action in actions},
            **{wildcard_finding(policy, arn): why for arn, why in resources.items()},
        },
    )


def _logs(stack: Stack, group: str) -> str:
    return own_arn(stack, "logs", f"log-group:/aws/codebuild/{group}")


def _reports(stack: Stack, group: str) -> str:
    return own_arn(stack, "codebuild", f"report-group/{group}")
