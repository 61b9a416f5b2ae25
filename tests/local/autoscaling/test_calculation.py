"""How much capacity a policy asks for."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.autoscaling.calculation import bounded, scaled_in, scaled_out, stepped


@pytest.mark.parametrize(
    ("current", "value", "target", "expected"),
    [(1, 140, 70, 2), (1, 141, 70, 3), (2, 71, 70, 3), (4, 700, 70, 40), (3, 70, 70, 3)],
)
def test_scaling_out_is_proportional_and_rounds_up(
    current: int, value: float, target: float, expected: int
) -> None:
    """Enough instances that each has at most its target."""
    assert scaled_out(current, value, target, before=None) == expected


def test_a_running_cooldown_counts_what_was_added() -> None:
    """Only a larger scale-out than the one before adds more; a smaller one takes nothing back."""
    assert scaled_out(3, 210, 70, before=1) == 3
    assert scaled_out(3, 350, 70, before=1) == 5
    assert scaled_out(3, 80, 70, before=1) == 3


@pytest.mark.parametrize(
    ("current", "values", "expected"),
    [(4, [0.0] * 15, 0), (4, [10.0, 35.0, 10.0], 2), (4, [62.0], 4), (1, [100.0], 1)],
)
def test_scaling_in_leaves_enough_for_the_highest_datapoint(
    current: int, values: list[float], expected: int
) -> None:
    """It never adds."""
    assert scaled_in(current, values, 70) == expected


def test_capacity_stays_within_its_bounds() -> None:
    """Minimum and maximum are part of the range."""
    assert [bounded(value, 1, 4) for value in (0, 1, 3, 4, 9)] == [1, 1, 3, 4, 4]


OUT = [
    {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10, "ScalingAdjustment": 1},
    {"MetricIntervalLowerBound": 10, "ScalingAdjustment": 3},
]
IN = [
    {"MetricIntervalUpperBound": 0, "MetricIntervalLowerBound": -10, "ScalingAdjustment": -1},
    {"MetricIntervalUpperBound": -10, "ScalingAdjustment": -2},
]


@pytest.mark.parametrize(
    ("breach", "steps", "expected"),
    [(0, OUT, 5), (9.9, OUT, 5), (10, OUT, 7), (-1, IN, 3), (-10, IN, 2), (-30, IN, 2)],
)
def test_a_step_applies_to_its_interval(
    breach: float, steps: list[dict[str, Any]], expected: int
) -> None:
    """Above the threshold the lower bound is in, below it the upper bound."""
    configuration = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps}
    assert stepped(4, breach, configuration) == expected


@pytest.mark.parametrize(
    ("kind", "adjustment", "least", "current", "expected"),
    [
        ("ExactCapacity", 6, None, 4, 6),
        ("PercentChangeInCapacity", 50, None, 4, 6),
        ("PercentChangeInCapacity", 10, None, 4, 5),
        ("PercentChangeInCapacity", 40, None, 4, 5),
        ("PercentChangeInCapacity", 10, 2, 4, 6),
        ("PercentChangeInCapacity", -50, None, 5, 3),
    ],
)
def test_an_adjustment_is_a_change_a_count_or_a_share(
    kind: str, adjustment: float, least: int | None, current: int, expected: int
) -> None:
    """Percentages below one become one, above one they are cut."""
    configuration = {
        "AdjustmentType": kind,
        "MinAdjustmentMagnitude": least,
        "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": adjustment}],
    }
    assert stepped(current, 1, configuration) == expected
