"""An update keeps the number of instances that scaling has set."""

from collections.abc import Iterator

from inference_rules.hosting import endpoints, target_of
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template


def _check(template: Template) -> Iterator[Fault]:
    for endpoint in endpoints(template):
        if "DesiredInstanceCount" in endpoint.retains:
            continue
        for variant in endpoint.variants:
            target = target_of(template, endpoint, variant.name)
            if target is not None and target.counts_instances:
                yield Fault(
                    resource=endpoint.resource.logical_id,
                    path="Properties/RetainAllVariantProperties",
                    detail=f"an update sets variant {variant.name} back to its initial count, "
                    "whatever scaling has made of it",
                )


SCALED_COUNT_RETAINED = Rule(
    name="ScaledCountRetained",
    severity="warning",
    description="Without RetainAllVariantProperties each update starts with InitialInstanceCount: "
    "at noon it shrinks a fleet that scaling has grown.",
    fix="set RetainAllVariantProperties, and exclude DesiredWeight to edit weights in code",
    source="https://github.com/aws/aws-cdk/issues/23151",
    check=_check,
)
