"""Alarms look for a metric where SageMaker publishes it."""

from collections.abc import Iterator

from inference_rules.alarms import (
    INSTANCES,
    INVOCATIONS,
    PER_ENDPOINT,
    PER_VARIANT,
    UTILIZATIONS,
    endpoint_alarms,
)
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template


def _check(template: Template) -> Iterator[Fault]:
    for alarm in endpoint_alarms(template):
        if alarm.metric in UTILIZATIONS:
            right = INSTANCES
        elif alarm.metric in PER_VARIANT | PER_ENDPOINT:
            right = INVOCATIONS
        else:
            continue
        if alarm.namespace != right:
            yield Fault(
                resource=alarm.resource.logical_id,
                path="Properties/Namespace",
                detail=f"{alarm.metric} is published in {right}, not in {alarm.namespace}",
            )


ALARM_NAMESPACE = Rule(
    name="AlarmNamespace",
    severity="error",
    description="Utilization is published in /aws/sagemaker/Endpoints, invocations, latencies and "
    "errors in AWS/SageMaker: an alarm on the other namespace never goes off.",
    fix="name the namespace that the metric is published in",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html",
    check=_check,
)
