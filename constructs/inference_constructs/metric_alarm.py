"""An alarm on a metric that is over its threshold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct


class Watch(NamedTuple):
    """What is watched, and from where on it is wrong.

    Attributes:
        namespace: the metric's namespace.
        metric_name: the metric.
        statistic: what is made of its values in a period, such as `Average` or `p99`.
        threshold: the highest value that is not wrong, in the metric's unit.
        meaning: what the alarm tells when it goes off.
    """

    namespace: str
    metric_name: str
    statistic: str
    threshold: float
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Window:
    """How long a metric is looked at.

    Attributes:
        seconds: what a datapoint covers.
        evaluation_periods: how many datapoints are looked at.
        datapoints: how many of them have to be over the threshold.
    """

    seconds: float
    evaluation_periods: int
    datapoints: int

    def alarm(
        self,
        scope: Construct,
        construct_id: str,
        watch: Watch,
        *,
        dimensions: Mapping[str, str],
        description: str,
        name: str | None = None,
        actions: Sequence[str] | None = None,
    ) -> cloudwatch.CfnAlarm:
        """Defines the alarm, to which missing data are not wrong.

        It is the resource itself: with the CDK's class for alarms each would take twice the time at
        synth, and an endpoint has ten.

        Args:
            scope: where it is defined.
            construct_id: the id there.
            watch: what is watched.
            dimensions: the metric's dimensions.
            description: what a message about it says.
            name: its name; by default CloudFormation makes one up.
            actions: ARNs of what hears of the alarm, and of its end.
        """
        percentile = watch.statistic.startswith("p")
        told = None if actions is None else list(actions)
        return cloudwatch.CfnAlarm(
            scope,
            construct_id,
            alarm_name=name,
            alarm_description=description,
            namespace=watch.namespace,
            metric_name=watch.metric_name,
            dimensions=_dimensions(tuple(dimensions.items())),
            statistic=None if percentile else watch.statistic,
            extended_statistic=watch.statistic if percentile else None,
            period=self.seconds,
            evaluation_periods=self.evaluation_periods,
            datapoints_to_alarm=self.datapoints,
            threshold=watch.threshold,
            comparison_operator="GreaterThanThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=told,
            ok_actions=told,
        )


@lru_cache(maxsize=64)
def _dimensions(
    items: tuple[tuple[str, str], ...],
) -> Sequence[cloudwatch.CfnAlarm.DimensionProperty]:
    """The dimensions as CloudFormation has them; all the alarms of a variant have the same."""
    return [cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value) for name, value in items]
