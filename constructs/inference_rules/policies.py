"""Statements of IAM policies, wherever a template has them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from inference_rules.template import Resource, Template, dig, listed, mappings

ROLE = "AWS::IAM::Role"
ATTACHED = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy")


def documents(resource: Resource) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields the identity policies of a resource, each with its path."""
    if resource.type in ATTACHED and isinstance(resource.get("PolicyDocument"), Mapping):
        yield "Properties/PolicyDocument", resource.get("PolicyDocument")
    for index, policy in enumerate(resource.mappings("Policies")):
        if isinstance(policy.get("PolicyDocument"), Mapping):
            yield f"Properties/Policies/{index}/PolicyDocument", policy["PolicyDocument"]


def statements(document: Any) -> list[Mapping[str, Any]]:
    """Lists the statements of a document."""
    return mappings(listed(dig(document, "Statement")))


def attached_policies(template: Template, role: Resource) -> list[Resource]:
    """Lists the policies that the template attaches to a role from outside."""
    found = []
    for policy in template.of_type(*ATTACHED):
        named = [*listed(policy.get("Roles")), *listed(policy.get("RoleName"))]
        if any(template.find(ROLE, name) == role for name in named):
            found.append(policy)
    return found


def allowed(statement: Mapping[str, Any], action: str) -> bool:
    """Whether a statement allows an action on something."""
    if statement.get("Effect") != "Allow":
        return False
    if "NotAction" in statement:
        return not any(_matches(pattern, action) for pattern in listed(statement["NotAction"]))
    return any(_matches(pattern, action) for pattern in listed(statement.get("Action")))


def _matches(pattern: Any, action: str) -> bool:
    parts = (re.escape(part) for part in str(pattern).split("*"))
    return re.fullmatch(".*".join(parts), action, re.IGNORECASE) is not None
