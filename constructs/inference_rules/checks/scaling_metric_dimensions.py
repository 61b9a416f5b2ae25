"""A policy's metric has the dimensions that SageMaker publishes it with."""

from collections.abc import Iterator

from inference_rules.alarms import PER_ENDPOINT, PER_VARIANT, UTILIZATIONS, dimensions
from inference_rules.hosting import SCALING_POLICY
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template, dig

_METRIC = ("TargetTrackingScalingPolicyConfiguration", "CustomizedMetricSpecification")


def _check(template: Template) -> Iterator[Fault]:
    for policy in template.of_type(SCALING_POLICY):
        metric = policy.get(*_METRIC)
        name, given = str(dig(metric, "MetricName")), set(dimensions(dig(metric, "Dimensions")))
        if name in PER_ENDPOINT:
            expected = {"EndpointName"}
        elif name in PER_VARIANT | UTILIZATIONS and "InferenceComponentName" not in given:
            expected = {"EndpointName", "VariantName"}
        else:
            continue
        if given != expected:
            yield Fault(
                resource=policy.logical_id,
                path="/".join(("Properties", *_METRIC, "Dimensions")),
                detail=f"{name} is published with {' and '.join(sorted(expected))}, the policy has "
                f"{' and '.join(sorted(given)) or 'no dimension'}",
            )


SCALING_METRIC_DIMENSIONS = Rule(
    name="ScalingMetricDimensions",
    severity="error",
    description="A scaling policy whose metric has other dimensions than SageMaker's gets no data "
    "and never scales; the backlog of an async endpoint has EndpointName only.",
    fix="name the dimensions that the metric is published with",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html",
    check=_check,
)
