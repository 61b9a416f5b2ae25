"""Every permission of the roles behind office hours is needed: without it something fails.

A permission is one action on one resource. It is taken away, and then the office hours have to do
all that they do, until something does not work any more.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.soak

# IAM takes no policy without statements, and everyone may do this anyway.
NOTHING = {"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}


def listed(value: str | list[str]) -> list[str]:
    """One or more texts as a list."""
    return [value] if isinstance(value, str) else value


@dataclass(frozen=True)
class Permission:
    """One action on one resource, in one statement of a role's policy."""

    role: str
    policy: str
    index: int
    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.role}: {self.action} on {self.resource}"


@dataclass
class Working:
    """An office whose hours are put to work.

    Attributes:
        office: the stack.
        iam: a client.
    """

    office: Any
    iam: Any

    def permissions(self) -> list[Permission]:
        """All that the roles behind the office hours are allowed."""
        return [
            Permission(role, policy, index, action, resource)
            for role in self.office.roles()
            for attached in self.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
            for policy in [attached["PolicyArn"]]
            for index, statement in enumerate(self._document(policy)["Statement"])
            for action in listed(statement["Action"])
            for resource in listed(statement["Resource"])
        ]

    @contextmanager
    def without(self, taken: Permission) -> Iterator[None]:
        """The role without a permission; with it again afterwards."""
        document = self._document(taken.policy)
        statement = document["Statement"].pop(taken.index)
        others = [action for action in listed(statement["Action"]) if action != taken.action]
        elsewhere = [arn for arn in listed(statement["Resource"]) if arn != taken.resource]
        document["Statement"] += [{**statement, "Action": others}] if others else []
        document["Statement"] += (
            [{**statement, "Action": taken.action, "Resource": elsewhere}] if elsewhere else []
        )
        document["Statement"] = document["Statement"] or [NOTHING]
        old = self.iam.get_policy(PolicyArn=taken.policy)["Policy"]["DefaultVersionId"]
        new = self.iam.create_policy_version(
            PolicyArn=taken.policy, PolicyDocument=json.dumps(document), SetAsDefault=True
        )["PolicyVersion"]["VersionId"]
        try:
            yield
        finally:
            self.iam.set_default_policy_version(PolicyArn=taken.policy, VersionId=old)
            self.iam.delete_policy_version(PolicyArn=taken.policy, VersionId=new)

    def work(self) -> None:
        """Do all that office hours do.

        Raises:
            AssertionError: something does not work.
        """
        office = self.office
        office.make_state_machine_anew()
        began = office.forget_environments()
        office.close()
        office.capacity(0)
        opening = office.fire("Opening")
        office.until(lambda: office.entered(opening, "Tell of Open"), seconds=15)
        office.capacity(None)
        assert office.end_of(opening) == "SUCCEEDED", office.failed_execution(opening)
        assert office.refused(opening) == []
        office.until(lambda: office.traced(opening), seconds=8)
        office.close()
        deploying = office.ask("Update")
        assert office.end_of(deploying) == "SUCCEEDED", office.failed_execution(deploying)
        leaving = office.ask("Delete")
        assert office.end_of(leaving) == "SUCCEEDED", office.failed_execution(leaving)
        assert office.parameters() == []
        office.close()
        office.open()
        assert office.ask("Delete") is None
        assert office.parameters() == []
        office.until(lambda: office.logged_since(began), seconds=8)

    def restore(self) -> None:
        """An open endpoint again, whatever was left half-way."""
        self.office.capacity(None)
        self.office.until(lambda: not self.office.running())
        if self.office.status() != "InService":
            self.office.close()
            self.office.open()

    def _document(self, policy: str) -> dict[str, Any]:
        version = self.iam.get_policy(PolicyArn=policy)["Policy"]["DefaultVersionId"]
        found = self.iam.get_policy_version(PolicyArn=policy, VersionId=version)
        document: dict[str, Any] = found["PolicyVersion"]["Document"]
        return document


@pytest.fixture(scope="module")
def working(new_office: Callable[[str], Any], local_aws: Any) -> Working:
    """A deployed stack with office hours."""
    office = new_office("permitted")
    status = office.deploy_plainly()
    assert status == "CREATE_COMPLETE", office.failures()
    return Working(office, local_aws.client("iam"))


def seen_without(working: Working, taken: Permission) -> str | None:
    """What is seen of a permission's absence; None if nothing."""
    try:
        with working.without(taken):
            working.work()
    except (AssertionError, ClientError) as error:
        return str(error).splitlines()[0][:160]
    finally:
        working.restore()
    return None


def test_without_any_one_permission_something_fails(
    working: Working, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each action on each resource that a role behind the office hours is allowed."""
    working.work()
    unnoticed = []
    for permission in working.permissions():
        began = time.monotonic()
        seen = seen_without(working, permission)
        with capsys.disabled():
            print(f"\n{permission}\n    {seen} ({time.monotonic() - began:.0f} s)", end="")
        if seen is None:
            unnoticed.append(str(permission))
    assert unnoticed == []
    working.work()
