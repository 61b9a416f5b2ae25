"""`GitHubRole`: a role that workflows of one GitHub repository assume, in one environment."""

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from inference_constructs.faults import refuse

ISSUER = "token.actions.githubusercontent.com"
_AUDIENCE = "sts.amazonaws.com"


class GitHubRole(Construct):
    """Defines a role without a key that could leak: GitHub's own token is exchanged for a session.

    Only jobs of the one repository that run in the one environment get it, whatever their branch:
    the environment's rules on GitHub (who approves, which branches) guard it. See
    https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        repository: OWNER/NAME.
        environment: the environment's name on GitHub.
        provider: GitHub's OIDC provider in this account.
        description: what the role is for, as IAM shows it.
        role_name: a name that workflows know before anything is deployed.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        repository: str,
        environment: str,
        provider: iam.IOidcProvider,
        description: str,
        role_name: str,
    ) -> None:
        super().__init__(scope, construct_id)
        refuse(
            f"the role {role_name}",
            [
                f"{what} must name one, not {value!r}: leave out patterns"
                for what, value in (("repository", repository), ("environment", environment))
                if not value or set(value) & set("*?")
            ],
        )
        role = iam.Role(
            self,
            "Role",
            role_name=role_name,
            description=description,
            max_session_duration=Duration.hours(1),
            assumed_by=iam.OpenIdConnectPrincipal(
                provider,
                conditions={
                    "StringEquals": {
                        f"{ISSUER}:aud": _AUDIENCE,
                        f"{ISSUER}:sub": f"repo:{repository}:environment:{environment}",
                    }
                },
            ),
        )
        self.policy = iam.ManagedPolicy(self, "Policy", description=description, roles=[role])
        self.role = role.without_policy_updates()
