"""moto's CloudWatch backend with series instead of a list of datapoints, and alarms that live."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterValue, ResourceNotFound, ValidationError
from moto.cloudwatch.models import CloudWatchBackend, cloudwatch_backends
from moto.cloudwatch.utils import make_arn_for_alarm

from local_aws.cloudwatch.alarms import Alarm, Change, CompositeAlarm, MetricAlarm
from local_aws.cloudwatch.evaluation import State
from local_aws.cloudwatch.expressions import ExpressionError
from local_aws.cloudwatch.queries import (
    MetricStat,
    QuerySet,
    dimensions_of,
    edges_between,
    query_of,
)
from local_aws.cloudwatch.rules import name_of
from local_aws.cloudwatch.store import Datapoint, MetricStore, SeriesKey, store_of
from local_aws.cloudwatch.validation import check_composite_alarm, check_metric_alarm

STATES: tuple[State, ...] = ("INSUFFICIENT_DATA", "ALARM", "OK")


class LiveCloudWatchBackend(CloudWatchBackend):
    """Metrics and alarms of one account and region; dashboards and insight rules stay moto's.

    Attributes:
        lock: held while alarms change; never while an action is delivered.
        changes: alarms that changed their state and whose actions wait to be executed.
    """

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.alarms: dict[str, Alarm] = {}  # type: ignore[assignment]
        self.lock = threading.RLock()
        self.changes: list[tuple[Alarm, Change]] = []

    def reset(self) -> None:
        """Forget everything, the datapoints too, which are there before the backend is."""
        super().reset()
        self.store.clear()

    @property
    def store(self) -> MetricStore:
        """Where the datapoints are."""
        return store_of(self.account_id, self.region_name)

    # Metrics

    def put_metric_data(self, namespace: str, metric_data: Sequence[Mapping[str, Any]]) -> None:
        """Keep datapoints: single values, values with counts, or statistic sets."""
        for index, member in enumerate(metric_data):
            self._validate_parameters_put_metric_data(dict(member), index + 1)
        for member in metric_data:
            key = SeriesKey(
                namespace, member["MetricName"], dimensions_of(member.get("Dimensions") or ())
            )
            at: datetime = member.get("Timestamp") or datetime.now(UTC)
            for point in _datapoints(member):
                self.store.add(key, point, at=_seconds(at), unit=member.get("Unit"))

    def statistics(
        self, metric: MetricStat, start: datetime, end: datetime, statistics: Sequence[str]
    ) -> list[dict[str, Any]]:
        """Datapoints of GetMetricStatistics.

        Raises:
            InvalidParameterValue: the times are the wrong way round, or a statistic is unknown.
        """
        if start >= end:
            raise InvalidParameterValue(
                "The parameter StartTime must be less than the parameter EndTime."
            )
        edges = edges_between(_seconds(start), _seconds(end), metric.period)
        windows = self.store.windows(metric.key, edges, metric.unit)
        unit = metric.unit or self.store.unit(metric.key) or "None"
        found = []
        for edge, window in zip(edges, windows, strict=False):
            if not len(window):
                continue
            point: dict[str, Any] = {"Timestamp": datetime.fromtimestamp(edge, UTC), "Unit": unit}
            for name in statistics:
                try:
                    value = window.statistic(name)
                except ValueError as error:
                    raise InvalidParameterValue(
                        f"The value {name} for parameter Statistics is not supported."
                    ) from error
                if name.startswith("p"):
                    if value is not None:
                        point.setdefault("ExtendedStatistics", {})[name] = value
                else:
                    point[name] = value
            found.append(point)
        return found

    def query_data(
        self, members: Sequence[Mapping[str, Any]], start: datetime, end: datetime, scan_by: str
    ) -> list[dict[str, Any]]:
        """Results of GetMetricData.

        Raises:
            ValidationError: the times are the wrong way round, or an expression is faulty.
        """
        if start >= end:
            raise ValidationError("The parameter EndTime must be greater than StartTime.")
        queries = [query_of(member) for member in members]
        asked = QuerySet(self.store, queries)
        results = []
        for query in queries:
            if not query.returned:
                continue
            edges = edges_between(_seconds(start), _seconds(end), asked.period(query))
            try:
                series = asked.series(query, edges)
            except ValueError as error:
                what = "Expression" if isinstance(error, ExpressionError) else "Stat"
                raise ValidationError(
                    f"Error in {what} of MetricDataQuery '{query.id}': {error}"
                ) from error
            pairs = [
                (datetime.fromtimestamp(edge, UTC), value)
                for edge, value in zip(edges, series, strict=False)
                if value is not None
            ]
            if scan_by != "TimestampAscending":
                pairs.reverse()
            results.append(
                {
                    "Id": query.id,
                    "Label": query.title,
                    "Timestamps": [at for at, _ in pairs],
                    "Values": [value for _, value in pairs],
                    "StatusCode": "Complete",
                }
            )
        return results

    def metrics(
        self, namespace: str | None, name: str | None, dimensions: Sequence[Mapping[str, str]]
    ) -> list[SeriesKey]:
        """Metrics of ListMetrics; a dimension without a value matches any."""
        return [
            key
            for key in self.store.keys()  # noqa: SIM118 - a method, not a mapping's
            if namespace in (None, key.namespace)
            and name in (None, key.metric)
            and all(
                any(
                    wanted["Name"] == has and wanted.get("Value") in (None, value)
                    for has, value in key.dimensions
                )
                for wanted in dimensions
            )
        ]

    # Alarms

    def put_alarm(self, configuration: dict[str, Any]) -> Alarm:
        """Make an alarm, or change one: its state and history stay, as on AWS.

        Raises:
            ValidationError: CloudWatch would refuse the configuration.
        """
        composite = "AlarmRule" in configuration
        if composite:
            check_composite_alarm(configuration, self.alarms)
        else:
            check_metric_alarm(configuration)
        name = configuration["AlarmName"]
        kind = CompositeAlarm if composite else MetricAlarm
        with self.lock:
            alarm = self.alarms.get(name)
            if alarm is None:
                arn = make_arn_for_alarm(self.region_name, self.account_id, name)
                alarm = self.alarms[name] = kind(name=name, arn=arn, configuration=configuration)
                alarm.record("ConfigurationUpdate", f'Alarm "{name}" created', {"type": "Create"})
                if configuration.get("Tags"):
                    self.tagger.tag_resource(arn, configuration["Tags"])
            elif not isinstance(alarm, kind):
                raise ValidationError(f"An alarm of another type named {name} already exists.")
            else:
                alarm.configuration = configuration
                alarm.configured = datetime.now(UTC)
                alarm.record("ConfigurationUpdate", f'Alarm "{name}" updated', {"type": "Update"})
            return alarm

    def find_alarm(self, name_or_arn: str) -> Alarm | None:
        """An alarm by its name or ARN."""
        return self.alarms.get(name_of(name_or_arn))

    def describe_alarms(self) -> Iterable[Alarm]:  # type: ignore[override]
        """Every alarm."""
        return list(self.alarms.values())

    def delete_alarms(self, alarm_names: list[str]) -> None:
        """Remove alarms; those that are not there are no error.

        Raises:
            ValidationError: a composite alarm that stays looks at one of them.
        """
        with self.lock:
            for other in self.alarms.values():
                if not isinstance(other, CompositeAlarm) or other.name in alarm_names:
                    continue
                needed = {name_of(child) for child in other.rule.alarms} & set(alarm_names)
                if needed:
                    raise ValidationError(
                        f"Cannot delete {sorted(needed)[0]} as there are composite alarm(s) "
                        f"depending on it: [{other.name}]"
                    )
            for name in alarm_names:
                if (alarm := self.alarms.pop(name, None)) is not None:
                    self.tagger.delete_all_tags_for_resource(alarm.arn)

    def set_alarm_state(
        self, alarm_name: str, reason: str, reason_data: str | None, state_value: str
    ) -> None:
        """Put an alarm into a state until its next evaluation; actions are executed."""
        if state_value not in STATES:
            raise ValidationError(
                f"1 validation error detected: Value '{state_value}' at 'stateValue' failed to "
                "satisfy constraint: Member must satisfy enum value set: "
                "[INSUFFICIENT_DATA, ALARM, OK]"
            )
        with self.lock:
            if alarm_name not in self.alarms:
                raise ResourceNotFound
            self.change(self.alarms[alarm_name], state_value, reason, reason_data or "{}")

    def change(self, alarm: Alarm, state: State, reason: str, reason_data: str = "{}") -> None:
        """Let an alarm enter a state, and leave its actions to be executed."""
        self.changes.append((alarm, alarm.change(state, reason, reason_data)))

    def take_changes(self) -> list[tuple[Alarm, Change]]:
        """Changes whose actions were not executed yet; the caller executes them."""
        with self.lock:
            taken, self.changes = self.changes, []
            return taken


# moto looks a backend's urls module up beside the module that its class says it comes from.
LiveCloudWatchBackend.__module__ = CloudWatchBackend.__module__


def install() -> None:
    """Let moto use this backend; to be called before its first use."""
    cloudwatch_backends.backend = LiveCloudWatchBackend


def _seconds(at: datetime) -> float:
    """Seconds since 1970; a time without a zone is in UTC, as moto parses them."""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _datapoints(member: Mapping[str, Any]) -> list[Datapoint]:
    if member.get("Values"):
        values = [float(value) for value in member["Values"]]
        counts = member.get("Counts") or [1.0] * len(values)
        return [
            Datapoint.of(value, float(count)) for value, count in zip(values, counts, strict=True)
        ]
    if member.get("StatisticValues"):
        given = {name: float(value) for name, value in member["StatisticValues"].items()}
        return [Datapoint(given["Sum"], given["SampleCount"], given["Minimum"], given["Maximum"])]
    value = float(member.get("Value", math.nan))
    if math.isnan(value):
        raise InvalidParameterValue(
            "At least one of the parameters Value, Values, StatisticValues must be specified."
        )
    return [Datapoint.of(value)]
