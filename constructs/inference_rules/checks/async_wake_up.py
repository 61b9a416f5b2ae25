"""An async endpoint at zero needs something that wakes it."""

from collections.abc import Iterator

from inference_rules.alarms import ALARM
from inference_rules.hosting import OWNED_SCALING, endpoints, target_of
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template, mappings

_METRIC = "HasBacklogWithoutCapacity"


def _check(template: Template) -> Iterator[Fault]:
    watched = any(alarm.get("MetricName") == _METRIC for alarm in template.of_type(ALARM)) or any(
        alarm.get("MetricName") == _METRIC
        for owned in template.of_type(OWNED_SCALING)
        for target in owned.mappings("ScalableTargets")
        for alarm in mappings(target.get("Alarms"))
    )
    for endpoint in endpoints(template):
        if not endpoint.is_async:
            continue
        for variant in endpoint.variants:
            target = target_of(template, endpoint, variant.name)
            if target is None or target.least != 0:
                continue
            steps = any(policy.get("PolicyType") == "StepScaling" for policy in target.policies)
            if not steps or not watched:
                yield Fault(
                    resource=target.resource.logical_id,
                    path=f"{target.path}/MinCapacity",
                    detail=f"nothing starts the first instance of variant {variant.name}: no step "
                    f"policy on {_METRIC}",
                )


ASYNC_WAKE_UP = Rule(
    name="AsyncWakeUp",
    severity="error",
    description="Target tracking on the backlog per instance does not wake an async endpoint from "
    "zero: that takes a step policy with an alarm on HasBacklogWithoutCapacity.",
    fix="add the step policy and its alarm, or use a minimum of 1",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html",
    check=_check,
)
