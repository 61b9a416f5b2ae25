"""A change keeps the capture of data."""

from collections.abc import Iterator

from inference_ops.review.changes import Change
from inference_ops.review.pairs import updated_endpoints
from inference_rules.hosting import Endpoint
from inference_rules.rule import Fault, Rule
from inference_rules.template import truth


def _check(change: Change) -> Iterator[Fault]:
    for pair in updated_endpoints(change):
        if _captures(pair.old) and not _captures(pair.new) and pair.new.config is not None:
            yield Fault(
                resource=pair.new.config.logical_id,
                path="Properties/DataCaptureConfig",
                detail=f"{pair.logical_id} captures requests now, and would not any more",
            )


def _captures(endpoint: Endpoint) -> bool:
    config = endpoint.config
    return config is not None and truth(config.get("DataCaptureConfig", "EnableCapture"))


DATA_CAPTURE_LOST = Rule(
    name="DataCaptureLost",
    severity="warning",
    description="Without captured data there is no monitoring of drift, and what was asked "
    "meanwhile is gone.",
    fix="keep DataCaptureConfig in the new config",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture.html",
    check=_check,
)
