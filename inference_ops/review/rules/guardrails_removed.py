"""Guardrails stay."""

from collections.abc import Iterator

from inference_ops.review.changes import Change
from inference_ops.review.pairs import updated_endpoints
from inference_rules.hosting import Endpoint
from inference_rules.rule import Fault, Rule


def _check(change: Change) -> Iterator[Fault]:
    for pair in updated_endpoints(change):
        before, after = _alarms(pair.old), _alarms(pair.new)
        if before and not after:
            yield Fault(
                resource=pair.logical_id,
                path="Properties/DeploymentConfig",
                detail=f"{before} alarms take an update back now, and none after this change",
            )


def _alarms(endpoint: Endpoint) -> int:
    config = ("DeploymentConfig", "AutoRollbackConfiguration", "Alarms")
    return len(endpoint.resource.mappings(*config))


GUARDRAILS_REMOVED = Rule(
    name="GuardrailsRemoved",
    severity="warning",
    description="The update that takes the guardrails away is made without them already.",
    fix="keep AutoRollbackConfiguration, unless this deployment changes the variants' names",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html",
    check=_check,
)
