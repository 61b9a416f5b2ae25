"""AWS's policy evaluation logic for requests within one account.

Follows https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html:
an explicit deny wins; then a resource-based policy that names the session (or everyone) is enough;
one that names the role leaves boundary and session policy their say; else identity-based policies,
permissions boundary and session policy must all allow. Keys and trust policies are stricter:
without an allow of their own nothing helps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from local_aws.permissions.documents import Grade, Policy, Request


@dataclass(frozen=True, kw_only=True)
class Policies:
    """Every policy that has a say in one request.

    Attributes:
        identity: managed and inline policies of the role.
        boundary: its permissions boundary.
        session: the policy passed to AssumeRole.
        resource: the policy of the resource.
        resource_decides: the resource's policy must allow, whatever the others say: KMS keys and
            trust policies.
    """

    identity: Sequence[Policy] = ()
    boundary: Policy | None = None
    session: Policy | None = None
    resource: Policy | None = None
    resource_decides: bool = False


@dataclass(frozen=True)
class Decision:
    """Whether it is allowed, and if not, the end of AWS's sentence that says why."""

    allowed: bool
    because: str = ""


def decide(request: Request, policies: Policies) -> Decision:
    """Judge one request of a role's session or of the root user."""
    denied = _explicitly_denied(request, policies)
    if denied:
        return Decision(False, f"with an explicit deny in a{denied}")
    grade = Grade.NONE if policies.resource is None else policies.resource.allows(request)
    if grade is Grade.DIRECT:
        return Decision(True)
    if policies.resource_decides and grade is Grade.NONE:
        return _nothing_allows(request, "resource-based")
    if grade < Grade.ROLE and not any(policy.allows(request) for policy in policies.identity):
        return _nothing_allows(request, "identity-based")
    return _within_limits(request, policies)


def _within_limits(request: Request, policies: Policies) -> Decision:
    """Whether boundary and session policy, which grant nothing, leave room for the request."""
    if policies.boundary is not None and not policies.boundary.allows(request):
        return Decision(
            False, f"because no permissions boundary allows the {request.action} action"
        )
    if policies.session is not None and not policies.session.allows(request):
        return _nothing_allows(request, "session")
    return Decision(True)


def decide_for_service(request: Request, resource: Policy | None) -> Decision:
    """Judge an AWS service, which has nothing but the resource's policy to stand on."""
    if resource is not None and resource.denies(request):
        return Decision(False, "with an explicit deny in a resource-based policy")
    if resource is None or not resource.allows(request):
        return _nothing_allows(request, "resource-based")
    return Decision(True)


def _explicitly_denied(request: Request, policies: Policies) -> str | None:
    if any(policy.denies(request) for policy in policies.identity):
        return "n identity-based policy"
    if policies.resource is not None and policies.resource.denies(request):
        return " resource-based policy"
    if policies.boundary is not None and policies.boundary.denies(request):
        return " permissions boundary"
    if policies.session is not None and policies.session.denies(request):
        return " session policy"
    return None


def _nothing_allows(request: Request, kind: str) -> Decision:
    return Decision(False, f"because no {kind} policy allows the {request.action} action")
