"""An endpoint keeps its name."""

from collections.abc import Iterator

from inference_ops.review.changes import Change
from inference_rules.hosting import ENDPOINT
from inference_rules.rule import Fault, Rule


def _check(change: Change) -> Iterator[Fault]:
    for entry in change.resources.values():
        if entry.type == ENDPOINT and entry.action == "replace":
            yield Fault(
                resource=entry.logical_id,
                path="Properties/EndpointName",
                detail=f"{', '.join(entry.causes)} makes another endpoint and deletes this one",
            )
        elif entry.type == ENDPOINT and entry.action == "delete":
            yield Fault(
                resource=entry.logical_id,
                path="",
                detail="the endpoint and its scaling are deleted",
            )


ENDPOINT_REPLACED = Rule(
    name="EndpointReplaced",
    severity="warning",
    description="Callers, alarms and scaling know an endpoint by its name. Deleting one silently "
    "deregisters its scalable targets, and no guardrail watches the new one.",
    fix="keep EndpointName, and change the config",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-delete-with-scaling.html",
    check=_check,
)
