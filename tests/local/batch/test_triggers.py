"""Runs that nobody starts by hand: by the clock, and by what comes."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from tests.local.batch.conftest import until

pytestmark = pytest.mark.long


def executions(batch: Any) -> list[str]:
    """The executions of the workflow itself, the newest first."""
    found = batch.states.list_executions(stateMachineArn=batch.machine)["executions"]
    return [execution["executionArn"] for execution in found]


def test_a_delivery_of_many_files_is_one_run(batch: Any) -> None:
    """It begins when no more come."""
    before = set(executions(batch))
    for number in range(6):
        batch.s3.put_object(
            Bucket=batch.bucket, Key=f"arrivals/may/{number}.csv", Body=f"c{number},1\n".encode()
        )
    [started] = until(lambda: set(executions(batch)) - before)
    ended = batch.end_of(started)
    assert ended["status"] == "SUCCEEDED", ended["cause"]
    assert json.loads(ended["input"]) == {"input": f"s3://{batch.bucket}/arrivals/may/"}
    assert json.loads(ended["output"])["outputs"] == 6
    assert set(executions(batch)) - before == {started}
    group = batch.resource("AWS::Scheduler::ScheduleGroup", "Arrivals")
    left = batch.aws.client("scheduler").list_schedules(GroupName=group)["Schedules"]
    assert left == []


def test_the_clock_starts_a_run(batch: Any) -> None:
    """By the clock of its time zone."""
    group = batch.resource("AWS::Scheduler::ScheduleGroup", "Daily")
    schedule = batch.resource("AWS::Scheduler::Schedule", "DailySchedule")
    described = batch.aws.client("scheduler").get_schedule(GroupName=group, Name=schedule)
    assert described["ScheduleExpressionTimezone"] == "Europe/Zurich"
    batch.s3.put_object(Bucket=batch.bucket, Key="input/daily/a.csv", Body=b"today,1\n")
    before = set(executions(batch))
    url = f"{batch.aws.url}/_local-aws/schedules/{group}/{schedule}"
    with urllib.request.urlopen(urllib.request.Request(url, data=b"", method="POST"), timeout=10):
        pass
    [started] = until(lambda: set(executions(batch)) - before)
    ended = batch.end_of(started)
    assert ended["status"] == "SUCCEEDED", ended["cause"]
    assert json.loads(ended["output"])["records"] == 1
