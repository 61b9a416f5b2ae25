"""Guardrails are for endpoints with instances."""

from collections.abc import Iterator, Mapping

from inference_rules.hosting import endpoints
from inference_rules.rollouts import ROLLING
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template


def _check(template: Template) -> Iterator[Fault]:
    for endpoint in endpoints(template):
        if not isinstance(endpoint.resource.get("DeploymentConfig"), Mapping):
            continue
        if any(variant.serverless for variant in endpoint.variants):
            detail = "a serverless endpoint takes no DeploymentConfig"
        elif endpoint.resource.get(*ROLLING) is not None and len(endpoint.variants) > 1:
            detail = f"a rolling update takes one variant, not {len(endpoint.variants)}"
        else:
            continue
        yield Fault(
            resource=endpoint.resource.logical_id,
            path="Properties/DeploymentConfig",
            detail=detail,
        )


GUARDRAILS_EXCLUDED = Rule(
    name="GuardrailsExcluded",
    severity="error",
    description="Deployment guardrails exclude serverless endpoints, and rolling updates exclude "
    "endpoints with several variants.",
    fix="leave DeploymentConfig out, or use a blue/green policy",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html",
    check=_check,
)
