"""Every permission of the roles behind office hours is needed: without it something fails.

A permission is one action on one resource. It is taken away, and then the office hours have to do
all that they do, until something does not work any more.
"""

from __future__ import annotations

import functools
import json
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.soak

ANSWERS = "office-hours-answers"
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
    """

    office: Any

    def __post_init__(self) -> None:
        self.client = functools.cache(self.office.aws.client)
        self.iam, self.states = self.client("iam"), self.client("stepfunctions")
        self.machine = self.office.resource("AWS::StepFunctions::StateMachine")
        self.functions = tuple(
            self.office.resource("AWS::Lambda::Function", f"Workflow{word}")
            for word in ("Gate", "Worker")
        )
        self.stack_id = self.client("cloudformation").describe_stacks(StackName=self.office.name)[
            "Stacks"
        ][0]["StackId"]

    def permissions(self) -> list[Permission]:
        """All that the roles behind the office hours are allowed."""
        return [
            Permission(role, policy, index, action, resource)
            for role in self.office.resources("AWS::IAM::Role")
            if "OfficeHours" in role
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
        self.make_anew()
        began = self.forget_environments()
        office.close()
        office.capacity(0)
        opening = office.fire("Opening")
        office.until(lambda: self.left(opening, "Tell of Open"), seconds=15)
        office.capacity(None)
        assert office.end_of(opening) == "SUCCEEDED", office.failed_execution(opening)
        assert self.caught(opening) == []
        office.until(lambda: self.traced(opening), seconds=8)
        office.close()
        deploying = self.ask("Update")
        assert office.end_of(deploying) == "SUCCEEDED", office.failed_execution(deploying)
        leaving = self.ask("Delete")
        assert office.end_of(leaving) == "SUCCEEDED", office.failed_execution(leaving)
        assert office.parameters() == []
        office.close()
        office.open()
        assert self.ask("Delete") is None
        assert office.parameters() == []
        office.until(lambda: self.logged_since(began), seconds=8)

    def restore(self) -> None:
        """An open endpoint again, whatever was left half-way."""
        self.office.capacity(None)
        self.office.until(lambda: not self.office.running())
        if self.office.status() != "InService":
            self.office.close()
            self.office.open()

    def make_anew(self) -> None:
        """Create the state machine once more, as a deployment would."""
        found = self.states.describe_state_machine(stateMachineArn=self.machine)
        kept = ("definition", "roleArn", "loggingConfiguration", "tracingConfiguration")
        made = self.states.create_state_machine(
            name=f"anew-{uuid.uuid4()}", **{name: found[name] for name in kept}
        )
        self.states.delete_state_machine(stateMachineArn=made["stateMachineArn"])

    def left(self, execution: str, state: str) -> bool:
        """Whether an execution has left a state behind."""
        return any(
            event.get("stateExitedEventDetails", {}).get("name") == state
            for event in self._history(execution)
        )

    def caught(self, execution: str) -> list[str]:
        """What of an execution failed, and was caught."""
        return [
            event["taskFailedEventDetails"]["cause"]
            for event in self._history(execution)
            if event["type"] == "TaskFailed"
        ]

    def traced(self, execution: str) -> bool:
        """Whether there is a trace of an execution."""
        found = self.states.describe_execution(executionArn=execution)
        trace = found["traceHeader"].partition("=")[2].partition(";")[0]
        return bool(self.client("xray").batch_get_traces(TraceIds=[trace])["Traces"])

    def ask(self, request: str) -> str | None:
        """Ask the gate as CloudFormation does; the execution that is to answer, if one is."""
        request_id = str(uuid.uuid4())
        where = {"Bucket": ANSWERS, "Key": request_id}
        definition = self.states.describe_state_machine(stateMachineArn=self.machine)["definition"]
        event = {
            "RequestType": request,
            "ResponseURL": self.client("s3").generate_presigned_url("put_object", Params=where),
            "StackId": self.stack_id,
            "RequestId": request_id,
            "LogicalResourceId": "Asked",
            "PhysicalResourceId": "office-hours",
            "ResourceProperties": {
                "Position": "Before",
                "EndpointName": self.office.endpoint,
                "Parameters": re.findall(r"/inference/office-hours/\w+", definition)[0],
                "StateMachine": self.machine,
            },
        }
        gate, _ = self.functions
        self.client("lambda").invoke(FunctionName=gate, Payload=json.dumps(event))
        started = [arn for arn in self.office.executions() if arn.endswith(request_id)]
        if started:
            return started[0]
        answer = json.loads(self.client("s3").get_object(**where)["Body"].read())
        assert answer["Status"] == "SUCCESS", answer["Reason"]
        return None

    def forget_environments(self) -> int:
        """Let each function begin with a new environment, and so a new log stream; when."""
        for name in self.functions:
            self.client("lambda").update_function_configuration(
                FunctionName=name, Description=str(uuid.uuid4())
            )
        return int(time.time() * 1000)

    def logged_since(self, began: int) -> bool:
        """Whether both functions have written to their logs."""
        described = [
            self.client("lambda").get_function_configuration(FunctionName=name)
            for name in self.functions
        ]
        return all(
            self.client("logs").filter_log_events(
                logGroupName=found["LoggingConfig"]["LogGroup"], startTime=began
            )["events"]
            for found in described
        )

    def _history(self, execution: str) -> list[dict[str, Any]]:
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=execution)
        return [event for page in pages for event in page["events"]]

    def _document(self, policy: str) -> dict[str, Any]:
        version = self.iam.get_policy(PolicyArn=policy)["Policy"]["DefaultVersionId"]
        found = self.iam.get_policy_version(PolicyArn=policy, VersionId=version)
        document: dict[str, Any] = found["PolicyVersion"]["Document"]
        return document


@pytest.fixture(scope="module")
def working(deployed: Any) -> Working:
    """A deployed stack with office hours."""
    deployed.aws.client("s3").create_bucket(Bucket=ANSWERS)
    return Working(deployed)


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
