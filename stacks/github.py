"""`GitHubAccessStack`: the roles that GitHub's workflows assume to deploy and verify a stage."""

from aws_cdk import aws_iam as iam
from constructs import Construct

from inference_constructs.arns import place_of
from inference_constructs.github_role import ISSUER, GitHubRole
from stacks.delivery import DeliveryStack
from stacks.delivery_permissions import verification
from stacks.delivery_settings import DeliverySettings, GitHubSettings
from stacks.section import DEFAULT_QUALIFIER
from stacks.settings import Settings

# https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html
_BOOTSTRAP_ROLES = ("deploy-role", "file-publishing-role", "image-publishing-role", "lookup-role")


class GitHubAccessStack(DeliveryStack):
    """Defines two roles: one that is the CDK CLI's way into the account, one that verifies.

    The first may only assume the roles that `cdk bootstrap` made, as the CLI does by itself; what
    those may do was decided there. The second may do what `inference verify` calls.

    Args:
        scope: the app.
        settings: the settings of the delivery.
        github: those of the roles.
        stage: the settings of the stage; the environment on GitHub has its name.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        settings: DeliverySettings,
        github: GitHubSettings,
        stage: Settings,
    ) -> None:
        super().__init__(
            scope,
            f"{stage.prefix}-{stage.stage}-github",
            settings=settings,
            region=stage.region,
            account=stage.account,
            description=f"Access of workflows in {settings.repository} to stage {stage.stage}.",
        )
        partition, region, account = place_of(self)
        self._settings, self._stage = settings, stage
        self._provider = self._make_provider(made=stage.stage in github.provider_stages)
        qualifier = stage.bootstrap_qualifier or DEFAULT_QUALIFIER
        deploy = self._role("Deploy", "deploy", f"Lets workflows deploy stage {stage.stage}.")
        deploy.policy.add_statements(
            iam.PolicyStatement(
                actions=["sts:AssumeRole"],
                resources=[
                    f"arn:{partition}:iam::{account}:role/cdk-{qualifier}-{role}-{account}-{region}"
                    for role in _BOOTSTRAP_ROLES
                ],
            )
        )
        verify = self._role("Verify", "verify", f"Lets workflows verify stage {stage.stage}.")
        verification(self, stage).add_to(verify.policy)

    def _make_provider(self, *, made: bool) -> iam.IOidcProvider:
        if made:
            return iam.OidcProviderNative(
                self, "Provider", url=f"https://{ISSUER}", client_ids=["sts.amazonaws.com"]
            )
        partition, _, account = place_of(self)
        return iam.OidcProviderNative.from_oidc_provider_arn(
            self, "Provider", f"arn:{partition}:iam::{account}:oidc-provider/{ISSUER}"
        )

    def _role(self, construct_id: str, purpose: str, description: str) -> GitHubRole:
        return GitHubRole(
            self,
            construct_id,
            repository=self._settings.repository,
            environment=self._stage.stage,
            provider=self._provider,
            description=description,
            role_name=f"{self._stage.prefix}-{self._stage.stage}-github-{purpose}",
        )
