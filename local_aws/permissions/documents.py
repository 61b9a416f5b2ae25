"""Policy documents, read once and asked often."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any

from local_aws.permissions.conditions import Condition, PolicyError, parse_conditions
from local_aws.permissions.patterns import Context, compiled, matches

ACCOUNT = re.compile(r"\d{12}")
# Names in SageMaker's ARNs are in lower case whatever they were created with, so a policy that
# spells them otherwise still means them.
_ANY_CASE = re.compile(r"arn:[^:]*:sagemaker:")


class Grade(IntEnum):
    """How closely a resource-based policy names who asks; it decides what else must allow."""

    NONE = 0
    ACCOUNT = 1
    ROLE = 2
    DIRECT = 3


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who asks: a session of a role, an AWS service, or the account's root user.

    Attributes:
        arn: the session's ARN; a service's name, e.g. ``cloudwatch.amazonaws.com``.
        account: account id.
        role_arn: the role, for a session of one.
        service: whether it is an AWS service.
    """

    arn: str
    account: str
    role_arn: str | None = None
    service: bool = False


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is judged: who wants to do what to what, and in which context."""

    principal: Principal
    action: str
    resource: str
    context: Context


@dataclass(frozen=True)
class Principals:
    """A Principal or NotPrincipal element."""

    everyone: bool
    names: frozenset[str]
    accounts: frozenset[str]
    services: frozenset[str]

    def grade(self, principal: Principal) -> Grade:
        """How closely the element names ``principal``."""
        if self.everyone:
            return Grade.DIRECT
        if principal.service:
            return Grade.DIRECT if principal.arn in self.services else Grade.NONE
        if principal.arn in self.names:
            return Grade.DIRECT
        if principal.role_arn is not None and principal.role_arn in self.names:
            return Grade.ROLE
        return Grade.ACCOUNT if principal.account in self.accounts else Grade.NONE


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement; each pair of elements (Action, NotAction) is a list and a sign."""

    sid: str | None
    allows: bool
    actions: tuple[str, ...]
    not_actions: bool
    resources: tuple[str, ...]
    not_resources: bool
    principals: Principals | None
    not_principals: bool
    conditions: tuple[Condition, ...]

    def grade(self, request: Request) -> Grade:
        """How closely the statement applies; DIRECT for one without a principal."""
        if not self._names_action(request.action) or not self._names_resource(request):
            return Grade.NONE
        grade = Grade.DIRECT
        if self.principals is not None:
            grade = self.principals.grade(request.principal)
            if self.not_principals:
                grade = Grade.NONE if grade > Grade.ACCOUNT else Grade.DIRECT
        if grade is Grade.NONE:
            return grade
        if not all(condition.holds(request.context) for condition in self.conditions):
            return Grade.NONE
        return grade

    def _names_action(self, action: str) -> bool:
        named = any(
            compiled(pattern, ignore_case=True).fullmatch(action) for pattern in self.actions
        )
        return named != self.not_actions

    def _names_resource(self, request: Request) -> bool:
        if not self.resources:
            # A trust policy has none.
            return True
        ignore_case = _ANY_CASE.match(request.resource) is not None
        named = any(
            matches(pattern, request.resource, request.context, ignore_case=ignore_case)
            for pattern in self.resources
        )
        return named != self.not_resources


@dataclass(frozen=True)
class Policy:
    """A policy document."""

    statements: tuple[Statement, ...]

    def denies(self, request: Request) -> bool:
        """Whether a statement denies explicitly."""
        return any(
            not statement.allows and statement.grade(request) for statement in self.statements
        )

    def allows(self, request: Request) -> Grade:
        """The closest grade of the statements that allow."""
        return max(
            (statement.grade(request) for statement in self.statements if statement.allows),
            default=Grade.NONE,
        )


def parse_policy(document: str | bytes | Mapping[str, Any]) -> Policy:
    """Read a policy document; one that was read before costs nothing.

    Raises:
        PolicyError: it is not JSON, or uses an operator that does not exist.
    """
    if isinstance(document, bytes):
        document = document.decode()
    if not isinstance(document, str):
        document = json.dumps(document)
    return _parse(document)


@lru_cache(maxsize=4096)
def _parse(text: str) -> Policy:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise PolicyError(f"not JSON: {error}") from error
    statements = document.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    return Policy(tuple(_statement(statement) for statement in listed))


def _statement(given: Mapping[str, Any]) -> Statement:
    principals = given.get("Principal", given.get("NotPrincipal"))
    return Statement(
        sid=given.get("Sid"),
        allows=given.get("Effect") == "Allow",
        actions=_listed(given.get("Action", given.get("NotAction"))),
        not_actions="NotAction" in given,
        resources=_listed(given.get("Resource", given.get("NotResource"))),
        not_resources="NotResource" in given,
        principals=None if principals is None else _principals(principals),
        not_principals="NotPrincipal" in given,
        conditions=parse_conditions(given.get("Condition") or {}),
    )


def _listed(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _principals(element: str | Mapping[str, Any]) -> Principals:
    if isinstance(element, str):
        element = {"AWS": element}
    names = _listed(element.get("AWS"))
    return Principals(
        everyone="*" in names,
        names=frozenset(names),
        accounts=frozenset(_accounts(names)),
        services=frozenset(_listed(element.get("Service"))),
    )


def _accounts(names: Sequence[str]) -> list[str]:
    """Accounts that are named as a whole: by their id or their root ARN."""
    found = [name for name in names if ACCOUNT.fullmatch(name)]
    found += [name.split(":")[4] for name in names if name.endswith(":root")]
    return found
