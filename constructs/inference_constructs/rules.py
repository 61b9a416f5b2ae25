"""The rules of this library for templates, beside cdk-nag's packs: a plugin of the synth."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import jsii
from aws_cdk import (
    IPolicyValidationContext,
    IPolicyValidationPlugin,
    PolicyValidationPluginReport,
    PolicyViolatingResource,
    PolicyViolation,
)

from inference_rules import RULES, Fault, Rule, Template

__all__ = ["RULES", "InferenceChecks", "Rule"]

# What is only worth a thought is for a review: here everything has to be mended or acknowledged.
_APPLIED = tuple(rule for rule in RULES if rule.severity != "note")


@jsii.implements(IPolicyValidationPlugin)
class InferenceChecks:
    """Checks the templates of an app, whoever wrote them.

    Use it like any validation plugin: `Validations.of(app).add_plugins(InferenceChecks())`. A
    finding is acknowledged as `InferenceChecks::<rule>`. The rules are listed in `docs/rules.md`.
    """

    @property
    def name(self) -> str:
        """The plugin's name in the report."""
        return "InferenceChecks"

    @property
    def rule_ids(self) -> list[str]:
        """The names of its rules."""
        return [rule.name for rule in _APPLIED]

    @property
    def version(self) -> str | None:
        """It goes with the library, so it has none of its own."""
        return None

    def validate(self, context: IPolicyValidationContext) -> PolicyValidationPluginReport:
        """Reads the templates and applies each rule to each of them.

        Args:
            context: says where the templates are.
        """
        templates = {
            path: Template(json.loads(Path(path).read_text())) for path in context.template_paths
        }
        violations = [
            PolicyViolation(
                rule_name=rule.name,
                description=rule.description,
                fix=f"{rule.fix} ({rule.source})",
                severity=rule.severity,
                violating_resources=found,
            )
            for rule in _APPLIED
            if (found := _hits(rule, templates))
        ]
        return PolicyValidationPluginReport(success=not violations, violations=violations)


def _hits(rule: Rule[Template], templates: Mapping[str, Template]) -> list[PolicyViolatingResource]:
    return [
        PolicyViolatingResource(
            resource_logical_id=logical_id,
            template_path=path,
            locations=[fault.path for fault in faults],
        )
        for path, template in templates.items()
        for logical_id, faults in _by_resource(list(rule.check(template))).items()
    ]


def _by_resource(faults: Sequence[Fault]) -> Mapping[str, list[Fault]]:
    found: dict[str, list[Fault]] = {}
    for fault in faults:
        found.setdefault(fault.resource, []).append(fault)
    return found
