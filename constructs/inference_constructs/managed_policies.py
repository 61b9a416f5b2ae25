"""Policies that the CDK's own constructs write into their roles, as managed ones."""

from aws_cdk import aws_iam as iam
from constructs import Construct


def manage_policies(scope: Construct) -> list[iam.Policy]:
    """Turns the inline policies below a construct into managed policies of the same statements.

    An inline policy has no versions, and is seen only by who looks into its role:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html. Some
    constructs, such as `pipelines.CodePipeline`, take no role for a part of what they make. Call
    this when they are complete.

    Args:
        scope: the construct.

    Returns:
        The policies, for acknowledgements.
    """
    found = [
        policy
        for policy in scope.node.find_all()
        if isinstance(policy, iam.Policy) and not policy.document.is_empty
    ]
    for policy in found:
        inline = policy.node.default_child
        assert isinstance(inline, iam.CfnPolicy)
        policy.node.try_remove_child(inline.node.id)
        # Under the same id, so that what waits for the policy still does.
        iam.CfnManagedPolicy(
            policy, inline.node.id, policy_document=policy.document, roles=inline.roles
        )
    return found
