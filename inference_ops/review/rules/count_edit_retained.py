"""An edit of an instance count has an effect."""

from collections.abc import Iterator

from inference_ops.review.changes import Change
from inference_ops.review.pairs import updated_endpoints
from inference_rules.hosting import target_of
from inference_rules.rule import Fault, Rule


def _check(change: Change) -> Iterator[Fault]:
    for pair in updated_endpoints(change):
        if "DesiredInstanceCount" not in pair.new.retains:
            continue
        for old, new in pair.variants:
            scaled = target_of(change.head, pair.new, new.name) is not None
            if not scaled and None not in (old.count, new.count) and old.count != new.count:
                yield Fault(
                    resource=pair.logical_id,
                    path="Properties/RetainAllVariantProperties",
                    detail=f"{old.name} keeps its live count: {old.count:g} to {new.count:g} "
                    "changes nothing",
                )


COUNT_EDIT_RETAINED = Rule(
    name="CountEditRetained",
    severity="warning",
    description="RetainAllVariantProperties keeps the live number of instances of every variant: "
    "an edit of InitialInstanceCount of one that does not scale is ignored.",
    fix="exclude DesiredInstanceCount for this deployment, or change the count at the endpoint",
    source="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpoint.html",
    check=_check,
)
