"""A scaled variant keeps its instance type."""

from collections.abc import Iterator

from inference_ops.review.changes import Change
from inference_ops.review.pairs import updated_endpoints
from inference_ops.review.withdrawal import registered
from inference_rules.rule import Fault, Rule


def _check(change: Change) -> Iterator[Fault]:
    for pair in updated_endpoints(change):
        for old, new in pair.variants:
            types = (old.instance_type, new.instance_type)
            target = registered(change, pair, old.name)
            if target is not None and None not in types and types[0] != types[1]:
                yield Fault(
                    resource=pair.logical_id,
                    path="Properties/EndpointConfigName",
                    detail=f"variant {old.name} goes from {types[0]} to {types[1]} while "
                    f"{target.resource.logical_id} has it registered",
                )


SCALED_INSTANCE_TYPE = Rule(
    name="ScaledInstanceType",
    severity="error",
    description="SageMaker refuses an update that gives a variant another instance type while it "
    "is registered with Application Auto Scaling.",
    fix="take the scalable target out in a deployment before, and put it back in one after; "
    "RealtimeEndpoint does both within one deployment",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html",
    check=_check,
)
