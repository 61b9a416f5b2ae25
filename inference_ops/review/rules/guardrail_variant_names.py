"""Guardrails need the same variants before and after."""

from collections.abc import Iterator, Mapping

from inference_ops.review.changes import Change
from inference_ops.review.pairs import updated_endpoints
from inference_rules.rule import Fault, Rule


def _check(change: Change) -> Iterator[Fault]:
    for pair in updated_endpoints(change):
        if not isinstance(pair.new.resource.get("DeploymentConfig"), Mapping):
            continue
        before = sorted(variant.name for variant in pair.old.variants)
        after = sorted(variant.name for variant in pair.new.variants)
        if before != after:
            yield Fault(
                resource=pair.logical_id,
                path="Properties/DeploymentConfig",
                detail=f"the variants are {', '.join(before)} before and {', '.join(after)} after",
            )


GUARDRAIL_VARIANT_NAMES = Rule(
    name="GuardrailVariantNames",
    severity="error",
    description="An update with deployment guardrails needs the same variant names in the old "
    "config and in the new one.",
    fix="take DeploymentConfig out for the one deployment that adds, removes or renames a variant",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html",
    check=_check,
)
