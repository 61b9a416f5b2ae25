"""`EndpointAlarms`: what is watched on an endpoint, and from where on it is wrong."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from constructs import Construct

from inference_constructs.faults import refuse
from inference_constructs.metrics import VariantMetrics
from inference_constructs.notifications import Notifications

_PERCENT = 100
_MICROSECONDS = 1000  # in a millisecond


class Processor(NamedTuple):
    """What computes on an instance.

    Attributes:
        instance_type: the instance's type.
        vcpus: how many vCPUs it has.
    """

    instance_type: str
    vcpus: int


class _Watch(NamedTuple):
    construct_id: str
    metric: cloudwatch.Metric
    threshold: float
    meaning: str


@dataclass(frozen=True, kw_only=True)
class EndpointAlarms:
    """Thresholds of an endpoint's alarms. None switches an alarm off.

    An alarm goes off when its metric was over the threshold in `datapoints` of the last
    `evaluation_periods` periods. Times without traffic are not wrong.

    Attributes:
        server_error_percent: share of requests answered with 5XX.
        client_error_percent: share of requests answered with 4XX.
        model_latency_p50: what the container may take for every second request.
        model_latency_p99: what it may take for 99 of 100 requests.
        overhead_latency_p99: what SageMaker may add.
        cpu_percent: load of the vCPUs, 100 being all of them.
        memory_percent: memory in use.
        disk_percent: disk in use.
        period: how long a datapoint covers.
        evaluation_periods: how many datapoints are looked at.
        datapoints: how many of them have to be over the threshold.
    """

    server_error_percent: float | None = 1
    client_error_percent: float | None = 5
    model_latency_p50: Duration | None = field(default_factory=lambda: Duration.millis(100))
    model_latency_p99: Duration | None = field(default_factory=lambda: Duration.millis(500))
    overhead_latency_p99: Duration | None = field(default_factory=lambda: Duration.millis(250))
    cpu_percent: float | None = 85
    memory_percent: float | None = 85
    disk_percent: float | None = 85
    period: Duration = field(default_factory=lambda: Duration.minutes(1))
    evaluation_periods: int = 3
    datapoints: int = 2

    def __post_init__(self) -> None:
        """Refuses thresholds that could never, or would always, be crossed.

        Raises:
            ValueError: names all that is wrong.
        """
        refuse("endpoint alarms", self._faults())

    def attach(
        self,
        scope: Construct,
        metrics: VariantMetrics,
        *,
        processor: Processor | None,
        notifications: Notifications,
    ) -> list[cloudwatch.Alarm]:
        """Makes the alarms of one variant.

        Args:
            scope: where they are defined.
            metrics: the variant's metrics.
            processor: that of one instance; None if it is unknown, and its load not watched.
            notifications: where alarms and the all-clear go.

        Returns:
            The alarms.
        """
        notifications.allow_alarms()
        action = actions.SnsAction(notifications.topic)
        alarms = []
        for watch in self._watches(metrics, processor):
            alarm = watch.metric.create_alarm(
                scope,
                f"{metrics.variant_name}{watch.construct_id}",
                alarm_description=f"{metrics.variant_name} of {metrics.endpoint_name}: "
                f"{watch.meaning}.",
                threshold=watch.threshold,
                comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
                evaluation_periods=self.evaluation_periods,
                datapoints_to_alarm=self.datapoints,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )
            alarm.add_alarm_action(action)
            alarm.add_ok_action(action)
            alarms.append(alarm)
        return alarms

    def _watches(self, metrics: VariantMetrics, processor: Processor | None) -> Iterator[_Watch]:
        for construct_id, error, percent in (
            ("5XXErrors", metrics.invocation_5xx_errors, self.server_error_percent),
            ("4XXErrors", metrics.invocation_4xx_errors, self.client_error_percent),
        ):
            if percent is not None:
                # The Average of the errors is their rate, the Sum would be their number.
                metric = error(statistic="Average", period=self.period)
                meaning = (
                    f"more than {percent:g} % of the requests are answered with {construct_id[:3]}"
                )
                yield _Watch(construct_id, metric, percent / _PERCENT, meaning)
        for construct_id, latency, statistic, limit in (
            ("ModelLatencyP50", metrics.model_latency, "p50", self.model_latency_p50),
            ("ModelLatencyP99", metrics.model_latency, "p99", self.model_latency_p99),
            ("OverheadLatencyP99", metrics.overhead_latency, "p99", self.overhead_latency_p99),
        ):
            if limit is not None:
                millis = limit.to_milliseconds()
                metric = latency(statistic=statistic, period=self.period)
                meaning = f"{statistic} of {metric.metric_name} is over {millis:g} ms"
                yield _Watch(construct_id, metric, millis * _MICROSECONDS, meaning)
        if self.cpu_percent is not None and processor is not None:
            # CPUUtilization is the sum over the vCPUs.
            metric = metrics.cpu_utilization(period=self.period)
            meaning = (
                f"the {processor.vcpus} vCPUs of {processor.instance_type} are over "
                f"{self.cpu_percent:g} %"
            )
            yield _Watch("Cpu", metric, self.cpu_percent * processor.vcpus, meaning)
        for construct_id, utilization, percent in (
            ("Memory", metrics.memory_utilization, self.memory_percent),
            ("Disk", metrics.disk_utilization, self.disk_percent),
        ):
            if percent is not None:
                metric = utilization(period=self.period)
                yield _Watch(
                    construct_id, metric, percent, f"{construct_id.lower()} is over {percent:g} %"
                )

    def _faults(self) -> list[str]:
        percents = {
            "server_error_percent": self.server_error_percent,
            "client_error_percent": self.client_error_percent,
            "cpu_percent": self.cpu_percent,
            "memory_percent": self.memory_percent,
            "disk_percent": self.disk_percent,
        }
        faults = [
            f"{name} must be at least 0 and less than 100, not {value}"
            for name, value in percents.items()
            if value is not None and not 0 <= value < _PERCENT
        ]
        if not 1 <= self.datapoints <= self.evaluation_periods:
            faults.append(
                f"datapoints ({self.datapoints}) must be between 1 and evaluation_periods "
                f"({self.evaluation_periods})"
            )
        return faults
