"""On some instance types guardrails are silently ignored."""

from collections.abc import Iterator, Mapping

from inference_rules.hosting import endpoints
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template


def _check(template: Template) -> Iterator[Fault]:
    for endpoint in endpoints(template):
        if not isinstance(endpoint.resource.get("DeploymentConfig"), Mapping):
            continue
        for variant in endpoint.variants:
            if (variant.instance_type or "").startswith("ml.inf1."):
                yield Fault(
                    resource=endpoint.resource.logical_id,
                    path="Properties/DeploymentConfig",
                    detail=f"variant {variant.name} runs on {variant.instance_type}: its update is "
                    "all at once, without a bake",
                )


GUARDRAILS_IGNORED = Rule(
    name="GuardrailsIgnored",
    severity="warning",
    description="On Inf1 instances SageMaker falls back to an update all at once without a bake, "
    "and does not say so.",
    fix="use another type, or do not count on the rollout",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html",
    check=_check,
)
