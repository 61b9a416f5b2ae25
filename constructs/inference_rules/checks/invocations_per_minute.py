"""The target of invocations is per minute."""

from collections.abc import Iterator

from inference_rules.hosting import targets
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template, dig, number

_CONFIGURATION = "TargetTrackingScalingPolicyConfiguration"
_METRIC = "SageMakerVariantInvocationsPerInstance"
# Less than two requests a second and instance.
_FEW = 100


def _check(template: Template) -> Iterator[Fault]:
    for target in targets(template):
        for policy in target.policies:
            configuration = policy.get(_CONFIGURATION)
            metric = dig(configuration, "PredefinedMetricSpecification", "PredefinedMetricType")
            value = number(dig(configuration, "TargetValue"))
            if metric == _METRIC and value is not None and value <= _FEW:
                yield Fault(
                    resource=target.resource.logical_id,
                    path=target.path,
                    detail=f"a TargetValue of {value:g} adds an instance from {value / 60:.1f} "
                    "requests a second on",
                )


INVOCATIONS_PER_MINUTE = Rule(
    name="InvocationsPerMinute",
    severity="note",
    description="SageMakerVariantInvocationsPerInstance counts requests per minute, not per "
    "second: a target of 70 is about one request a second and instance.",
    fix="measure what an instance can take in a second, times 60, times 0.7",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-loadtest.html",
    check=_check,
)
