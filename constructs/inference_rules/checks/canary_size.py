"""A canary or linear step is at most half of the fleet."""

from collections.abc import Iterator

from inference_rules.hosting import endpoints, smallest_fleet
from inference_rules.rollouts import traffic_step
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template, number


def _check(template: Template) -> Iterator[Fault]:
    for endpoint in endpoints(template):
        step = traffic_step(endpoint)
        if step is None:
            continue
        path = f"{step.path}/Value"
        value = number(step.properties.get("Value"))
        if step.properties.get("Type") == "CAPACITY_PERCENT" and value is not None and value > 50:
            yield Fault(
                resource=endpoint.resource.logical_id,
                path=path,
                detail=f"{step.name} is {step} of the fleet, and may be 50 %",
            )
            continue
        for variant in endpoint.variants:
            fleet = smallest_fleet(template, endpoint, variant)
            moved = None if fleet is None else step.instances(fleet)
            if fleet is not None and moved is not None and moved > fleet / 2:
                yield Fault(
                    resource=endpoint.resource.logical_id,
                    path=path,
                    detail=f"{step.name} {step} is {moved:g} of the {fleet:g} instances that "
                    f"variant {variant.name} may have",
                )


CANARY_SIZE = Rule(
    name="CanarySize",
    severity="error",
    description="A canary or a linear step may be at most 50 % of a variant's instances, and is at "
    "least one instance: a fleet of one cannot have one.",
    fix="use a smaller step, or a larger minimum of the fleet; ALL_AT_ONCE takes any fleet",
    source="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrafficRoutingConfig.html",
    check=_check,
)
