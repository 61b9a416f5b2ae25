"""A serverless endpoint has one variant."""

from collections.abc import Iterator

from inference_rules.hosting import CONFIG, variants
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template


def _check(template: Template) -> Iterator[Fault]:
    for config in template.of_type(CONFIG):
        found = variants(config)
        if len(found) > 1 and any(variant.serverless for variant in found):
            yield Fault(
                resource=config.logical_id,
                path="Properties/ProductionVariants",
                detail=f"{len(found)} variants, one of them serverless",
            )


SERVERLESS_VARIANTS = Rule(
    name="ServerlessVariants",
    severity="error",
    description="An endpoint with a serverless variant has that one variant only.",
    fix="give each variant an endpoint, or instances",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html",
    check=_check,
)
