"""An endpoint with instances does not become serverless."""

from collections.abc import Iterator

from inference_ops.review.changes import Change
from inference_ops.review.pairs import updated_endpoints
from inference_rules.rule import Fault, Rule


def _check(change: Change) -> Iterator[Fault]:
    for pair in updated_endpoints(change):
        had_instances = any(not variant.serverless for variant in pair.old.variants)
        if had_instances and any(variant.serverless for variant in pair.new.variants):
            yield Fault(
                resource=pair.logical_id,
                path="Properties/EndpointConfigName",
                detail="it has instances now, and its new config is serverless",
            )


SERVERLESS_SWITCH = Rule(
    name="ServerlessSwitch",
    severity="error",
    description="An endpoint with instances cannot be updated to a serverless config; the other "
    "way round works.",
    fix="make a new endpoint beside it, and move its callers",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-update.html",
    check=_check,
)
