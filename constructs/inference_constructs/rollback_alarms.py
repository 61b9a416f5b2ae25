"""`RollbackAlarms`: what makes SageMaker take an update back."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from constructs import Construct

from inference_constructs.arns import own_arn
from inference_constructs.durations import (
    known_seconds,
    millis,
    minutes,
    whole_millis,
    whole_seconds,
)
from inference_constructs.faults import refuse
from inference_constructs.metric_alarm import Watch, Window
from inference_constructs.metrics import INVOCATIONS
from inference_constructs.service_role import ServiceRole
from inference_constructs.wildcards import acknowledge_wildcard

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AutoRollbackConfig.html
_MOST_ALARMS = 10
_PERCENT = 100
_MICROSECONDS = 1000  # in a millisecond
_MINUTE = 60
_DAY = 24 * 60 * _MINUTE
_PAGE = "https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html"


@dataclass(frozen=True, kw_only=True)
class RollbackAlarms:
    """Thresholds over which SageMaker takes an update back. None switches an alarm off.

    The alarms watch the new fleet only, by the name of its config, so that an old fleet that
    already fails cannot keep its own repair from being deployed. Each config gets alarms of its
    own, because an alarm that is merely changed keeps its state. Times without traffic are not
    wrong.

    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html

    Attributes:
        server_error_percent: share of the new fleet's requests answered with 5XX.
        model_latency_p99: what its containers may take for 99 of 100 requests.
        period: how long a datapoint covers, in whole minutes: SageMaker publishes one a minute.
        evaluation_periods: how many datapoints are looked at.
        datapoints: how many of them have to be over the threshold.
        additional: alarms of one's own that take the update back, too. They must not depend on
            the endpoint or its config.
    """

    server_error_percent: float | None = 1
    model_latency_p99: Duration | None = field(default_factory=lambda: millis(500))
    period: Duration = field(default_factory=lambda: minutes(1))
    evaluation_periods: int = 3
    datapoints: int = 2
    additional: Sequence[cloudwatch.IAlarm] = ()

    def __post_init__(self) -> None:
        """Refuses thresholds that could never, or would always, be crossed.

        Raises:
            ValueError: names all that is wrong.
        """
        refuse("rollback alarms", self._faults())

    def faults(self, *, bake: Duration, variants: int) -> list[str]:
        """Says what would keep the alarms from taking back an update.

        Args:
            bake: how long SageMaker watches them after each step.
            variants: how many variants there are to watch.
        """
        seconds = math.inf if (known := known_seconds(bake)) is None else known
        period = known_seconds(self.period)
        windows: list[tuple[str, float, float]] = []
        watches = self._watches()
        if watches and period is not None:
            windows.append(("a rollback alarm", period, self.datapoints))
        windows += [window for alarm in self.additional if (window := _window(alarm)) is not None]
        faults = [
            # The first window is cut short by the traffic that moves, so one more has to fit.
            f"{name} cannot fire within a bake of {seconds:g} s: it needs {datapoints} datapoints "
            f"of {length:g} s, which takes up to {(datapoints + 1) * length:g} s; lengthen the "
            f"bake, or use fewer or shorter datapoints ({_PAGE})"
            for name, length, datapoints in windows
            if seconds < (datapoints + 1) * length
        ]
        count = variants * len(watches) + len(self.additional)
        if not 1 <= count <= _MOST_ALARMS:
            faults.append(
                f"1 to {_MOST_ALARMS} rollback alarms are needed, and {len(watches)} for "
                f"each variant with {len(self.additional)} additional ones make {count}: change "
                f"that, or pass rollback=None to do without ({_PAGE})"
            )
        return faults

    def attach(
        self, scope: Construct, *, endpoint_name: str, config_name: str, variants: Sequence[str]
    ) -> list[cloudwatch.CfnAlarm]:
        """Makes the alarms of one config.

        Their names hold the config's, which makes a new config's alarms new ones.

        Args:
            scope: where they are defined.
            endpoint_name: the endpoint.
            config_name: the config of the new fleet.
            variants: the variants' names.

        Returns:
            The alarms, without the additional ones.
        """
        watches = self._watches()
        window = Window(
            seconds=whole_seconds(self.period),
            evaluation_periods=self.evaluation_periods,
            datapoints=self.datapoints,
        )
        return [
            window.alarm(
                scope,
                f"RollbackAlarm{variant}{watch.metric_name}",
                watch,
                name=f"{_prefix(endpoint_name)}{variant}/{watch.metric_name}/{config_name}",
                description=f"Takes an update of {variant} of {endpoint_name} back: "
                f"{watch.meaning} of the new fleet.",
                dimensions={
                    "EndpointName": endpoint_name,
                    "VariantName": variant,
                    "EndpointConfigName": config_name,
                },
            )
            for variant in variants
            for watch in watches
        ]

    def allow_reading(self, role: ServiceRole, *, endpoint_name: str) -> None:
        """Lets SageMaker look at the alarms with an execution role.

        The alarms' own ARNs would close a circle: alarm, config, model, policy.

        Args:
            role: the execution role of a model.
            endpoint_name: the endpoint.
        """
        arn = own_arn(role.stack, "cloudwatch", f"alarm:{_prefix(endpoint_name)}*")
        role.add_statements(
            iam.PolicyStatement(
                actions=["cloudwatch:DescribeAlarms"],
                resources=[arn, *(alarm.alarm_arn for alarm in self.additional)],
            )
        )
        acknowledge_wildcard(
            role,
            arn,
            "The rollback alarms of this one endpoint; each of its configs has new ones, and their "
            "ARNs in the policy would close a circle",
        )

    def _watches(self) -> list[Watch]:
        watches = []
        if self.server_error_percent is not None:
            percent = self.server_error_percent
            watches.append(
                # The Average of the errors is their rate, the Sum would be their number.
                Watch(
                    INVOCATIONS,
                    "Invocation5XXErrors",
                    "Average",
                    percent / _PERCENT,
                    f"more than {percent:g} % 5XX answers",
                )
            )
        if self.model_latency_p99 is not None:
            most = whole_millis(self.model_latency_p99)
            watches.append(
                Watch(
                    INVOCATIONS,
                    "ModelLatency",
                    "p99",
                    most * _MICROSECONDS,
                    f"a p99 ModelLatency over {most:g} ms",
                )
            )
        return watches

    def _faults(self) -> list[str]:
        faults = []
        percent = self.server_error_percent
        # A NaN is in no interval.
        if percent is not None and not 0 <= percent < _PERCENT:
            faults.append(f"server_error_percent must be at least 0 and less than 100: {percent}")
        limit = self.model_latency_p99
        if limit is not None and known_seconds(limit) == 0:
            faults.append("model_latency_p99 must be longer than 0")
        period = known_seconds(self.period)
        if period is not None and (period < _MINUTE or period % _MINUTE):
            faults.append(f"period must be in whole minutes, as the metrics are: {period:g} s")
        if not 1 <= self.datapoints <= self.evaluation_periods:
            faults.append(
                f"datapoints ({self.datapoints}) must be between 1 and evaluation_periods "
                f"({self.evaluation_periods})"
            )
        if period is not None and period * self.evaluation_periods > _DAY:
            faults.append("period and evaluation_periods must make a day at most")
        return faults


def _prefix(endpoint_name: str) -> str:
    # No name of an endpoint holds a slash, so no other endpoint's alarms begin like this.
    return f"{endpoint_name}/rollback/"


def _window(alarm: cloudwatch.IAlarm) -> tuple[str, float, float] | None:
    """What an alarm looks at, if this app defines it: its path, seconds and datapoints."""
    resource = alarm.node.default_child
    if not isinstance(resource, cloudwatch.CfnAlarm) or resource.period is None:
        return None
    datapoints = resource.datapoints_to_alarm
    if datapoints is None:
        datapoints = resource.evaluation_periods
    return None if datapoints is None else (alarm.node.path, resource.period, datapoints)
