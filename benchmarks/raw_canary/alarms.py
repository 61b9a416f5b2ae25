"""The alarms: two that take an update back, eight that watch the endpoint."""

from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

VARIANT = "AllTraffic"

_INVOCATIONS, _INSTANCES = "AWS/SageMaker", "/aws/sagemaker/Endpoints"
_AVERAGE = {"statistic": "Average"}


def define_rollback_alarms(
    scope: Construct, endpoint: str, *, config: str, topic: str
) -> list[cloudwatch.CfnAlarm]:
    """Makes the alarms on the new fleet, which take an update back."""
    p99 = {"extended_statistic": "p99"}
    return [
        _alarm(
            scope,
            f"Rollback{metric}",
            endpoint,
            metric=(_INVOCATIONS, metric),
            threshold=threshold,
            topic=topic,
            config=config,
            alarm_name=f"{endpoint}/rollback/{VARIANT}/{metric}/{config}",
            alarm_description=f"Takes an update of {VARIANT} of {endpoint} back: {meaning} of the "
            "new fleet.",
            **statistic,
        )
        for metric, statistic, threshold, meaning in (
            ("Invocation5XXErrors", _AVERAGE, 0.01, "more than 1 % 5XX answers"),
            ("ModelLatency", p99, 500_000, "a p99 ModelLatency over 500 ms"),
        )
    ]


def define_alarms(scope: Construct, endpoint: str, *, topic: str) -> None:
    """Makes the alarms on the endpoint, whatever it serves."""
    rate = "% of the requests are answered with"
    for name, namespace, metric, statistic, threshold, meaning in (
        ("5XX", _INVOCATIONS, "Invocation5XXErrors", _AVERAGE, 0.01, f"more than 1 {rate} 5XX"),
        ("4XX", _INVOCATIONS, "Invocation4XXErrors", _AVERAGE, 0.05, f"more than 5 {rate} 4XX"),
        _latency("ModelLatency", "p50", 100),
        _latency("ModelLatency", "p99", 500),
        _latency("OverheadLatency", "p99", 250),
        (
            "Cpu",
            _INSTANCES,
            "CPUUtilization",
            _AVERAGE,
            170,
            "the 2 vCPUs of ml.m5.large are over 85 %",
        ),
        ("Memory", _INSTANCES, "MemoryUtilization", _AVERAGE, 85, "memory is over 85 %"),
        ("Disk", _INSTANCES, "DiskUtilization", _AVERAGE, 85, "disk is over 85 %"),
    ):
        _alarm(
            scope,
            name,
            endpoint,
            metric=(namespace, metric),
            threshold=threshold,
            topic=topic,
            ok_actions=[topic],
            alarm_description=f"{VARIANT} of {endpoint}: {meaning}.",
            **statistic,
        )


def _latency(
    metric: str, quantile: str, millis: int
) -> tuple[str, str, str, dict[str, str], float, str]:
    meaning = f"{quantile} of {metric} is over {millis} ms"
    statistic = {"extended_statistic": quantile}
    return f"{metric}{quantile}", _INVOCATIONS, metric, statistic, millis * 1000, meaning


def _alarm(
    scope: Construct,
    construct_id: str,
    endpoint: str,
    *,
    metric: tuple[str, str],
    threshold: float,
    topic: str,
    config: str | None = None,
    **options: Any,
) -> cloudwatch.CfnAlarm:
    dimensions = {"EndpointName": endpoint, "VariantName": VARIANT}
    if config is not None:
        dimensions["EndpointConfigName"] = config
    namespace, metric_name = metric
    return cloudwatch.CfnAlarm(
        scope,
        construct_id,
        namespace=namespace,
        metric_name=metric_name,
        dimensions=[
            cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)
            for name, value in dimensions.items()
        ],
        period=60,
        threshold=threshold,
        comparison_operator="GreaterThanThreshold",
        evaluation_periods=3,
        datapoints_to_alarm=2,
        treat_missing_data="notBreaching",
        alarm_actions=[topic],
        **options,
    )
