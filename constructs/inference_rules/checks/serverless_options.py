"""Serverless inference excludes what needs instances."""

from collections.abc import Iterator

from inference_rules.hosting import CONFIG, Variant, variants
from inference_rules.rule import Fault, Rule
from inference_rules.template import Resource, Template, truth

_OF_INSTANCES = ("InstanceType", "InitialInstanceCount", "AcceleratorType", "VolumeSizeInGB")
_OF_CONFIG = ("AsyncInferenceConfig", "ShadowProductionVariants")


def _check(template: Template) -> Iterator[Fault]:
    for config in template.of_type(CONFIG):
        for variant in variants(config):
            if variant.serverless:
                yield from _faults(config, variant)


def _faults(config: Resource, variant: Variant) -> Iterator[Fault]:
    for name in _OF_INSTANCES:
        if variant.get(name) is not None:
            yield Fault(
                resource=config.logical_id,
                path=f"{variant.path}/{name}",
                detail=f"{name} beside ServerlessConfig",
            )
    given = [name for name in _OF_CONFIG if config.get(name) is not None]
    if truth(config.get("DataCaptureConfig", "EnableCapture")):
        given.append("DataCaptureConfig")
    for name in given:
        yield Fault(
            resource=config.logical_id,
            path=f"Properties/{name}",
            detail=f"{name} with a serverless variant",
        )


SERVERLESS_OPTIONS = Rule(
    name="ServerlessOptions",
    severity="error",
    description="Serverless inference has no instances and volumes of one's own, and "
    "excludes async inference, shadow variants and data capture.",
    fix="leave it out, or use instances",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html",
    check=_check,
)
