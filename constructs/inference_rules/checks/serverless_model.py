"""Serverless inference has neither a VPC nor network isolation."""

from collections.abc import Iterator

from inference_rules.hosting import CONFIG, MODEL, variants
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template, truth


def _check(template: Template) -> Iterator[Fault]:
    for config in template.of_type(CONFIG):
        for variant in variants(config):
            model = template.find(MODEL, variant.get("ModelName"))
            if model is None or not variant.serverless:
                continue
            given = ["VpcConfig"] if model.get("VpcConfig") is not None else []
            if truth(model.get("EnableNetworkIsolation")):
                given.append("EnableNetworkIsolation")
            for name in given:
                yield Fault(
                    resource=model.logical_id,
                    path=f"Properties/{name}",
                    detail=f"serverless variant {variant.name} cannot have it",
                )


SERVERLESS_MODEL = Rule(
    name="ServerlessModel",
    severity="error",
    description="A model that is served without instances has neither a VPC nor network isolation.",
    fix="leave it out of this model, or serve it from instances",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html",
    check=_check,
)
