"""Which scalable targets are in the way of an update."""

from inference_ops.review.changes import Change
from inference_ops.review.pairs import EndpointPair
from inference_rules.hosting import Target, target_of

# Withdraws the targets of an endpoint before its update.
_WITHDRAWAL = "Custom::ReleasedScalableTargets"


def registered(change: Change, pair: EndpointPair, variant: str) -> Target | None:
    """Finds the target that is registered when the endpoint is updated.

    A target that goes in the same change is still there: CloudFormation deletes last.

    Args:
        change: The change.
        pair: The endpoint.
        variant: The variant's name.
    """
    target = target_of(change.base, pair.old, variant)
    if target is None or target.owned:
        return None
    withdrawn = {owner.get("EndpointName") for owner in change.head.of_type(_WITHDRAWAL)}
    return None if pair.new.name in withdrawn else target
