"""Datapoints of metrics, kept so that a hundred thousand of them are still quick to ask."""

from __future__ import annotations

import math
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

Dimensions = tuple[tuple[str, str], ...]


def dimensions_key(dimensions: Mapping[str, str]) -> Dimensions:
    """The dimensions in an order that makes equal sets equal."""
    return tuple(sorted(dimensions.items()))


@dataclass(frozen=True)
class SeriesKey:
    """What makes a metric's series of its own: CloudWatch never aggregates over dimensions."""

    namespace: str
    metric: str
    dimensions: Dimensions


@dataclass(frozen=True)
class Datapoint:
    """Values that were published together: one value, a weighted one, or a statistic set."""

    sum: float
    count: float
    minimum: float
    maximum: float

    @classmethod
    def of(cls, value: float, count: float = 1.0) -> Datapoint:
        """``value``, ``count`` times."""
        return cls(value * count, count, value, value)


class Samples:
    """Datapoints of one period."""

    def __init__(self, points: Iterable[Datapoint]) -> None:
        self._points = list(points)

    def __len__(self) -> int:
        return len(self._points)

    def statistic(self, name: str) -> float | None:
        """A statistic by CloudWatch's name; None for a period without data.

        Args:
            name: Sum, Average, Minimum, Maximum, SampleCount, or a percentile such as p99 or p99.9.

        Raises:
            ValueError: CloudWatch has no such statistic, or it is not offered here.
        """
        count = sum(point.count for point in self._points)
        if not self._points or count == 0:
            return None
        plain: dict[str, Callable[[], float]] = {
            "Sum": lambda: math.fsum(point.sum for point in self._points),
            "Average": lambda: math.fsum(point.sum for point in self._points) / count,
            "Minimum": lambda: min(point.minimum for point in self._points),
            "Maximum": lambda: max(point.maximum for point in self._points),
            "SampleCount": lambda: count,
        }
        if name in plain:
            return plain[name]()
        return self._percentile(percentile_rank(name), count)

    def _percentile(self, rank: float, count: float) -> float | None:
        """Linear interpolation between the closest ranks, over values with their weights.

        A statistic set tells no values: as on AWS it has percentiles only where there is no doubt,
        that is with one sample, or with a minimum equal to the maximum.
        """
        if any(point.minimum != point.maximum for point in self._points):
            return None
        ordered = sorted((point.minimum, point.count) for point in self._points)
        position = rank / 100 * (count - 1)
        below = passed = 0.0
        for value, weight in ordered:
            if position < passed:
                return below + (value - below) * (position - (passed - 1))
            passed += weight
            below = value
            if position <= passed - 1:
                return value
        return below


def percentile_rank(name: str) -> float:
    """The number in ``p99.9``.

    Raises:
        ValueError: not a percentile between 0 and 100.
    """
    try:
        rank = float(name[1:]) if name.startswith("p") else math.nan
    except ValueError:
        rank = math.nan
    if not 0 <= rank <= 100:
        raise ValueError(f"expected a statistic or a percentile between p0 and p100, got {name!r}")
    return rank


class _Series:
    """Datapoints of one metric and unit in order of time; columns, not objects, for their size."""

    def __init__(self) -> None:
        self.times = array("d")
        self.columns = tuple(array("d") for _ in range(4))

    def add(self, at: float, point: Datapoint) -> None:
        # Nearly always an append; bisect serves the one who publishes the past.
        position = len(self.times)
        if position and self.times[-1] > at:
            position = bisect_right(self.times, at)
        self.times.insert(position, at)
        values = (point.sum, point.count, point.minimum, point.maximum)
        for column, value in zip(self.columns, values, strict=True):
            column.insert(position, value)

    def between(self, start: float, end: float) -> list[Datapoint]:
        first, last = bisect_left(self.times, start), bisect_left(self.times, end)
        return [
            Datapoint(*values)
            for values in zip(*(column[first:last] for column in self.columns), strict=True)
        ]


class MetricStore:
    """All datapoints of one account and region; safe to use from every thread."""

    def __init__(self) -> None:
        self._series: dict[SeriesKey, dict[str | None, _Series]] = {}
        self._lock = threading.Lock()

    def add(self, key: SeriesKey, point: Datapoint, *, at: float, unit: str | None) -> None:
        """Keep a datapoint; ``at`` is in seconds since 1970."""
        with self._lock:
            self._series.setdefault(key, {}).setdefault(unit, _Series()).add(at, point)

    def samples(self, key: SeriesKey, start: float, end: float, unit: str | None = None) -> Samples:
        """Datapoints with ``start <= time < end``; of one unit if it is given."""
        return self.windows(key, [start, end], unit)[0]

    def windows(self, key: SeriesKey, edges: list[float], unit: str | None = None) -> list[Samples]:
        """Datapoints of each window between two neighbours of ``edges``."""
        with self._lock:
            units = self._series.get(key, {})
            chosen = [series for name, series in units.items() if unit in (None, name)]
            return [
                Samples(point for series in chosen for point in series.between(start, end))
                for start, end in pairwise(edges)
            ]

    def unit(self, key: SeriesKey) -> str | None:
        """The unit a metric was published with (the first one, had it several)."""
        with self._lock:
            return next(iter(self._series.get(key, {})), None)

    def keys(self) -> list[SeriesKey]:
        """Every metric that has datapoints."""
        with self._lock:
            return list(self._series)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._series.clear()


@cache
def store_of(account: str, region: str) -> MetricStore:
    """The store of an account and region."""
    return MetricStore()
