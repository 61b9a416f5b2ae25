"""An edit of weights has an effect."""

from collections.abc import Iterator

from inference_ops.review.changes import Change
from inference_ops.review.pairs import updated_endpoints
from inference_rules.rule import Fault, Rule


def _check(change: Change) -> Iterator[Fault]:
    for pair in updated_endpoints(change):
        if "DesiredWeight" not in pair.new.retains or len(pair.new.variants) < 2:
            continue
        for old, new in pair.variants:
            if old.weight is not None and new.weight is not None and old.weight != new.weight:
                yield Fault(
                    resource=pair.logical_id,
                    path="Properties/RetainAllVariantProperties",
                    detail=f"the weight of {old.name} stays {old.weight:g}: the {new.weight:g} of "
                    "the new config is ignored",
                )


WEIGHT_EDIT_RETAINED = Rule(
    name="WeightEditRetained",
    severity="error",
    description="RetainAllVariantProperties keeps the live weights: those of the new config are "
    "ignored, without a word.",
    fix="exclude DesiredWeight in ExcludeRetainedVariantProperties",
    source="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpoint.html",
    check=_check,
)
