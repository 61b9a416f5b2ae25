"""Runs of a deployed batch workflow: started, followed, looked at."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from inference_ops.aws import aws_errors
from inference_ops.errors import CommandError, Exit

if TYPE_CHECKING:
    import boto3

OUTPUT = "StateMachineArn"
POLL_SECONDS = 2.0
# What a summary tells a reader first.
_SHOWN = (
    "status",
    "output",
    "inputs",
    "outputs",
    "failed",
    "records",
    "bad_records",
    "removed_headers",
    "jobs",
    "model_version",
    "duration_seconds",
    "cost_usd",
    "failed_inputs",
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """An execution of the workflow.

    Attributes:
        execution: its ARN.
        status: as Step Functions has it.
        summary: what the run says of itself; nothing while it runs.
    """

    execution: str
    status: str
    summary: Mapping[str, Any] = field(default_factory=dict)

    @property
    def elsewhere(self) -> str | None:
        """The execution that runs, or has run, the same data instead of this one."""
        if self.summary.get("status") in ("RUNNING_ELSEWHERE", "ALREADY_DONE"):
            return str(self.summary["execution"])
        return None

    def to_json(self) -> dict[str, Any]:
        """The run as `--json` prints it."""
        own = {"execution": self.execution, "execution_status": self.status}
        return {**self.summary, **own}

    def shown(self) -> dict[str, Any]:
        """What people are shown of it."""
        return {name: self.summary[name] for name in _SHOWN if name in self.summary}

    @property
    def reason(self) -> str:
        """Why it failed, in one sentence."""
        if self.summary.get("failed"):
            return (
                f"{self.summary['failed']} of {self.summary['inputs']} inputs failed: see "
                f"{self.summary['failed_inputs']}"
            )
        failure = self.summary.get("failure")
        if isinstance(failure, dict):
            return _message(str(failure.get("Cause", failure.get("Error"))))
        return f"the execution is {self.status}"


def _message(cause: str) -> str:
    """The message within what a function raised, which Step Functions has as JSON."""
    try:
        found = json.loads(cause)
    except ValueError:
        return cause
    return str(found.get("errorMessage", cause)) if isinstance(found, dict) else cause


class Runs:
    """The runs of one workflow.

    Args:
        session: a boto3 session.
        stack: the stack of the workflow; by default the only one that has one.
        tell: shows progress.
    """

    def __init__(
        self, session: "boto3.Session", *, stack: str | None, tell: Callable[[str], None]
    ) -> None:
        self._states = session.client("stepfunctions")
        self._stacks = session.client("cloudformation")
        self._stack = stack
        self._tell = tell

    def start(self, request: Mapping[str, Any]) -> str:
        """Starts a run.

        Args:
            request: the execution's input.

        Returns:
            The execution's ARN.
        """
        machine = self._machine()
        with aws_errors(machine):
            started = self._states.start_execution(
                stateMachineArn=machine, input=json.dumps(request)
            )
        arn: str = started["executionArn"]
        return arn

    def look(self, execution: str) -> Run:
        """Looks at a run.

        Args:
            execution: its ARN, or its name.
        """
        arn = execution
        if not arn.startswith("arn:"):
            machine = self._machine()
            arn = f"{machine.replace(':stateMachine:', ':execution:', 1)}:{execution}"
        with aws_errors(arn):
            found = self._states.describe_execution(executionArn=arn)
        text = found.get("output") if found["status"] == "SUCCEEDED" else found.get("cause")
        try:
            summary = json.loads(text or "{}")
        except ValueError:
            summary = {"failure": {"Error": found.get("error"), "Cause": text}}
        return Run(execution=arn, status=found["status"], summary=summary)

    def follow(self, execution: str) -> Run:
        """Waits for the end of a run, and tells what it is at.

        Args:
            execution: its ARN. If the same data is being run by another one, that is followed.

        Raises:
            CommandError: it failed.
        """
        told = ""
        while True:
            run = self.look(execution)
            if run.status != "RUNNING":
                break
            if (now := self.progress(execution)) not in ("", told):
                self._tell(now)
                told = now
            time.sleep(POLL_SECONDS)
        if run.elsewhere is not None:
            if run.summary["status"] == "RUNNING_ELSEWHERE":
                self._tell(f"the same data is being run by {run.elsewhere}")
                return self.follow(run.elsewhere)
            self._tell(f"the same data has been run by {run.elsewhere}; --force runs it again")
        elif run.status != "SUCCEEDED":
            raise CommandError(run.reason, Exit.REFUSED)
        return run

    def progress(self, execution: str) -> str:
        """Says what a run is at: its state, or how many of its shards are done.

        Args:
            execution: its ARN.
        """
        with aws_errors(execution):
            for found in self._states.list_map_runs(executionArn=execution)["mapRuns"]:
                counts = self._states.describe_map_run(mapRunArn=found["mapRunArn"])["itemCounts"]
                done = sum(counts[name] for name in ("succeeded", "failed", "aborted", "timedOut"))
                if done < counts["total"]:
                    return f"{done} of {counts['total']} jobs done, {counts['running']} running"
            pages = self._states.get_paginator("get_execution_history").paginate(
                executionArn=execution, includeExecutionData=False
            )
            entered = [
                event["stateEnteredEventDetails"]["name"]
                for page in pages
                for event in page["events"]
                if "stateEnteredEventDetails" in event
            ]
            return entered[-1] if entered else ""

    def _machine(self) -> str:
        if self._stack is not None and self._stack.startswith("arn:"):
            return self._stack
        found = self._workflows()
        if self._stack is not None:
            if self._stack not in found:
                raise CommandError(f"stack {self._stack} has no output {OUTPUT}")
            return found[self._stack]
        if len(found) != 1:
            names = ", ".join(sorted(found)) or "none"
            raise CommandError(
                f"expected one stack with a batch workflow, found {names}: give --stack",
                Exit.USAGE,
            )
        [machine] = found.values()
        return machine

    def _workflows(self) -> dict[str, str]:
        """The state machines by the names of their stacks."""
        given = {} if self._stack is None else {"StackName": self._stack}
        with aws_errors(self._stack or "the list of stacks"):
            pages = self._stacks.get_paginator("describe_stacks").paginate(**given)
            return {
                stack["StackName"]: output["OutputValue"]
                for page in pages
                for stack in page["Stacks"]
                for output in stack.get("Outputs", ())
                if output["OutputKey"] == OUTPUT
            }


def parse_settings(settings: list[str]) -> dict[str, Any]:
    """Reads `name=value` pairs.

    Args:
        settings: the pairs; a value is JSON where it can be, else text.

    Raises:
        CommandError: one is no pair.
    """
    found: dict[str, Any] = {}
    for setting in settings:
        name, sign, value = setting.partition("=")
        if not (name and sign):
            raise CommandError(
                f"expected --set NAME=VALUE, such as concurrent_jobs=2, got {setting!r}", Exit.USAGE
            )
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
        # The request has texts for them, `None` among the choices.
        if found[name] is None:
            found[name] = value
    return found
