"""The bakes of an update fit into its time."""

import math
from collections.abc import Iterator

from inference_rules.hosting import Endpoint, endpoints, largest_fleet
from inference_rules.rollouts import BLUE_GREEN, bake_seconds, traffic_step
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template, number


def _check(template: Template) -> Iterator[Fault]:
    for endpoint in endpoints(template):
        bake, bakes = bake_seconds(endpoint), _bakes(template, endpoint)
        most = number(endpoint.resource.get(*BLUE_GREEN, "MaximumExecutionTimeoutInSeconds"))
        wait = number(endpoint.resource.get(*BLUE_GREEN, "TerminationWaitInSeconds")) or 0
        if bake is None or bakes is None or most is None:
            continue
        needed = bakes * bake + wait
        if needed >= most:
            yield Fault(
                resource=endpoint.resource.logical_id,
                path="/".join(("Properties", *BLUE_GREEN, "MaximumExecutionTimeoutInSeconds")),
                detail=f"{bakes} bakes and the wait take {needed:g} s, the update may take "
                f"{most:g} s",
            )


def _bakes(template: Template, endpoint: Endpoint) -> int | None:
    step = traffic_step(endpoint)
    if step is None:
        return 1 if endpoint.resource.get(*BLUE_GREEN) is not None else None
    if step.name == "CanarySize":
        return 2
    counts = []
    for variant in endpoint.variants:
        fleet = largest_fleet(template, endpoint, variant)
        moved = None if fleet is None else step.instances(fleet)
        if fleet is not None and moved:
            counts.append(math.ceil(fleet / moved))
    return max(counts, default=None)


ROLLOUT_TIME = Rule(
    name="RolloutTime",
    severity="error",
    description="An update whose bakes and waits take longer than "
    "MaximumExecutionTimeoutInSeconds is taken back although nothing is wrong.",
    fix="raise MaximumExecutionTimeoutInSeconds, or use larger steps or shorter bakes",
    source="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_BlueGreenUpdatePolicy.html",
    check=_check,
)
