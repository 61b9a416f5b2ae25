"""Roles of a test's own, sessions of them, and statements taken away one at a time."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

ACCOUNT = "123456789012"
# Stands in for the only statement of a policy: IAM takes no policy without statements, and who has
# this one can do nothing more than before.
HARMLESS = {"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}

NUMBERS = itertools.count()


@dataclass(frozen=True)
class Session:
    """A session of a role; `client` makes clients whose calls are judged."""

    local_aws: Any
    arn: str
    role_name: str
    role_arn: str
    credentials: dict[str, str]

    def client(self, service: str) -> Any:
        """A boto3 client of the session."""
        return self.local_aws.client(
            service,
            aws_access_key_id=self.credentials["AccessKeyId"],
            aws_secret_access_key=self.credentials["SecretAccessKey"],
            aws_session_token=self.credentials["SessionToken"],
        )


@dataclass(frozen=True)
class Removal:
    """One statement of one policy of a role, which can be taken away for a while.

    Attributes:
        role: the role's name.
        policy: the ARN of a customer-managed policy, or the name of an inline one.
        index: which statement.
        statement: the statement itself.
    """

    iam: Any
    role: str
    policy: str
    index: int
    statement: dict[str, Any]

    def __str__(self) -> str:
        name = self.policy.rsplit("/", 1)[-1]
        actions = self.statement.get("Action", self.statement.get("NotAction"))
        return f"{self.role}/{name}[{self.index}] {self.statement['Effect']} {actions}"

    @contextmanager
    def taken_away(self) -> Iterator[None]:
        """The role without the statement; with it again afterwards."""
        if not self.policy.startswith("arn:"):
            with self._inline():
                yield
            return
        old = self.iam.get_policy(PolicyArn=self.policy)["Policy"]["DefaultVersionId"]
        document = self.iam.get_policy_version(PolicyArn=self.policy, VersionId=old)
        new = self.iam.create_policy_version(
            PolicyArn=self.policy,
            PolicyDocument=self._without(document["PolicyVersion"]["Document"]),
            SetAsDefault=True,
        )["PolicyVersion"]["VersionId"]
        try:
            yield
        finally:
            self.iam.set_default_policy_version(PolicyArn=self.policy, VersionId=old)
            self.iam.delete_policy_version(PolicyArn=self.policy, VersionId=new)

    @contextmanager
    def _inline(self) -> Iterator[None]:
        which = {"RoleName": self.role, "PolicyName": self.policy}
        document = self.iam.get_role_policy(**which)["PolicyDocument"]
        self.iam.put_role_policy(**which, PolicyDocument=self._without(document))
        try:
            yield
        finally:
            self.iam.put_role_policy(**which, PolicyDocument=json.dumps(document))

    def _without(self, document: dict[str, Any]) -> str:
        statements = statements_of(document)
        kept = statements[: self.index] + statements[self.index + 1 :]
        return json.dumps({**document, "Statement": kept or [HARMLESS]})


def statements_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements of a policy document, which may be one without a list."""
    statements = document["Statement"]
    return statements if isinstance(statements, list) else [statements]


@pytest.fixture(scope="session")
def removals(local_aws: Any) -> Callable[[str], Sequence[Removal]]:
    """Every statement of a role's customer-managed and inline policies, by the role's name."""
    iam = local_aws.client("iam")

    def documents(role: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            arn = attached["PolicyArn"]
            if f"::{ACCOUNT}:" in arn:
                version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
                found = iam.get_policy_version(PolicyArn=arn, VersionId=version)
                yield arn, found["PolicyVersion"]["Document"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            found = iam.get_role_policy(RoleName=role, PolicyName=name)
            yield name, found["PolicyDocument"]

    def of(role: str) -> Sequence[Removal]:
        return [
            Removal(iam, role, policy, index, statement)
            for policy, document in documents(role)
            for index, statement in enumerate(statements_of(document))
        ]

    return of


@pytest.fixture(scope="session")
def root(local_aws: Any) -> Callable[[str], Any]:
    """Clients of the root user, each made once."""
    return functools.cache(local_aws.client)


@pytest.fixture
def assume(local_aws: Any, root: Any, request: pytest.FixtureRequest) -> Callable[..., Session]:
    """Makes a role with the given statements and takes a session of it."""
    iam, sts = root("iam"), root("sts")

    def session(
        *statements: dict[str, Any], boundary: list[dict[str, Any]] | None = None, **options: Any
    ) -> Session:
        name = f"{request.node.originalname.removeprefix('test_')[:50]}-{next(NUMBERS)}"
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "sts:AssumeRole",
        }
        if boundary is not None:
            options["PermissionsBoundary"] = iam.create_policy(
                PolicyName=f"{name}-boundary",
                PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": boundary}),
            )["Policy"]["Arn"]
        role = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
            **options,
        )["Role"]
        if statements:
            arn = iam.create_policy(
                PolicyName=f"{name}-policy",
                PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}),
            )["Policy"]["Arn"]
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        taken = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="test")
        return Session(
            local_aws, taken["AssumedRoleUser"]["Arn"], name, role["Arn"], taken["Credentials"]
        )

    return session


@pytest.fixture(scope="session")
def make_key(root: Any) -> Callable[..., str]:
    """Makes a key whose policy lets the account's identity policies decide, or is the given one."""

    def key(*statements: dict[str, Any]) -> str:
        delegation = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
        document = {"Version": "2012-10-17", "Statement": list(statements) or [delegation]}
        made = root("kms").create_key(Policy=json.dumps(document))
        arn: str = made["KeyMetadata"]["Arn"]
        return arn

    return key


@pytest.fixture
def bucket(root: Any, request: pytest.FixtureRequest) -> str:
    """A bucket with one object, ``k``."""
    name = request.node.originalname.removeprefix("test_").replace("_", "-")[:60].strip("-")
    s3 = root("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"hello")
    return str(name)
