"""`ServiceRole`: a role for one AWS service, whose permissions are one managed policy."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from inference_constructs.arns import place_of
from inference_constructs.imported import StatementRecorder, report_requirements

# https://docs.aws.amazon.com/sagemaker/latest/dg/security-confused-deputy-prevention.html and the
# like pages of the other services. Lambda has none for execution roles.
_SENDS_SOURCE_ACCOUNT = frozenset(
    {"sagemaker.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com"}
)


class ServiceRole(Construct):
    """Defines a role that one AWS service of this account assumes, and its managed policy.

    Nothing is allowed but what is granted to `grantee`. There is no inline policy: `role` is handed
    out immutable, so that constructs that would add one of their own cannot.

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        service: the service principal, such as `sagemaker.amazonaws.com`.
        description: what the role is for, as IAM shows it.
        existing: a role to use instead of a new one. It is never changed; the statements that it
            must already have are printed at synth.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: str,
        description: str,
        existing: iam.IRole | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.stack = Stack.of(self)
        self.policy: iam.ManagedPolicy | None = None
        if existing is not None:
            recorder = StatementRecorder(existing, self)
            self.role: iam.IRole = existing
            self.grantee: iam.IGrantable = recorder
            report_requirements(
                self, f"the role {existing.role_name} for {service}", lambda: recorder.document
            )
            return
        principal: iam.PrincipalBase = iam.ServicePrincipal(service)
        if service in _SENDS_SOURCE_ACCOUNT:
            # Keeps the service from using the role on behalf of another account.
            principal = principal.with_conditions(
                {"StringEquals": {"aws:SourceAccount": place_of(self.stack).account}}
            )
        role = iam.Role(self, "Role", assumed_by=principal, description=description)
        self.policy = iam.ManagedPolicy(self, "Policy", description=description, roles=[role])
        self.role = role.without_policy_updates()
        self.grantee = self.policy

    @property
    def role_arn(self) -> str:
        """The role's ARN."""
        return self.role.role_arn

    def add_statements(self, *statements: iam.PolicyStatement) -> None:
        """Allows what no `grant_*` method expresses.

        Args:
            statements: the statements, without a principal.
        """
        if self.policy is not None:
            self.policy.add_statements(*statements)
            return
        for statement in statements:
            self.grantee.grant_principal.add_to_principal_policy(statement)

    def ready_before(self, dependent: IConstruct) -> None:
        """Makes a resource wait until the role may do its work.

        CloudFormation sees that a resource refers to the role, not that it needs the policy:
        without this the first deployment can fail for want of permissions.

        Args:
            dependent: the construct whose resources use the role.
        """
        if self.policy is not None:
            dependent.node.add_dependency(self.policy)
