"""What an imported role or key must already allow, told at synth instead of changed in secret."""

import json
from collections.abc import Callable
from typing import Any

import jsii
from aws_cdk import Annotations, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct, IDependable, IValidation


@jsii.implements(iam.IPrincipal)
class StatementRecorder:
    """A principal that keeps what it is granted instead of writing it into a policy.

    It stands in for an imported role: grants succeed, the role is never changed, and the statements
    can be shown to whoever owns the role.

    Args:
        role: the imported role.
        dependable: what a resource that needs the grants would wait for.
    """

    def __init__(self, role: iam.IRole, dependable: IDependable) -> None:
        self._role = role
        self._dependable = dependable
        self.document = iam.PolicyDocument()

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The principal that grants are written for: this recorder."""
        return self

    @property
    def assume_role_action(self) -> str:
        """The action with which the role is assumed."""
        return self._role.assume_role_action

    @property
    def policy_fragment(self) -> iam.PrincipalPolicyFragment:
        """The role, as a resource policy names it."""
        return self._role.policy_fragment

    @property
    def principal_account(self) -> str | None:
        """The account that the role lives in."""
        return self._role.principal_account

    @jsii.member(jsii_name="addToPrincipalPolicy")
    def add_to_principal_policy(
        self, statement: iam.PolicyStatement
    ) -> iam.AddToPrincipalPolicyResult:
        """Keeps the statement.

        Args:
            statement: what a grant needs.
        """
        self.document.add_statements(statement)
        return iam.AddToPrincipalPolicyResult(
            statement_added=True, policy_dependable=self._dependable
        )


def report_requirements(
    scope: Construct, subject: str, document: Callable[[], iam.PolicyDocument]
) -> None:
    """Prints, at synth, the statements that an imported resource has to carry.

    Args:
        scope: the construct that the message is attached to.
        subject: what lacks the statements and where they belong, as the message's first words.
        document: gives the statements when the tree is complete.
    """
    scope.node.add_validation(_Requirements(scope, subject, document))


@jsii.implements(IValidation)
class _Requirements:
    """Runs when the tree is complete, which is when all the grants are known."""

    def __init__(
        self, scope: Construct, subject: str, document: Callable[[], iam.PolicyDocument]
    ) -> None:
        self._scope = scope
        self._subject = subject
        self._document = document
        self._told = False

    def validate(self) -> list[str]:
        """Adds the message once; imported resources are never an error."""
        document = self._document()
        if not self._told and not document.is_empty:
            self._told = True
            resolved = Stack.of(self._scope).resolve(document)
            text = json.dumps(readable(resolved), indent=2)
            Annotations.of(self._scope).add_info(
                f"{self._subject} is imported and is not changed; it must allow:\n{text}"
            )
        return []


def readable(value: Any) -> Any:
    """Writes the intrinsic functions of a resolved value as in `Fn::Sub`: `${Resource.Arn}`.

    Args:
        value: a resolved template value.
    """
    match value:
        case {"Ref": str()} | {"Fn::GetAtt": [_, _]} if len(value) == 1:
            (parts,) = value.values()
            return f"${{{parts if isinstance(parts, str) else '.'.join(parts)}}}"
        case {"Fn::Sub": str(text)} if len(value) == 1:
            return text
        case {"Fn::Join": [separator, list(parts)]} if len(value) == 1:
            return str(separator).join(str(readable(part)) for part in parts)
        case dict():
            return {key: readable(item) for key, item in value.items()}
        case list():
            return [readable(item) for item in value]
        case _:
            return value
