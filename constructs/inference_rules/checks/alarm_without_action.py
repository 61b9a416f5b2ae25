"""Somebody hears of an alarm."""

from collections.abc import Iterator

from inference_rules.alarms import endpoint_alarms, rollback_alarms
from inference_rules.hosting import endpoints
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template


def _check(template: Template) -> Iterator[Fault]:
    guards = {
        alarm.resource.logical_id
        for endpoint in endpoints(template)
        for alarm in rollback_alarms(template, endpoint.resource)
    }
    for alarm in endpoint_alarms(template):
        if alarm.resource.logical_id in guards:
            continue
        if str(alarm.properties.get("ActionsEnabled", True)).lower() == "false":
            path, detail = "Properties/ActionsEnabled", "its actions are switched off"
        elif not alarm.properties.get("AlarmActions"):
            path, detail = "Properties/AlarmActions", "it goes off and nobody is told"
        else:
            continue
        yield Fault(resource=alarm.resource.logical_id, path=path, detail=detail)


ALARM_WITHOUT_ACTION = Rule(
    name="AlarmWithoutAction",
    severity="warning",
    description="An alarm on an endpoint tells somebody, or takes an update of the endpoint back.",
    fix="name an SNS topic in AlarmActions, or name the alarm in the endpoint's DeploymentConfig",
    source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html",
    check=_check,
)
