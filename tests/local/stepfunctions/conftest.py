"""Runs state machines on the local AWS."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

SECONDS = 30
_numbers = itertools.count(1)


@dataclass
class Run:
    """An execution, and how it stood when it was last looked at."""

    states: Any
    arn: str
    described: dict[str, Any]
    seconds: float = 0.0

    def wait(self, seconds: float = SECONDS) -> Run:
        """Wait for its end."""
        began = time.monotonic()
        while time.monotonic() < began + seconds:
            self.described = self.states.describe_execution(executionArn=self.arn)
            if self.status != "RUNNING":
                self.seconds = time.monotonic() - began
                return self
            time.sleep(0.05)
        raise AssertionError(f"{self.arn} still runs after {seconds} s")

    @property
    def status(self) -> str:
        """Its status."""
        status: str = self.described["status"]
        return status

    @property
    def output(self) -> Any:
        """What it gave, parsed."""
        return json.loads(self.described["output"])

    @property
    def failure(self) -> tuple[str | None, str | None]:
        """Error and cause."""
        return self.described.get("error"), self.described.get("cause")

    def history(self) -> list[dict[str, Any]]:
        """Its events."""
        events: list[dict[str, Any]] = self.states.get_execution_history(executionArn=self.arn)[
            "events"
        ]
        return events


class Machines:
    """Makes and runs state machines."""

    def __init__(self, local_aws: Any, role: str) -> None:
        self.states = local_aws.client("stepfunctions")
        self.role = role

    def create(
        self,
        states: dict[str, Any],
        *,
        role: str | None = None,
        settings: dict[str, Any] | None = None,
        **top: Any,
    ) -> str:
        """A state machine that starts with the first of ``states``; its ARN."""
        definition = {"StartAt": next(iter(states)), "States": states, **top}
        arn: str = self.states.create_state_machine(
            name=f"machine-{next(_numbers)}",
            roleArn=role or self.role,
            definition=json.dumps(definition),
            **(settings or {}),
        )["stateMachineArn"]
        return arn

    def start(self, arn: str, given: Any = None, **named: Any) -> Run:
        """Start an execution."""
        begun = self.states.start_execution(
            stateMachineArn=arn, input=json.dumps({} if given is None else given), **named
        )
        return Run(self.states, begun["executionArn"], {"status": "RUNNING"})

    def run(self, states: dict[str, Any], given: Any = None, **options: Any) -> Run:
        """Make a state machine, start it and wait for its end."""
        return self.start(self.create(states, **options), given).wait()


@pytest.fixture(scope="session")
def machines(local_aws: Any, make_role: Callable[..., str]) -> Machines:
    """State machines whose role may do everything."""
    return Machines(local_aws, make_role("states.amazonaws.com", "*"))
