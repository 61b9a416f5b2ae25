"""Drives providers directly, as the CloudFormation engine does."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from local_aws.cloud import Cloud
from local_aws.cloudformation.provider import Context, Created, Properties, Provider
from local_aws.cloudformation.providers import providers

_numbers = itertools.count()


@dataclass(frozen=True)
class Driven:
    """A provider and the context of one resource."""

    provider: Provider
    context: Context

    def create(self, properties: Properties) -> Created:
        """As the engine creates."""
        return self.provider.create(self.context, properties)

    def update(self, created: Created, old: Properties, new: Properties) -> Created:
        """As the engine updates in place."""
        return self.provider.update(self.context, created.physical_id, old, new)

    def delete(self, created: Created, properties: Properties) -> None:
        """As the engine deletes."""
        self.provider.delete(self.context, created.physical_id, properties)


Drive = Callable[..., Driven]


@pytest.fixture(scope="session")
def cloud(local_aws: Any) -> Cloud:
    """The running local AWS, as providers know it."""
    return Cloud(port=urlsplit(local_aws.url).port, state=Path(local_aws.state), speed=60)


@pytest.fixture
def drive(cloud: Cloud) -> Drive:
    """Gives the provider of a type, with a context of its own."""

    def driven(type_name: str, stack_tags: Mapping[str, str] | None = None) -> Driven:
        number = next(_numbers)
        key = "Custom::*" if type_name.startswith("Custom::") else type_name
        context = Context(
            cloud=cloud,
            stack_name="stack",
            stack_id="arn:aws:cloudformation:us-east-1:123456789012:stack/stack/1234",
            logical_id="Thing",
            type_name=type_name,
            token=f"TOKEN{number:04d}",
            stack_tags=stack_tags or {},
        )
        return Driven(providers()[key], context)

    return driven


@pytest.fixture(scope="session")
def role(local_aws: Any) -> str:
    """A role that Lambda, SageMaker and Step Functions may take, allowed everything."""
    trust = """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": ["lambda.amazonaws.com", "sagemaker.amazonaws.com",
        "states.amazonaws.com", "scheduler.amazonaws.com", "events.amazonaws.com"]},
        "Action": "sts:AssumeRole"}]}"""
    everything = """{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"}]}"""
    iam = local_aws.client("iam")
    arn: str = iam.create_role(RoleName="for-providers", AssumeRolePolicyDocument=trust)["Role"][
        "Arn"
    ]
    iam.put_role_policy(RoleName="for-providers", PolicyName="all", PolicyDocument=everything)
    return arn
