"""CloudWatch's operations that moto lacks or answers too simply."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterCombination, ValidationError
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult, EmptyResult

from local_aws.cloudwatch.alarms import Alarm
from local_aws.cloudwatch.backend import LiveCloudWatchBackend
from local_aws.cloudwatch.queries import MetricStat, dimensions_of
from local_aws.cloudwatch.store import SeriesKey

PAGE = 500
ALARMS_PAGE, HISTORY_PAGE = 50, 100


def install() -> None:
    """Put these operations in the place of moto's."""
    for name, member in vars(_Operations).items():
        if inspect.isfunction(member):
            setattr(CloudWatchResponse, name, member)


def _page(
    items: Sequence[Any], token: str | None, size: int | None
) -> tuple[Sequence[Any], str | None]:
    start, size = int(token or 0), size or PAGE
    following = start + size
    return items[start:following], str(following) if following < len(items) else None


class _Operations(CloudWatchResponse):
    """One method for each operation; parameters come typed, by the API's names."""

    cloudwatch_backend: LiveCloudWatchBackend

    def put_metric_alarm(self) -> ActionResult:
        self.cloudwatch_backend.put_alarm(dict(self._get_params()))
        return EmptyResult()

    def put_composite_alarm(self) -> ActionResult:
        self.cloudwatch_backend.put_alarm(dict(self._get_params()))
        return EmptyResult()

    def describe_alarms(self) -> ActionResult:
        given = self._get_params()
        wanted: list[Callable[[Alarm], bool]] = []
        if (names := given.get("AlarmNames")) is not None:
            wanted.append(lambda alarm: alarm.name in names)
        if prefix := given.get("AlarmNamePrefix"):
            wanted.append(lambda alarm: alarm.name.startswith(prefix))
        if state := given.get("StateValue"):
            wanted.append(lambda alarm: alarm.state == state)
        if action := given.get("ActionPrefix"):
            wanted.append(
                lambda alarm: any(arn.startswith(action) for arn in alarm.actions(alarm.state))
            )
        # AWS leaves composite alarms out unless they are asked for.
        kinds = given.get("AlarmTypes") or ["MetricAlarm"]
        wanted.append(lambda alarm: alarm.kind in kinds)
        found = [
            alarm
            for alarm in self.cloudwatch_backend.describe_alarms()
            if all(matches(alarm) for matches in wanted)
        ]
        found.sort(key=lambda alarm: alarm.name)
        page, token = _page(found, given.get("NextToken"), given.get("MaxRecords") or ALARMS_PAGE)
        shown = {
            f"{kind}s": [alarm.describe() for alarm in page if alarm.kind == kind]
            for kind in ("MetricAlarm", "CompositeAlarm")
        }
        return ActionResult({**shown, "NextToken": token})

    def describe_alarms_for_metric(self) -> ActionResult:
        given = self._get_params()
        key = SeriesKey(
            given["Namespace"], given["MetricName"], dimensions_of(given.get("Dimensions") or ())
        )
        found = []
        for alarm in self.cloudwatch_backend.describe_alarms():
            has = alarm.configuration
            if "MetricName" in has and key == SeriesKey(
                has["Namespace"], has["MetricName"], dimensions_of(has.get("Dimensions") or ())
            ):
                found.append(alarm.describe())
        return ActionResult({"MetricAlarms": found})

    def describe_alarm_history(self) -> ActionResult:
        given = self._get_params()
        kinds = given.get("AlarmTypes") or ["MetricAlarm"]
        items = [
            item
            for alarm in self.cloudwatch_backend.describe_alarms()
            if given.get("AlarmName") in (None, alarm.name) and alarm.kind in kinds
            for item in alarm.history
            if given.get("HistoryItemType") in (None, item["HistoryItemType"])
            and (given.get("StartDate") is None or item["Timestamp"] >= given["StartDate"])
            and (given.get("EndDate") is None or item["Timestamp"] <= given["EndDate"])
        ]
        items.sort(
            key=lambda item: item["Timestamp"],
            reverse=given.get("ScanBy") != "TimestampAscending",
        )
        page, token = _page(items, given.get("NextToken"), given.get("MaxRecords") or HISTORY_PAGE)
        return ActionResult({"AlarmHistoryItems": page, "NextToken": token})

    def enable_alarm_actions(self) -> ActionResult:
        return self._switch_actions(enabled=True)

    def disable_alarm_actions(self) -> ActionResult:
        return self._switch_actions(enabled=False)

    def _switch_actions(self, *, enabled: bool) -> ActionResult:
        for name in self._get_params().get("AlarmNames") or ():
            if (alarm := self.cloudwatch_backend.find_alarm(name)) is not None:
                alarm.actions_enabled = enabled
        return EmptyResult()

    def get_metric_statistics(self) -> ActionResult:
        given = self._get_params()
        plain, extended = given.get("Statistics") or (), given.get("ExtendedStatistics") or ()
        if not plain and not extended:
            raise InvalidParameterCombination(
                "Must specify either Statistics or ExtendedStatistics"
            )
        metric = MetricStat(
            key=SeriesKey(
                given["Namespace"],
                given["MetricName"],
                dimensions_of(given.get("Dimensions") or ()),
            ),
            statistic="",
            period=int(given["Period"]),
            unit=given.get("Unit"),
        )
        points = self.cloudwatch_backend.statistics(
            metric, given["StartTime"], given["EndTime"], [*plain, *extended]
        )
        return ActionResult({"Label": metric.key.metric, "Datapoints": points})

    def get_metric_data(self) -> ActionResult:
        given = self._get_params()
        queries = given.get("MetricDataQueries") or []
        for index, query in enumerate(queries):
            if "MetricStat" not in query and "Expression" not in query:
                raise ValidationError(
                    f"The parameter MetricDataQueries.member.{index + 1}.MetricStat is required.\n"
                )
        results = self.cloudwatch_backend.query_data(
            queries, given["StartTime"], given["EndTime"], given.get("ScanBy", "")
        )
        return ActionResult({"MetricDataResults": results})

    def list_metrics(self) -> ActionResult:
        given = self._get_params()
        keys = self.cloudwatch_backend.metrics(
            given.get("Namespace"), given.get("MetricName"), given.get("Dimensions") or ()
        )
        page, token = _page(keys, given.get("NextToken"), None)
        metrics = [
            {
                "Namespace": key.namespace,
                "MetricName": key.metric,
                "Dimensions": [{"Name": name, "Value": value} for name, value in key.dimensions],
            }
            for key in page
        ]
        return ActionResult({"Metrics": metrics, "NextToken": token})
