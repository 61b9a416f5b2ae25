"""Rollback alarms watch the new fleet only."""

from collections.abc import Iterator

from inference_rules.alarms import PER_VARIANT, UTILIZATIONS, rollback_alarms
from inference_rules.hosting import endpoints
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template


def _check(template: Template) -> Iterator[Fault]:
    for endpoint in endpoints(template):
        for alarm in rollback_alarms(template, endpoint.resource):
            watched = alarm.metric in PER_VARIANT | UTILIZATIONS
            if watched and "EndpointConfigName" not in alarm.dimensions:
                yield Fault(
                    resource=alarm.resource.logical_id,
                    path="Properties/Dimensions",
                    detail="it watches the old fleet together with the new one",
                )


ROLLBACK_ALARM_FLEET = Rule(
    name="RollbackAlarmFleet",
    severity="warning",
    description="A rollback alarm without the dimension EndpointConfigName sees both fleets: an "
    "old fleet that fails takes back the update that would repair it, and a canary's faults are "
    "thinned by the old fleet's good answers.",
    fix="add the dimension EndpointConfigName, with an alarm for each config",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html",
    check=_check,
)
