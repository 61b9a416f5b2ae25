"""Metric alarms and composite alarms: what they were told, their state and their history."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local_aws.cloudwatch.evaluation import Condition, State, Verdict, judge
from local_aws.cloudwatch.queries import MetricStat, Query, QuerySet, dimensions_of, query_of
from local_aws.cloudwatch.rules import Rule, parse_rule
from local_aws.cloudwatch.store import MetricStore, SeriesKey

ACTIONS_OF_STATE: dict[str, str] = {
    "OK": "OKActions",
    "ALARM": "AlarmActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
}


def timestamp(at: datetime) -> str:
    """A time as CloudWatch writes it into JSON."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000"


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of state."""

    old: State
    new: State
    reason: str
    at: datetime


@dataclass
class Alarm:
    """What both kinds of alarm have.

    Attributes:
        name: unique in account and region.
        arn: the alarm's ARN.
        configuration: parameters of the API call that made it.
        history: the newest first, in the API's shape.
    """

    name: str
    arn: str
    configuration: dict[str, Any]
    state: State = "INSUFFICIENT_DATA"
    reason: str = "Unchecked: Initial alarm creation"
    reason_data: str = "{}"
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))
    configured: datetime = field(default_factory=lambda: datetime.now(UTC))
    history: list[dict[str, Any]] = field(default_factory=list)
    kind: str = field(default="MetricAlarm", init=False)

    @property
    def alarm_arn(self) -> str:
        """The ARN, by the name that moto's tagging asks for."""
        return self.arn

    @property
    def actions_enabled(self) -> bool:
        """Whether changes of state execute actions."""
        return bool(self.configuration.get("ActionsEnabled", True))

    @actions_enabled.setter
    def actions_enabled(self, enabled: bool) -> None:
        self.configuration["ActionsEnabled"] = enabled

    def actions(self, state: str) -> Sequence[str]:
        """ARNs of what a change into ``state`` executes."""
        return self.configuration.get(ACTIONS_OF_STATE[state]) or ()

    def change(self, state: State, reason: str, reason_data: str = "{}") -> Change:
        """Enter a state and record it."""
        change = Change(old=self.state, new=state, reason=reason, at=datetime.now(UTC))
        self.record(
            "StateUpdate",
            f"Alarm updated from {change.old} to {state}",
            {
                "oldState": {"stateValue": self.state, "stateReason": self.reason},
                "newState": {
                    "stateValue": state,
                    "stateReason": reason,
                    "stateReasonData": json.loads(reason_data),
                },
            },
        )
        self.state, self.reason, self.reason_data = state, reason, reason_data
        self.updated = change.at
        return change

    def record(self, kind: str, summary: str, data: Mapping[str, Any]) -> None:
        """Put an entry into the history."""
        entry = {
            "AlarmName": self.name,
            "AlarmType": self.kind,
            "Timestamp": datetime.now(UTC),
            "HistoryItemType": kind,
            "HistorySummary": summary,
            "HistoryData": json.dumps({"version": "1.0", **data}),
        }
        self.history.insert(0, entry)

    def describe(self) -> dict[str, Any]:
        """The alarm as DescribeAlarms shows it."""
        return {
            "OKActions": [],
            "AlarmActions": [],
            "InsufficientDataActions": [],
            **{name: value for name, value in self.configuration.items() if name != "Tags"},
            "ActionsEnabled": self.actions_enabled,
            "AlarmArn": self.arn,
            "AlarmConfigurationUpdatedTimestamp": self.configured,
            "StateValue": self.state,
            "StateReason": self.reason,
            "StateReasonData": self.reason_data,
            "StateUpdatedTimestamp": self.updated,
            "StateTransitionedTimestamp": self.updated,
        }


@dataclass
class MetricAlarm(Alarm):
    """Watches one metric or the result of metric math.

    Attributes:
        per_period: where time runs faster, the metric counts traffic that does not: what a
            shortened period counted is told for the whole one. Target tracking asks for it, whose
            target is a number of requests per minute.
        values: datapoints that the latest evaluation stood on, the oldest first. Actions go by
            these: by the time they are executed, later periods may have no data.
    """

    per_period: bool = False
    values: tuple[float, ...] = ()

    @property
    def condition(self) -> Condition:
        """What it compares."""
        given = self.configuration
        return Condition(
            comparison=given["ComparisonOperator"],
            threshold=float(given["Threshold"]),
            evaluation_periods=int(given["EvaluationPeriods"]),
            datapoints_to_alarm=given.get("DatapointsToAlarm"),
            treatment=given.get("TreatMissingData") or "missing",
        )

    @property
    def queries(self) -> list[Query]:
        """What it asks for; the one that is returned is compared."""
        given = self.configuration
        if given.get("Metrics"):
            return [query_of(member) for member in given["Metrics"]]
        key = SeriesKey(
            given["Namespace"], given["MetricName"], dimensions_of(given.get("Dimensions") or ())
        )
        metric = MetricStat(
            key=key,
            statistic=given.get("Statistic") or given["ExtendedStatistic"],
            period=int(given["Period"]),
            unit=given.get("Unit"),
        )
        return [Query(id="m1", metric=metric)]

    @property
    def period(self) -> int:
        """Seconds of one period."""
        queries = self.queries
        return QuerySet(MetricStore(), queries).period(_watched(queries))

    def evaluate(self, store: MetricStore, *, until: float, speed: float) -> Verdict | None:
        """The state that the metric's datapoints give; None to retain the present one.

        Args:
            store: where the datapoints are.
            until: end of the newest period, in seconds since 1970.
            speed: how many times shorter than configured a period is.
        """
        condition, queries = self.condition, self.queries
        watched, asked = _watched(queries), QuerySet(store, queries)
        length = asked.period(watched) / speed
        count = condition.evaluation_range
        edges = [until - length * (count - index) for index in range(count + 1)]
        if self._is_too_few(watched, asked, edges):
            return None
        times = [datetime.fromtimestamp(edge, UTC) for edge in edges[:-1]]
        values = self._values(asked, watched, edges, speed)
        return judge(condition, list(zip(times, values, strict=True)))

    def _values(
        self, asked: QuerySet, watched: Query, edges: list[float], speed: float
    ) -> list[float | None]:
        factor = speed if self.per_period else 1.0
        return [None if value is None else value * factor for value in asked.series(watched, edges)]

    def _is_too_few(self, watched: Query, asked: QuerySet, edges: list[float]) -> bool:
        """Whether a percentile stands on too few samples to mean anything, and that is cared for.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
        """
        statistic = self.configuration.get("ExtendedStatistic")
        if statistic is None or (
            self.configuration.get("EvaluateLowSampleCountPercentile") != "ignore"
        ):
            return False
        rank = float(statistic[1:]) / 100
        least = 10 / (1 - rank) if rank >= 0.5 else 10 / rank
        newest = edges[-1 - self.condition.evaluation_periods :]
        counts = [window.statistic("SampleCount") for window in asked.samples(watched, newest)]
        return any(count is not None and count < least for count in counts)

    def describe_verdict(self, verdict: Verdict) -> str:
        """What StateReasonData tells of an evaluation."""
        given = self.configuration
        data: dict[str, Any] = {
            "version": "1.0",
            "queryDate": timestamp(datetime.now(UTC)),
            "period": self.period,
            "recentDatapoints": list(verdict.values),
            "threshold": self.condition.threshold,
            "evaluatedDatapoints": [
                {"timestamp": timestamp(at), "value": value} for at, value in verdict.evaluated
            ],
        }
        if verdict.evaluated:
            data["startDate"] = timestamp(verdict.evaluated[-1][0])
        if given.get("Unit"):
            data["unit"] = given["Unit"]
        if not given.get("Metrics"):
            data["statistic"] = given.get("Statistic") or given["ExtendedStatistic"]
        return json.dumps(data)


class CompositeAlarm(Alarm):
    """Its state follows from the states of other alarms."""

    def __post_init__(self) -> None:
        self.kind = "CompositeAlarm"

    @property
    def rule(self) -> Rule:
        """The rule that makes it an alarm."""
        return parse_rule(self.configuration["AlarmRule"])


def _watched(queries: Sequence[Query]) -> Query:
    return next(query for query in queries if query.returned)
