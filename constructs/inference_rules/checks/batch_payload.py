"""Payload times concurrency of a transform job is at most 100 MB."""

from collections.abc import Iterator

from inference_rules.rule import Fault, Rule
from inference_rules.template import Template, number
from inference_rules.transforms import transforms

_MOST = 100


def _check(template: Template) -> Iterator[Fault]:
    for machine, state, request in transforms(template):
        payload = number(request.get("MaxPayloadInMB"))
        if payload is None:
            continue
        at_once = number(request.get("MaxConcurrentTransforms")) or 1
        if payload * at_once > _MOST:
            yield Fault(
                resource=machine.logical_id,
                path="Properties/DefinitionString",
                detail=f"state {state}: {payload:g} MB x {at_once:g} is {payload * at_once:g} MB",
            )


BATCH_PAYLOAD = Rule(
    name="BatchPayload",
    severity="error",
    description="MaxPayloadInMB times MaxConcurrentTransforms of a transform job may be 100; the "
    "service refuses more.",
    fix="lower one of the two",
    source="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html",
    check=_check,
)
