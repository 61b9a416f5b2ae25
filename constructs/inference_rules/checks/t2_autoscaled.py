"""T2 instances cannot be autoscaled."""

from collections.abc import Iterator

from inference_rules.hosting import endpoints, target_of
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template


def _check(template: Template) -> Iterator[Fault]:
    for endpoint in endpoints(template):
        for variant in endpoint.variants:
            target = target_of(template, endpoint, variant.name)
            if target is not None and (variant.instance_type or "").startswith("ml.t2."):
                yield Fault(
                    resource=target.resource.logical_id,
                    path=f"{target.path}/ResourceId",
                    detail=f"variant {variant.name} runs on {variant.instance_type}",
                )


T2_AUTOSCALED = Rule(
    name="T2Autoscaled",
    severity="error",
    description="Burstable T2 instances cannot be registered with Application Auto Scaling.",
    fix="use a type such as ml.m5.large, or take the scalable target out",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html",
    check=_check,
)
