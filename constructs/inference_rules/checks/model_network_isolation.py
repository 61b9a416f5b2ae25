"""Models run without a network."""

from collections.abc import Iterator

from inference_rules.hosting import MODEL
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template, truth


def _check(template: Template) -> Iterator[Fault]:
    for model in template.of_type(MODEL):
        if not truth(model.get("EnableNetworkIsolation")):
            yield Fault(
                resource=model.logical_id,
                path="Properties/EnableNetworkIsolation",
                detail="its containers can reach the network",
            )


MODEL_NETWORK_ISOLATION = Rule(
    name="ModelNetworkIsolation",
    severity="warning",
    description="A Model's containers are cut off from every network, so they can leak nothing.",
    fix="pack code and wheels into the artifact and leave network_isolation on",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/mkt-algo-model-internet-free.html",
    check=_check,
)
