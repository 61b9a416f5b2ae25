"""A scalable target keeps its logical id, or is retained when another takes it over."""

from collections.abc import Iterator

from inference_ops.review.changes import Change
from inference_rules.hosting import Target, targets
from inference_rules.rule import Fault, Rule


def _check(change: Change) -> Iterator[Fault]:
    after = {_identity(target): target for target in targets(change.head)}
    for old in targets(change.base):
        entry = change.resources.get(old.resource.logical_id)
        successor = after.get(_identity(old))
        if old.owned or entry is None or entry.action != "delete" or successor is None:
            continue
        yield Fault(
            resource=old.resource.logical_id,
            path="",
            detail=f"it goes, and {successor.resource.logical_id} registers the same variant "
            f"{old.variant}",
        )


def _identity(target: Target) -> tuple[str, str, str]:
    return target.endpoint, target.variant, str(target.properties.get("ScalableDimension"))


SCALING_TAKEN_OVER = Rule(
    name="ScalingTakenOver",
    severity="error",
    description="CloudFormation deletes last: the old target's deletion deregisters the variant "
    "that its successor has just registered, and the endpoint has no scaling.",
    fix="first deploy the old target with DeletionPolicy Retain, then take it out",
    source="https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeregisterScalableTarget.html",
    check=_check,
)
