"""A rollback alarm can go off while the traffic is watched."""

from collections.abc import Iterator

from inference_rules.alarms import rollback_alarms
from inference_rules.hosting import endpoints
from inference_rules.rollouts import bake_seconds
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template


def _check(template: Template) -> Iterator[Fault]:
    for endpoint in endpoints(template):
        bake = bake_seconds(endpoint)
        if bake is None:
            continue
        for alarm in rollback_alarms(template, endpoint.resource):
            seconds = alarm.seconds_to_alarm
            if seconds is not None and seconds > bake:
                yield Fault(
                    resource=alarm.resource.logical_id,
                    path="Properties/EvaluationPeriods",
                    detail=f"it needs {seconds:g} s of faults, and {endpoint.resource.logical_id} "
                    f"watches for {bake:g} s after a step",
                )


ALARM_WITHIN_BAKE = Rule(
    name="AlarmWithinBake",
    severity="error",
    description="An alarm that needs more time than a bake lasts cannot take the update back "
    "before all the traffic has moved.",
    fix="lengthen WaitIntervalInSeconds, or shorten Period times DatapointsToAlarm",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html",
    check=_check,
)
