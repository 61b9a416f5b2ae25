"""An alarm sees every datapoint, also where the machine gives the local AWS no time for a while."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Of the alarm's period, and of the periods that it looks back, in seconds here.
LOOKS_BACK = 3 * 30 / 60


def test_a_datapoint_is_seen_by_who_was_held_up_for_longer_than_alarms_look_back(
    launch: Callable[..., Any], tmp_path: Path
) -> None:
    """The rounds that passed meanwhile are made up for, in their order."""
    running = launch(tmp_path / "state", speed=60)
    cloudwatch = running.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="once",
        Namespace="Tests",
        MetricName="once",
        Statistic="Maximum",
        Period=30,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    cloudwatch.put_metric_data(Namespace="Tests", MetricData=[{"MetricName": "once", "Value": 1}])
    os.kill(running.process.pid, signal.SIGSTOP)
    time.sleep(2 * LOOKS_BACK)
    os.kill(running.process.pid, signal.SIGCONT)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        history = cloudwatch.describe_alarm_history(
            AlarmName="once", HistoryItemType="StateUpdate"
        )["AlarmHistoryItems"]
        summaries = [item["HistorySummary"] for item in history]
        if "Alarm updated from ALARM to OK" in summaries:
            break
        time.sleep(0.1)
    # The newest first; it was OK or had no data before.
    assert summaries[0] == "Alarm updated from ALARM to OK"
    assert summaries[1].endswith("to ALARM")
