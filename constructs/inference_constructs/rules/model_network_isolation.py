"""Models run without a network."""

from collections.abc import Iterator

from inference_constructs.rules.rule import Properties, Rule


def _check(properties: Properties) -> Iterator[str]:
    if properties.get("EnableNetworkIsolation") is not True:
        yield "EnableNetworkIsolation"


MODEL_NETWORK_ISOLATION = Rule(
    name="ModelNetworkIsolation",
    description="A Model's containers are cut off from every network, so they can leak nothing.",
    fix="pack code and wheels into the artifact and leave network_isolation on",
    resource_type="AWS::SageMaker::Model",
    check=_check,
)
