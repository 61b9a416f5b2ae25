"""An error rate is the Average of an endpoint's errors."""

from collections.abc import Iterator

from inference_rules.alarms import ERRORS, INVOCATIONS, endpoint_alarms
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template, number


def _check(template: Template) -> Iterator[Fault]:
    for alarm in endpoint_alarms(template, INVOCATIONS):
        threshold = number(alarm.properties.get("Threshold"))
        statistic = alarm.properties.get("Statistic")
        if alarm.metric not in ERRORS or threshold is None or not 0 < threshold < 1:
            continue
        if statistic != "Average":
            yield Fault(
                resource=alarm.resource.logical_id,
                path="Properties/Statistic",
                detail=f"{statistic} of {alarm.metric} over {threshold:g} is one failed request",
            )


ALARM_ERROR_RATE = Rule(
    name="AlarmErrorRate",
    severity="error",
    description="The share of failed requests is the Average of Invocation4XXErrors or "
    "Invocation5XXErrors; Sum counts them, and exceeds a fraction with the first one.",
    fix="use the statistic Average for a share, or a whole number as the threshold of a count",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html",
    check=_check,
)
