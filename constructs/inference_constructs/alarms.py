"""`EndpointAlarms`: what is watched on an endpoint, and from where on it is wrong."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from inference_constructs.durations import millis, minutes, whole_millis, whole_seconds
from inference_constructs.faults import refuse
from inference_constructs.metric_alarm import Watch, Window
from inference_constructs.metrics import INSTANCES, INVOCATIONS, VariantMetrics

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
    model_latency_p50: Duration | None = field(default_factory=lambda: millis(100))
    model_latency_p99: Duration | None = field(default_factory=lambda: millis(500))
    overhead_latency_p99: Duration | None = field(default_factory=lambda: millis(250))
    cpu_percent: float | None = 85
    memory_percent: float | None = 85
    disk_percent: float | None = 85
    period: Duration = field(default_factory=lambda: minutes(1))
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
        topic_arn: str,
    ) -> list[cloudwatch.CfnAlarm]:
        """Makes the alarms of one variant.

        Args:
            scope: where they are defined.
            metrics: the variant's metrics.
            processor: that of one instance; None if it is unknown, and its load not watched.
            topic_arn: where alarms and the all-clear go.

        Returns:
            The alarms.
        """
        window = Window(
            seconds=whole_seconds(self.period),
            evaluation_periods=self.evaluation_periods,
            datapoints=self.datapoints,
        )
        endpoint_name, variant_name = metrics.endpoint_name, metrics.variant_name
        return [
            window.alarm(
                scope,
                f"Alarm{variant_name}{construct_id}",
                watch,
                dimensions={"EndpointName": endpoint_name, "VariantName": variant_name},
                description=f"{variant_name} of {endpoint_name}: {watch.meaning}.",
                actions=[topic_arn],
            )
            for construct_id, watch in self._watches(processor)
        ]

    def _watches(self, processor: Processor | None) -> Iterator[tuple[str, Watch]]:
        for code, percent in ((5, self.server_error_percent), (4, self.client_error_percent)):
            if percent is not None:
                meaning = f"more than {percent:g} % of the requests are answered with {code}XX"
                # The Average of the errors is their rate, the Sum would be their number.
                rate = Watch(
                    INVOCATIONS,
                    f"Invocation{code}XXErrors",
                    "Average",
                    percent / _PERCENT,
                    meaning,
                )
                yield f"{code}XXErrors", rate
        for metric_name, statistic, limit in (
            ("ModelLatency", "p50", self.model_latency_p50),
            ("ModelLatency", "p99", self.model_latency_p99),
            ("OverheadLatency", "p99", self.overhead_latency_p99),
        ):
            if limit is not None:
                most = whole_millis(limit)
                meaning = f"{statistic} of {metric_name} is over {most:g} ms"
                yield (
                    f"{metric_name}{statistic.upper()}",
                    Watch(INVOCATIONS, metric_name, statistic, most * _MICROSECONDS, meaning),
                )
        if self.cpu_percent is not None and processor is not None:
            # CPUUtilization is the sum over the vCPUs.
            threshold = self.cpu_percent * processor.vcpus
            meaning = (
                f"the {processor.vcpus} vCPUs of {processor.instance_type} are over "
                f"{self.cpu_percent:g} %"
            )
            yield "Cpu", Watch(INSTANCES, "CPUUtilization", "Average", threshold, meaning)
        for construct_id, percent in (("Memory", self.memory_percent), ("Disk", self.disk_percent)):
            if percent is not None:
                meaning = f"{construct_id.lower()} is over {percent:g} %"
                name = f"{construct_id}Utilization"
                yield construct_id, Watch(INSTANCES, name, "Average", percent, meaning)

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
