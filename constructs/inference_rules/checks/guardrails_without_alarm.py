"""A gradual update has something that can take it back."""

from collections.abc import Iterator, Mapping

from inference_rules.hosting import endpoints
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template


def _check(template: Template) -> Iterator[Fault]:
    for endpoint in endpoints(template):
        config = endpoint.resource.get("DeploymentConfig")
        alarms = endpoint.resource.get("DeploymentConfig", "AutoRollbackConfiguration", "Alarms")
        if isinstance(config, Mapping) and not alarms:
            yield Fault(
                resource=endpoint.resource.logical_id,
                path="Properties/DeploymentConfig/AutoRollbackConfiguration",
                detail="the traffic moves in steps, and no alarm stops it",
            )


GUARDRAILS_WITHOUT_ALARM = Rule(
    name="GuardrailsWithoutAlarm",
    severity="warning",
    description="A canary, linear or rolling update goes through to its end whatever the new fleet "
    "answers, unless an alarm takes it back.",
    fix="name alarms in AutoRollbackConfiguration",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html",
    check=_check,
)
