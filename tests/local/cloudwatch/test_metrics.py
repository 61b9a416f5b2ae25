"""Datapoints, statistics and metric math."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest

from local_aws.cloudwatch.expressions import ExpressionError, evaluate
from local_aws.cloudwatch.queries import edges_between
from local_aws.cloudwatch.store import Datapoint, MetricStore, Samples, SeriesKey

KEY = SeriesKey("AWS/SageMaker", "ModelLatency", (("EndpointName", "one"),))


@pytest.mark.parametrize("rank", [0, 1, 12.5, 50, 90, 99, 99.9, 100])
def test_a_percentile_is_that_of_all_values_with_their_counts(rank: float) -> None:
    """Weighted values count as often as they were published; numpy is the judge."""
    generator = np.random.default_rng(3)
    values, counts = generator.normal(size=60), generator.integers(1, 6, size=60)
    samples = Samples(
        Datapoint.of(float(value), float(count))
        for value, count in zip(values, counts, strict=True)
    )
    expected = np.percentile(np.repeat(values, counts), rank)
    assert samples.statistic(f"p{rank:g}") == pytest.approx(expected)


def test_statistic_sets_and_values_add_up() -> None:
    """A statistic set counts with its sum, count, minimum and maximum."""
    samples = Samples([Datapoint(sum=10, count=4, minimum=1, maximum=5), Datapoint.of(8)])
    names = ("Sum", "SampleCount", "Average", "Minimum", "Maximum")
    assert [samples.statistic(name) for name in names] == [18, 5, 3.6, 1, 8]
    assert samples.statistic("p50") is None


def test_a_period_without_data_has_no_statistic() -> None:
    """Nothing is not zero."""
    assert Samples([]).statistic("Sum") is None


@pytest.mark.parametrize("name", ["median", "p101", "p", "sum"])
def test_an_unknown_statistic_is_refused(name: str) -> None:
    """Names are CloudWatch's, with their capitals."""
    with pytest.raises(ValueError, match="expected a statistic"):
        Samples([Datapoint.of(1)]).statistic(name)


def test_a_series_is_told_by_all_of_its_dimensions() -> None:
    """CloudWatch does not aggregate over dimensions."""
    store = MetricStore()
    more = SeriesKey(KEY.namespace, KEY.metric, (*KEY.dimensions, ("VariantName", "a")))
    store.add(KEY, Datapoint.of(1), at=10, unit="None")
    store.add(more, Datapoint.of(5), at=10, unit="None")
    assert store.samples(KEY, 0, 20).statistic("Sum") == 1
    assert store.samples(more, 0, 20).statistic("Sum") == 5


def test_windows_take_their_start_in_and_leave_their_end_out() -> None:
    """Datapoints that came late and out of order land in their own period."""
    store = MetricStore()
    for at in (60, 0, 119.9, 120, 59.9):
        store.add(KEY, Datapoint.of(1), at=at, unit="Count")
    windows = store.windows(KEY, [0, 60, 120])
    assert [window.statistic("Sum") for window in windows] == [2, 2]


def test_a_unit_chooses_among_datapoints() -> None:
    """A question with a unit sees only what was published with it."""
    store = MetricStore()
    store.add(KEY, Datapoint.of(1), at=0, unit="Seconds")
    store.add(KEY, Datapoint.of(9), at=0, unit="Microseconds")
    assert store.samples(KEY, 0, 1, "Seconds").statistic("Sum") == 1
    assert store.samples(KEY, 0, 1).statistic("Sum") == 10


def test_a_hundred_thousand_datapoints_are_quick_to_ask() -> None:
    """Publishing takes microseconds, a question over a minute far less than a scan would."""
    store = MetricStore()
    started = time.perf_counter()
    for index in range(100_000):
        store.add(KEY, Datapoint.of(index), at=index / 100, unit="None")
    asked = time.perf_counter()
    for _ in range(100):
        assert len(store.samples(KEY, 900, 901)) == 100
    ended = time.perf_counter()
    assert asked - started < 5
    assert ended - asked < 1


@pytest.mark.parametrize(
    ("start", "end", "period", "edges"),
    [
        (65, 185, 60, [60, 120, 180, 240]),
        (65, 240, 60, [60, 120, 180, 240]),
        (63, 78, 10, [60, 70, 80]),
        (3725, 3900, 300, [3720, 4020]),
    ],
)
def test_periods_begin_at_the_rounded_start_and_count_by_their_beginning(
    start: float, end: float, period: float, edges: list[float]
) -> None:
    """The start is rounded down to the minute, or to a shorter period."""
    assert edges_between(start, end, period) == edges
    assert all(second - first == period for first, second in pairwise(edges))


ERRORS, REQUESTS = [1.0, None, 0.0, 4.0], [10.0, 5.0, 0.0, 8.0]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("m1 / m2 * 100", [10.0, None, None, 50.0]),
        ("FILL(m1, 0) / m2", [0.1, 0.0, None, 0.5]),
        ("FILL(m1, REPEAT)", [1.0, 1.0, 0.0, 4.0]),
        ("IF(m2 > 5, m1, 0)", [1.0, 0.0, 0.0, 4.0]),
        ("m2 ^ 2", [100.0, 25.0, 0.0, 64.0]),
        ("2 + 3 * 4", [14.0] * 4),
        ("-m2", [-10.0, -5.0, 0.0, -8.0]),
        ("SUM([m1, m2])", [11.0, 5.0, 0.0, 12.0]),
        ("SUM(METRICS())", [11.0, 5.0, 0.0, 12.0]),
        ("MAX(m2)", [10.0] * 4),
        ("AVG([m1, m2])", [5.5, 5.0, 0.0, 6.0]),
        ("m2 / PERIOD(m2)", [10 / 60, 5 / 60, 0.0, 8 / 60]),
        ("m2 > 4 AND m1 >= 1", [1.0, None, 0.0, 1.0]),
        ("CEIL(m2 / 3)", [4.0, 2.0, 0.0, 3.0]),
    ],
)
def test_metric_math_is_evaluated_in_each_period(
    expression: str, expected: list[float | None]
) -> None:
    """A period that misses a value has no result, neither has a division by zero."""
    inputs = {"m1": list(ERRORS), "m2": list(REQUESTS)}
    assert evaluate(expression, inputs, length=4, period=60) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("m1 +", "expected a metric math expression"),
        ("m9", "no metric or expression has the id 'm9'"),
        ("SEARCH('x', 'Sum')", "not offered in metric math here: SEARCH"),
        ("[m1, m2]", "expected one time series"),
        ("__import__('os')", "not offered"),
    ],
)
def test_what_metric_math_cannot_read_is_refused_by_name(expression: str, words: str) -> None:
    """Nothing is evaluated to a wrong value silently."""
    with pytest.raises(ExpressionError, match=words.replace("[", r"\[").replace("(", r"\(")):
        evaluate(expression, {"m1": [1.0], "m2": [2.0]}, length=1, period=60)
