"""When an alarm changes its state: AWS's own tables, and its wording."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from local_aws.cloudwatch.evaluation import Condition, judge

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
RETAIN = None
VALUES = {"0": 0.0, "X": 5.0, "-": None}


def points(text: str) -> list[tuple[datetime, float | None]]:
    """Datapoints a minute apart: 0 within the threshold, X breaching, - missing."""
    return [
        (START + timedelta(minutes=index), VALUES[sign]) for index, sign in enumerate(text.split())
    ]


def condition(needed: int | None, treatment: str = "missing", periods: int = 3) -> Condition:
    """Greater than 1 in ``needed`` of three periods."""
    return Condition(
        comparison="GreaterThanThreshold",
        threshold=1.0,
        evaluation_periods=periods,
        datapoints_to_alarm=needed,
        treatment=treatment,
    )


# Both tables of AWS's page "Configuring how CloudWatch alarms treat missing data".
THREE_OF_THREE = {
    "0 - X - X": ("OK", "OK", "OK", "OK"),
    "0 - - - -": ("OK", "OK", "OK", "OK"),
    "- - - - -": ("INSUFFICIENT_DATA", RETAIN, "ALARM", "OK"),
    "0 X X - X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "- - X - -": ("ALARM", RETAIN, "ALARM", "OK"),
}
TWO_OF_THREE = {
    "0 - X - X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "0 0 X 0 X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "0 - X - -": ("OK", "OK", "ALARM", "OK"),
    "- - - - 0": ("OK", "OK", "ALARM", "OK"),
    "- - - X -": ("ALARM", RETAIN, "ALARM", "OK"),
}
ROWS = [
    (needed, data, treatment, state)
    for needed, table in ((3, THREE_OF_THREE), (2, TWO_OF_THREE))
    for data, states in table.items()
    for treatment, state in zip(TREATMENTS, states, strict=True)
]


@pytest.mark.parametrize(("needed", "data", "treatment", "state"), ROWS)
def test_an_alarm_evaluates_missing_data_as_aws_s_tables_say(
    needed: int, data: str, treatment: str, state: str | None
) -> None:
    """Each cell of the two tables that AWS documents."""
    verdict = judge(condition(needed, treatment), points(data))
    assert (None if verdict is None else verdict.state) == state


def test_three_evaluation_periods_look_back_over_five() -> None:
    """The evaluation range that AWS's page gives for its tables."""
    assert condition(3).evaluation_range == 5


@pytest.mark.parametrize("data", ["- - - - X", "- - - X -"])
def test_an_alarm_does_not_fire_on_the_first_breaching_datapoint(data: str) -> None:
    """Three of three: one young breaching datapoint is not enough, its state stays."""
    assert judge(condition(3), points(data)) is None


def test_one_breaching_datapoint_is_enough_where_one_is_asked_for() -> None:
    """M of N with M = 1 fires although other periods have no data."""
    verdict = judge(condition(1, "notBreaching"), points("- - - - X"))
    assert verdict is not None
    assert verdict.state == "ALARM"


@pytest.mark.parametrize(
    ("comparison", "value", "breaches"),
    [
        ("GreaterThanThreshold", 1.0, False),
        ("GreaterThanOrEqualToThreshold", 1.0, True),
        ("LessThanThreshold", 1.0, False),
        ("LessThanOrEqualToThreshold", 1.0, True),
        ("LessThanThreshold", 0.9, True),
        ("GreaterThanThreshold", 1.1, True),
    ],
)
def test_the_threshold_itself_breaches_only_the_or_equal_operators(
    comparison: str, value: float, breaches: bool
) -> None:
    """Strict and non-strict comparisons differ exactly at the threshold."""
    strict = Condition(comparison=comparison, threshold=1.0, evaluation_periods=1)
    verdict = judge(strict, [(START, None), (START, None), (START, value)])
    assert verdict is not None
    assert (verdict.state == "ALARM") == breaches


@pytest.mark.parametrize(
    ("needed", "treatment", "periods", "data", "reason"),
    [
        (
            None,
            "missing",
            1,
            "- - X",
            "Threshold Crossed: 1 datapoint [5.0 (22/11/26 10:02:00)] was greater than the "
            "threshold (1.0).",
        ),
        (
            1,
            "missing",
            1,
            "- - X",
            "Threshold Crossed: 1 out of the last 1 datapoints [5.0 (22/11/26 10:02:00)] was "
            "greater than the threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition).",
        ),
        (
            1,
            "missing",
            1,
            "- - 0",
            "Threshold Crossed: 1 out of the last 1 datapoints [0.0 (22/11/26 10:02:00)] was not "
            "greater than the threshold (1.0) (minimum 1 datapoint for ALARM -> OK transition).",
        ),
        (
            None,
            "missing",
            2,
            "- - X X",
            "Threshold Crossed: 2 datapoints [5.0 (22/11/26 10:03:00), 5.0 (22/11/26 10:02:00)] "
            "were greater than the threshold (1.0).",
        ),
        (None, "missing", 1, "- - -", "Insufficient Data: 1 datapoint was unknown."),
        (
            None,
            "notBreaching",
            1,
            "- - -",
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint "
            "was treated as [NonBreaching].",
        ),
        (
            None,
            "breaching",
            2,
            "- - - -",
            "Threshold Crossed: no datapoints were received for 2 periods and 2 missing "
            "datapoints were treated as [Breaching].",
        ),
    ],
)
def test_the_reason_is_worded_as_cloudwatch_words_it(
    needed: int | None, treatment: str, periods: int, data: str, reason: str
) -> None:
    """Sentences as they appear in notifications of AWS."""
    verdict = judge(condition(needed, treatment, periods), points(data))
    assert verdict is not None
    assert verdict.reason == reason
