"""Thresholds of latency alarms are in microseconds."""

from collections.abc import Iterator

from inference_rules.alarms import INVOCATIONS, LATENCIES, endpoint_alarms
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template, number

# Less than a millisecond: such a threshold was meant in milliseconds or seconds.
_LEAST_LATENCY = 1000


def _check(template: Template) -> Iterator[Fault]:
    for alarm in endpoint_alarms(template, INVOCATIONS):
        threshold = number(alarm.properties.get("Threshold"))
        if alarm.metric in LATENCIES and threshold is not None and threshold < _LEAST_LATENCY:
            yield Fault(
                resource=alarm.resource.logical_id,
                path="Properties/Threshold",
                detail=f"{alarm.metric} over {threshold:g} µs is always the case",
            )


ALARM_UNITS = Rule(
    name="AlarmUnits",
    severity="error",
    description="ModelLatency and OverheadLatency are in microseconds: a threshold that was meant "
    "in milliseconds is always exceeded.",
    fix="use EndpointAlarms, or write the threshold in microseconds",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html",
    check=_check,
)
