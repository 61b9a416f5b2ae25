"""Somebody gets the traffic."""

from collections.abc import Iterator

from inference_rules.hosting import CONFIG, variants
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template


def _check(template: Template) -> Iterator[Fault]:
    for config in template.of_type(CONFIG):
        found = variants(config)
        if found and all(variant.weight == 0 for variant in found):
            yield Fault(
                resource=config.logical_id,
                path=f"{found[0].path}/InitialVariantWeight",
                detail="every variant has the weight 0",
            )


WEIGHTS_ZERO = Rule(
    name="WeightsZero",
    severity="error",
    description="Traffic is divided in proportion to the weights: with all of them 0 no variant "
    "gets any.",
    fix="give one variant a weight over 0",
    source="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html",
    check=_check,
)
