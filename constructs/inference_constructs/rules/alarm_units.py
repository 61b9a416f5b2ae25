"""Alarms on an endpoint compare a metric with a threshold in the metric's own unit."""

from collections.abc import Iterator

from inference_constructs.metrics import INSTANCES, INVOCATIONS
from inference_constructs.rules.rule import Properties, Rule

_LATENCIES = frozenset({"ModelLatency", "OverheadLatency"})
_ERRORS = frozenset({"Invocation4XXErrors", "Invocation5XXErrors"})
_UTILIZATIONS = frozenset({"CPUUtilization", "MemoryUtilization", "DiskUtilization"})

# Less than a millisecond: such a threshold was meant in milliseconds.
_LEAST_LATENCY = 1000


def _check(properties: Properties) -> Iterator[str]:
    name, namespace = properties.get("MetricName"), properties.get("Namespace")
    threshold = properties.get("Threshold")
    if namespace == INVOCATIONS and name in _UTILIZATIONS:
        yield "Namespace"
    if namespace == INSTANCES and name in _LATENCIES | _ERRORS:
        yield "Namespace"
    if not isinstance(threshold, int | float) or namespace != INVOCATIONS:
        return
    if name in _LATENCIES and threshold < _LEAST_LATENCY:
        yield "Threshold"
    if name in _ERRORS and 0 < threshold < 1 and properties.get("Statistic") != "Average":
        yield "Statistic"


ALARM_UNITS = Rule(
    name="AlarmUnits",
    description=(
        "Latencies are in microseconds, an error rate is the Average of the errors, utilization "
        f"is published in {INSTANCES}: any other alarm never goes off, or always does."
    ),
    fix="use EndpointAlarms, or write the threshold in the metric's unit",
    resource_type="AWS::CloudWatch::Alarm",
    check=_check,
)
