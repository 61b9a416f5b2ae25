"""Metric data queries, as GetMetricData and alarms state them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_aws.cloudwatch.expressions import ExpressionError, Series, evaluate, references
from local_aws.cloudwatch.store import Dimensions, MetricStore, Samples, SeriesKey


@dataclass(frozen=True, kw_only=True)
class MetricStat:
    """A statistic of one metric.

    Attributes:
        key: the metric.
        statistic: Sum, Average, ..., p99.
        period: seconds.
        unit: only datapoints of this unit; all if None.
    """

    key: SeriesKey
    statistic: str
    period: int
    unit: str | None = None


@dataclass(frozen=True, kw_only=True)
class Query:
    """One member of MetricDataQueries: a metric's statistic or an expression over others."""

    id: str
    metric: MetricStat | None = None
    expression: str | None = None
    period: int | None = None
    label: str | None = None
    returned: bool = True

    @property
    def title(self) -> str:
        """The label, or what CloudWatch puts in its place."""
        if self.label:
            return self.label
        return self.id if self.metric is None else self.metric.key.metric


def dimensions_of(members: Sequence[Mapping[str, str]]) -> Dimensions:
    """Dimensions as the API lists them."""
    return tuple(sorted((member["Name"], member["Value"]) for member in members))


def query_of(member: Mapping[str, Any]) -> Query:
    """A query as the API states it."""
    stat = member.get("MetricStat")
    return Query(
        id=member["Id"],
        metric=None
        if not stat
        else MetricStat(
            key=SeriesKey(
                stat["Metric"].get("Namespace", ""),
                stat["Metric"].get("MetricName", ""),
                dimensions_of(stat["Metric"].get("Dimensions") or ()),
            ),
            statistic=stat["Stat"],
            period=int(stat["Period"]),
            unit=stat.get("Unit"),
        ),
        expression=member.get("Expression"),
        period=None if member.get("Period") is None else int(member["Period"]),
        label=member.get("Label"),
        returned=str(member.get("ReturnData", True)).lower() != "false",
    )


def edges_between(start: float, end: float, period: float) -> list[float]:
    """Bounds of the periods that begin before ``end``.

    CloudWatch rounds the start down: to the minute, or to the period where that is shorter. A
    period counts by its beginning, so the one that is still running is among them.
    """
    grain = min(period, 60)
    first = math.floor(start / grain) * grain
    count = max(1, math.ceil((end - first) / period))
    return [first + index * period for index in range(count + 1)]


class QuerySet:
    """Queries that may refer to each other, evaluated on a store."""

    def __init__(self, store: MetricStore, queries: Sequence[Query]) -> None:
        self._store = store
        self._queries = {query.id: query for query in queries}

    def period(self, query: Query) -> int:
        """A query's period; an expression takes the longest of the metrics that it stands on."""
        if query.metric is not None:
            return query.metric.period
        if query.period is not None:
            return query.period
        names = references(query.expression or "") & set(self._queries)
        return max((self.period(self._queries[name]) for name in names), default=60)

    def series(
        self, query: Query, edges: list[float], _above: frozenset[str] = frozenset()
    ) -> Series:
        """The query's value in each period between two neighbours of ``edges``.

        Raises:
            ExpressionError: the expression cannot be evaluated.
        """
        if query.metric is not None:
            return [
                window.statistic(query.metric.statistic) for window in self.samples(query, edges)
            ]
        if query.id in _above:
            raise ExpressionError(f"the expression {query.id} stands on itself")
        expression = query.expression or ""
        wanted = set(self._queries) if "METRICS(" in expression else references(expression)
        inputs = {
            name: self.series(self._queries[name], edges, _above | {query.id})
            for name in self._queries
            if name in wanted and (name in references(expression) or self._queries[name].metric)
        }
        return evaluate(expression, inputs, length=len(edges) - 1, period=self.period(query))

    def samples(self, query: Query, edges: list[float]) -> list[Samples]:
        """Datapoints beneath a metric's query in each period; none for an expression."""
        if query.metric is None:
            return []
        return self._store.windows(query.metric.key, edges, query.metric.unit)
