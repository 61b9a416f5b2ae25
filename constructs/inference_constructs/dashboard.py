"""`EndpointDashboard`: traffic, latency, instances and alarms of an endpoint on one page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from inference_constructs.endpoint_base import EndpointBase
from inference_constructs.metrics import VariantMetrics

if TYPE_CHECKING:
    from aws_cdk.interfaces.aws_cloudwatch import IAlarmRef

_WIDTH = 24


class EndpointDashboard(Construct):
    """Defines a CloudWatch dashboard with a row of graphs for each variant of an endpoint.

    Args:
        scope: the parent construct.
        construct_id: the id within the parent.
        endpoint: the endpoint.
        alarms: the alarms whose state is shown on top.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint: EndpointBase,
        alarms: Sequence["IAlarmRef"] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        self.dashboard = cloudwatch.Dashboard(self, "Dashboard", default_interval=Duration.hours(3))
        if alarms:
            self.dashboard.add_widgets(
                cloudwatch.AlarmStatusWidget(title="Alarms", width=_WIDTH, alarms=list(alarms))
            )
        for name in (*endpoint.variant_names, *endpoint.shadow_names):
            self.dashboard.add_widgets(*_row(name, endpoint.metrics(name)))

    @property
    def dashboard_name(self) -> str:
        """The dashboard's name, which CloudFormation makes up."""
        return self.dashboard.dashboard_name


def _row(name: str, metrics: VariantMetrics) -> list[cloudwatch.GraphWidget]:
    invocations = metrics.invocations()
    # SageMaker publishes no number of instances; the two metrics count the same requests.
    instances = cloudwatch.MathExpression(
        expression="invocations / per_instance",
        using_metrics={
            "invocations": invocations,
            "per_instance": metrics.invocations_per_instance(),
        },
        label="Instances that answered",
        period=Duration.minutes(1),
    )
    errors = [
        metrics.invocation_4xx_errors(statistic="Sum"),
        metrics.invocation_5xx_errors(statistic="Sum"),
    ]
    latencies = [
        # By default a line is named after its metric, and two of them are the same one.
        latency.with_(label=f"{latency.metric_name} {latency.statistic}")
        for latency in (
            metrics.model_latency(statistic="p50"),
            metrics.model_latency(),
            metrics.overhead_latency(),
        )
    ]
    utilization = [
        metrics.cpu_utilization(),
        metrics.memory_utilization(),
        metrics.disk_utilization(),
    ]
    return [
        _graph(f"{name}: traffic", "requests per minute", [invocations], errors),
        _graph(f"{name}: latency", "microseconds", latencies),
        _graph(f"{name}: instances", "instances", [instances]),
        _graph(f"{name}: utilization", "percent (CPU: of one vCPU)", utilization),
    ]


def _graph(
    title: str,
    label: str,
    left: Sequence[cloudwatch.IMetric],
    right: Sequence[cloudwatch.IMetric] = (),
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        width=_WIDTH // 4,
        left=list(left),
        right=list(right),
        left_y_axis=cloudwatch.YAxisProps(label=label, min=0, show_units=False),
        right_y_axis=cloudwatch.YAxisProps(label="errors per minute", min=0, show_units=False),
    )
