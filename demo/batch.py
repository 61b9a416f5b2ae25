"""A batch of the held-out rows through the deployed state machine."""

from __future__ import annotations

import json
import time
from pathlib import Path

from demo.console import say
from demo.environment import DemoError, LocalAwsProcess

TIMEOUT_SECONDS = 120
POLL_SECONDS = 0.5


def run(aws: LocalAwsProcess, state_machine: str, bucket: str, model: Path) -> None:
    """Upload the rows, start an execution, follow it and print the first joined rows.

    Raises:
        DemoError: the execution did not succeed, or its output is not whole.
    """
    s3, states = aws.client("s3"), aws.client("stepfunctions")
    rows = (model / "heldout.csv").read_bytes()
    s3.put_object(Bucket=bucket, Key="input/demo/heldout.csv", Body=rows)
    request = {
        "input": f"s3://{bucket}/input/demo/",
        "output": f"s3://{bucket}/output/demo/",
        "join": "Input",
    }
    say(f"execution input: {json.dumps(request)}")
    execution = states.start_execution(stateMachineArn=state_machine, input=json.dumps(request))
    _follow(aws, execution["executionArn"])
    body = s3.get_object(Bucket=bucket, Key="output/demo/heldout.csv.out")["Body"].read()
    joined = body.decode().splitlines()
    if len(joined) != len(rows.decode().splitlines()):
        raise DemoError(f"{len(joined)} rows came back for {len(rows.decode().splitlines())}")
    say(f"{len(joined)} rows in s3://{bucket}/output/demo/heldout.csv.out; the first three:")
    for line in joined[:3]:
        fields = line.split(",")
        say(f"  {','.join(fields[:4])},… {len(fields) - 1} features → {fields[-1]}")


def _follow(aws: LocalAwsProcess, execution: str) -> None:
    """Print each state as it is entered, until the execution ends."""
    states = aws.client("stepfunctions")
    told: set[int] = set()
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        described = states.describe_execution(executionArn=execution)
        pages = states.get_paginator("get_execution_history").paginate(executionArn=execution)
        for event in (event for page in pages for event in page["events"]):
            if event["id"] not in told and "stateEnteredEventDetails" in event:
                say(f"→ {event['stateEnteredEventDetails']['name']}")
            told.add(event["id"])
        if described["status"] == "SUCCEEDED":
            return
        if described["status"] != "RUNNING":
            raise DemoError(
                f"the execution is {described['status']}: {described.get('error')} "
                f"{described.get('cause')}"
            )
        time.sleep(POLL_SECONDS)
    raise DemoError(f"the execution did not end within {TIMEOUT_SECONDS} s")
