"""Both fleets of an update fit into the quota."""

import math
from collections import Counter
from collections.abc import Iterator

from inference_ops.review.changes import Change
from inference_ops.review.pairs import EndpointPair, updated_endpoints
from inference_rules.hosting import Endpoint, largest_fleet
from inference_rules.rollouts import ROLLING, Step
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template


def _check(change: Change) -> Iterator[Fault]:
    for pair in updated_endpoints(change):
        if not _moves(change, pair):
            continue
        needed = _fleet(change.base, pair.old) + _surge(change, pair)
        for name, most in change.quotas.items():
            if needed[name] > most:
                yield Fault(
                    resource=pair.logical_id,
                    path="Properties/EndpointConfigName",
                    detail=f"old and new fleet are up to {needed[name]} x {name}, the quota is "
                    f"{most}",
                )


def _moves(change: Change, pair: EndpointPair) -> bool:
    return change.property(pair.logical_id, "EndpointConfigName") is not None


def _surge(change: Change, pair: EndpointPair) -> Counter[str]:
    fleet = _fleet(change.head, pair.new)
    batch = pair.new.resource.get(*ROLLING, "MaximumBatchSize")
    if not isinstance(batch, dict):
        return fleet
    step = Step(path="", name="MaximumBatchSize", properties=batch)
    return Counter({name: math.ceil(step.instances(size) or size) for name, size in fleet.items()})


def _fleet(template: Template, endpoint: Endpoint) -> Counter[str]:
    found: Counter[str] = Counter()
    for variant in endpoint.variants:
        size = largest_fleet(template, endpoint, variant)
        if variant.instance_type is not None and size is not None:
            found[variant.instance_type] += math.ceil(size)
    return found


BLUE_GREEN_SURGE = Rule(
    name="BlueGreenSurge",
    severity="error",
    description="An update starts the new fleet beside the old one: for its duration the account "
    "needs both, and the update fails at the quota.",
    fix="ask for a higher quota, update while the fleet is small, or use a rolling update",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html",
    check=_check,
)
