"""Only some kinds of endpoint may have no instance."""

from collections.abc import Iterator

from inference_rules.hosting import endpoints, target_of
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template


def _check(template: Template) -> Iterator[Fault]:
    for endpoint in endpoints(template):
        if endpoint.is_async:
            continue
        for variant in endpoint.variants:
            target = target_of(template, endpoint, variant.name)
            managed = variant.get("ManagedInstanceScaling") is not None
            if target is None or not target.counts_instances or managed:
                continue
            if target.least == 0:
                yield Fault(
                    resource=target.resource.logical_id,
                    path=f"{target.path}/MinCapacity",
                    detail=f"variant {variant.name} answers in real time and would have none",
                )


SCALING_TO_ZERO = Rule(
    name="ScalingToZero",
    severity="error",
    description="A variant that answers in real time keeps one instance: only async endpoints and "
    "inference components go down to zero.",
    fix="use a minimum of 1, an async or serverless endpoint, or inference components",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html",
    check=_check,
)
