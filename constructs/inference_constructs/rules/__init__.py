"""Rules of this library for templates with SageMaker resources, beside cdk-nag's packs."""

import json
from collections.abc import Iterator
from pathlib import Path

import jsii
from aws_cdk import (
    IPolicyValidationContext,
    IPolicyValidationPlugin,
    PolicyValidationPluginReport,
    PolicyViolatingResource,
    PolicyViolation,
)

from inference_constructs.rules.alarm_units import ALARM_UNITS
from inference_constructs.rules.model_network_isolation import MODEL_NETWORK_ISOLATION
from inference_constructs.rules.role_full_access import ROLE_FULL_ACCESS
from inference_constructs.rules.rule import Rule

__all__ = ["RULES", "InferenceChecks", "Rule"]

RULES = (ALARM_UNITS, MODEL_NETWORK_ISOLATION, ROLE_FULL_ACCESS)


@jsii.implements(IPolicyValidationPlugin)
class InferenceChecks:
    """Checks the templates of an app, whoever wrote them.

    Use it like any validation plugin: `Validations.of(app).add_plugins(InferenceChecks())`. A
    finding is acknowledged as `InferenceChecks::<rule>`.
    """

    @property
    def name(self) -> str:
        """The plugin's name in the report."""
        return "InferenceChecks"

    @property
    def rule_ids(self) -> list[str]:
        """The names of its rules."""
        return [rule.name for rule in RULES]

    @property
    def version(self) -> str | None:
        """It goes with the library, so it has none of its own."""
        return None

    def validate(self, context: IPolicyValidationContext) -> PolicyValidationPluginReport:
        """Reads the templates and applies each rule to each resource.

        Args:
            context: says where the templates are.
        """
        violations = [
            PolicyViolation(
                rule_name=rule.name,
                description=rule.description,
                fix=rule.fix,
                severity="error",
                violating_resources=found,
            )
            for rule in RULES
            if (found := [hit for path in context.template_paths for hit in _hits(rule, path)])
        ]
        return PolicyValidationPluginReport(success=not violations, violations=violations)


def _hits(rule: Rule, template_path: str) -> Iterator[PolicyViolatingResource]:
    template = json.loads(Path(template_path).read_text())
    for logical_id, resource in template.get("Resources", {}).items():
        if resource["Type"] != rule.resource_type:
            continue
        locations = list(rule.check(resource.get("Properties", {})))
        if locations:
            yield PolicyViolatingResource(
                resource_logical_id=logical_id,
                template_path=template_path,
                locations=[f"Properties/{location}" for location in locations],
            )
