"""Alarms have the dimensions that SageMaker publishes a metric with."""

from collections.abc import Iterator

from inference_rules.alarms import (
    PER_ENDPOINT,
    PER_VARIANT,
    UTILIZATIONS,
    EndpointAlarm,
    endpoint_alarms,
)
from inference_rules.hosting import endpoints, variants
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template

_VARIANT = frozenset({"EndpointName", "VariantName"})
# A fleet of its own in an update, and an inference component with or without its variant.
_PUBLISHED = {
    _VARIANT,
    _VARIANT | {"EndpointConfigName"},
    frozenset({"InferenceComponentName"}),
    frozenset({"InferenceComponentName", *_VARIANT}),
}


def _check(template: Template) -> Iterator[Fault]:
    for alarm in endpoint_alarms(template):
        fault = _names(alarm) or _variant(template, alarm)
        if fault is not None:
            yield Fault(
                resource=alarm.resource.logical_id, path="Properties/Dimensions", detail=fault
            )


def _names(alarm: EndpointAlarm) -> str | None:
    given = frozenset(alarm.dimensions)
    if alarm.metric in PER_ENDPOINT and given != {"EndpointName"}:
        expected = "EndpointName alone"
    elif alarm.metric in PER_VARIANT | UTILIZATIONS and given not in _PUBLISHED:
        expected = "EndpointName and VariantName"
    else:
        return None
    has = " and ".join(sorted(given)) or "no dimension"
    return f"{alarm.metric} is published with {expected}, the alarm has {has}"


def _variant(template: Template, alarm: EndpointAlarm) -> str | None:
    name = alarm.dimensions.get("VariantName")
    for endpoint in endpoints(template):
        if endpoint.config is None or alarm.dimensions.get("EndpointName") != endpoint.name:
            continue
        both = [*endpoint.variants, *variants(endpoint.config, "ShadowProductionVariants")]
        names = [variant.name for variant in both]
        if name is not None and names and name not in names:
            return f"endpoint {endpoint.name} has no variant {name}, but {', '.join(names)}"
    return None


ALARM_DIMENSIONS = Rule(
    name="AlarmDimensions",
    severity="error",
    description="A metric exists with exactly the dimensions that SageMaker publishes it with: "
    "with others, or for a variant that is not there, an alarm has no data and never goes off.",
    fix="name EndpointName and VariantName; for the backlog of an async endpoint EndpointName only",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html",
    check=_check,
)
