"""Stacks of raw templates, deployed as the CDK CLI deploys: by change set."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

FINAL_SECONDS = 180


class Stacks:
    """Deploys templates to a local AWS and tells how it went."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.names: list[str] = []

    @staticmethod
    def resource(type_name: str, **properties: Any) -> dict[str, Any]:
        """A resource of a template."""
        return {"Type": type_name, "Properties": properties}

    @staticmethod
    def allow(action: str) -> dict[str, Any]:
        """A policy with one statement."""
        return {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}],
        }

    def new_name(self) -> str:
        """A stack name that no other test uses; the stack is deleted after the test."""
        self.names.append(f"test-{uuid.uuid4().hex[:8]}")
        return self.names[-1]

    def change_set(
        self, name: str, resources: dict[str, Any], *, kind: str = "UPDATE", **more: Any
    ) -> dict[str, Any]:
        """Make a change set for a template and describe it.

        ``template`` in ``more`` holds further sections; everything else goes into the request.
        """
        template = {"Resources": resources, **more.pop("template", {})}
        made = self.api.create_change_set(
            StackName=name,
            ChangeSetName=f"change-{uuid.uuid4().hex}",
            ChangeSetType=kind,
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            **more,
        )
        described: dict[str, Any] = self.api.describe_change_set(
            ChangeSetName=made["Id"], IncludePropertyValues=True
        )
        return described

    def execute(self, change_set: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Execute a change set; the stack when it is through."""
        self.api.execute_change_set(ChangeSetName=change_set["ChangeSetId"], **more)
        return self.wait(change_set["StackId"])

    def deploy(self, name: str, resources: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Create or update; the stack when it is through."""
        exists = any(
            found["StackName"] == name and found["StackStatus"] != "REVIEW_IN_PROGRESS"
            for found in self.api.describe_stacks()["Stacks"]
        )
        kind = "UPDATE" if exists else "CREATE"
        change_set = self.change_set(name, resources, kind=kind, **more)
        assert change_set["Status"] == "CREATE_COMPLETE", change_set.get("StatusReason")
        return self.execute(change_set)

    def wait(self, stack_id: str) -> dict[str, Any]:
        """The stack, as soon as no operation runs."""
        deadline = time.monotonic() + FINAL_SECONDS
        while time.monotonic() < deadline:
            (found,) = self.api.describe_stacks(StackName=stack_id)["Stacks"]
            if not found["StackStatus"].endswith("_IN_PROGRESS"):
                return dict(found)
            time.sleep(0.05)
        raise AssertionError(f"{stack_id} is still {found['StackStatus']}")

    def delete(self, name: str, **more: Any) -> dict[str, Any]:
        """Delete the stack; what is told of it afterwards."""
        (found,) = self.api.describe_stacks(StackName=name)["Stacks"]
        self.api.delete_stack(StackName=name, **more)
        return self.wait(found["StackId"])

    def events(self, stack: dict[str, Any]) -> list[tuple[str, str, str]]:
        """Logical id, status and reason of each event, oldest first."""
        pages = self.api.get_paginator("describe_stack_events").paginate(StackName=stack["StackId"])
        found = [event for page in pages for event in page["StackEvents"]]
        return [
            (e["LogicalResourceId"], e["ResourceStatus"], e.get("ResourceStatusReason", ""))
            for e in reversed(found)
        ]

    def physical_id(self, stack: dict[str, Any], logical_id: str) -> str:
        """A resource's physical id."""
        detail = self.api.describe_stack_resource(
            StackName=stack["StackId"], LogicalResourceId=logical_id
        )
        return str(detail["StackResourceDetail"]["PhysicalResourceId"])


@pytest.fixture
def stacks(local_aws: Any) -> Iterator[Stacks]:
    """Stacks of one test; those it leaves are deleted."""
    found = Stacks(local_aws.client("cloudformation"))
    yield found
    for name in reversed(found.names):
        found.api.update_termination_protection(
            StackName=name, EnableTerminationProtection=False
        ) if _exists(found.api, name) else None
        found.api.delete_stack(StackName=name)


def _exists(api: Any, name: str) -> bool:
    return any(found["StackName"] == name for found in api.describe_stacks()["Stacks"])


@pytest.fixture
def ssm(local_aws: Any) -> Any:
    """Parameter store, to see what stands."""
    return local_aws.client("ssm")


@pytest.fixture
def parameter() -> Callable[..., dict[str, Any]]:
    """Makes a resource of the simplest type: an SSM parameter."""

    def make(value: Any = "x", **more: Any) -> dict[str, Any]:
        attributes = {
            key: more.pop(key)
            for key in (
                "Condition",
                "DeletionPolicy",
                "DependsOn",
                "Metadata",
                "UpdateReplacePolicy",
            )
            if key in more
        }
        properties = {"Type": "String", "Value": value, **more}
        return {"Type": "AWS::SSM::Parameter", "Properties": properties, **attributes}

    return make
