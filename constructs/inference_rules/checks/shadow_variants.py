"""A shadow test has one production and one shadow variant."""

from collections.abc import Iterator

from inference_rules.hosting import CONFIG, variants
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template


def _check(template: Template) -> Iterator[Fault]:
    for config in template.of_type(CONFIG):
        shadows = variants(config, "ShadowProductionVariants")
        productive = variants(config)
        if not shadows:
            continue
        if len(shadows) > 1 or len(productive) != 1:
            detail = f"{len(productive)} production and {len(shadows)} shadow variants"
        elif config.get("AsyncInferenceConfig") is not None:
            detail = "a shadow variant of an async endpoint"
        else:
            continue
        yield Fault(
            resource=config.logical_id, path="Properties/ShadowProductionVariants", detail=detail
        )


SHADOW_VARIANTS = Rule(
    name="ShadowVariants",
    severity="error",
    description="A shadow variant stands beside exactly one production variant, and excludes async "
    "inference.",
    fix="use one production and one shadow variant, on instances that answer at once",
    source="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html",
    check=_check,
)
