"""A scaled variant stays."""

from collections.abc import Iterator

from inference_ops.review.changes import Change
from inference_ops.review.pairs import updated_endpoints
from inference_ops.review.withdrawal import registered
from inference_rules.rule import Fault, Rule


def _check(change: Change) -> Iterator[Fault]:
    for pair in updated_endpoints(change):
        stay = {variant.name for variant in pair.new.variants}
        for old in pair.old.variants:
            target = registered(change, pair, old.name)
            if old.name not in stay and target is not None:
                yield Fault(
                    resource=pair.logical_id,
                    path="Properties/EndpointConfigName",
                    detail=f"variant {old.name} goes while {target.resource.logical_id} has it "
                    "registered",
                )


SCALED_VARIANT_REMOVED = Rule(
    name="ScaledVariantRemoved",
    severity="error",
    description="SageMaker refuses an update that takes a variant away while it is registered with "
    "Application Auto Scaling.",
    fix="take the scalable target out in a deployment before; RealtimeEndpoint does so within the "
    "same one",
    source="https://github.com/aws/aws-cdk/issues/29626",
    check=_check,
)
