"""The bounds of scaling hold together."""

from collections.abc import Iterator

from inference_rules.hosting import endpoints, targets
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template


def _check(template: Template) -> Iterator[Fault]:
    counts = {
        (endpoint.name, variant.name): variant.count
        for endpoint in endpoints(template)
        for variant in endpoint.variants
    }
    for target in targets(template):
        least, most = target.least, target.most
        count = counts.get((target.endpoint, target.variant)) if target.counts_instances else None
        if least is not None and most is not None and least > most:
            path, detail = "MinCapacity", f"the minimum {least:g} is over the maximum {most:g}"
        elif most is not None and count is not None and count > most:
            path = "MaxCapacity"
            detail = f"variant {target.variant} starts with {count:g} instances, over {most:g}"
        else:
            continue
        yield Fault(
            resource=target.resource.logical_id, path=f"{target.path}/{path}", detail=detail
        )


SCALING_BOUNDS = Rule(
    name="ScalingBounds",
    severity="error",
    description="The minimum of a scalable target is at most its maximum, and the variant starts "
    "with no more instances than that: else the registration fails, or shrinks the new fleet.",
    fix="put the numbers in order",
    source="https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html",
    check=_check,
)
