"""Deploys functions on the local AWS."""

from __future__ import annotations

import io
import itertools
import json
import textwrap
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

_numbers = itertools.count()
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


def zipped(files: dict[str, str]) -> bytes:
    """A deployment package."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, source in files.items():
            archive.writestr(name, textwrap.dedent(source))
    return buffer.getvalue()


@dataclass(frozen=True)
class Answer:
    """What Invoke answered."""

    payload: Any
    error: str | None
    raw: dict[str, Any]


@dataclass(frozen=True)
class Deployed:
    """A function and the ways to look at it."""

    name: str
    arn: str
    local_aws: Any

    def invoke(self, event: Any = None, **arguments: Any) -> Answer:
        """Invoke it and wait."""
        raw = self.local_aws.client("lambda").invoke(
            **{"FunctionName": self.name, "Payload": json.dumps(event)} | arguments
        )
        payload = raw["Payload"].read()
        return Answer(json.loads(payload) if payload else None, raw.get("FunctionError"), raw)

    def log(self) -> list[str]:
        """All its log events."""
        logs = self.local_aws.client("logs")
        group = f"/aws/lambda/{self.name}"
        return [
            event["message"]
            for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]
            for event in logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        ]


Deploy = Callable[..., Deployed]


@pytest.fixture(scope="session")
def function_role(local_aws: Any) -> str:
    """A role for functions, allowed everything."""
    iam = local_aws.client("iam")
    arn: str = iam.create_role(
        RoleName="for-functions", AssumeRolePolicyDocument=json.dumps(TRUST)
    )["Role"]["Arn"]
    iam.put_role_policy(
        RoleName="for-functions", PolicyName="all", PolicyDocument=json.dumps(EVERYTHING)
    )
    return arn


@pytest.fixture
def package() -> Callable[[dict[str, str]], bytes]:
    """Makes deployment packages."""
    return zipped


@pytest.fixture
def deploy(local_aws: Any, function_role: str) -> Deploy:
    """Deploys a function from the source of its one module."""

    def deployed(source: str, *, runtime: str = "python3.13", **settings: Any) -> Deployed:
        suffix = settings.pop("suffix", ".mjs" if runtime.startswith("node") else ".py")
        name = f"function-{next(_numbers)}"
        made = local_aws.client("lambda").create_function(
            **{
                "FunctionName": name,
                "Role": function_role,
                "Runtime": runtime,
                "Handler": "index.handler",
                "Code": {"ZipFile": zipped({f"index{suffix}": source})},
                "Timeout": 20,
            }
            | settings
        )
        return Deployed(name, made["FunctionArn"], local_aws)

    return deployed
