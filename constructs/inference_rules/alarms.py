"""Alarms of a template on metrics of endpoints."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference_rules.template import Resource, Template, mappings, number

ALARM = "AWS::CloudWatch::Alarm"

# The two namespaces that SageMaker publishes an endpoint's metrics in.
INVOCATIONS = "AWS/SageMaker"
INSTANCES = "/aws/sagemaker/Endpoints"

LATENCIES = frozenset({"ModelLatency", "OverheadLatency"})
ERRORS = frozenset({"Invocation4XXErrors", "Invocation5XXErrors"})
UTILIZATIONS = frozenset(
    {"CPUUtilization", "MemoryUtilization", "DiskUtilization"}
    | {"GPUUtilization", "GPUMemoryUtilization"}
)
PER_VARIANT = (
    LATENCIES | ERRORS | {"Invocations", "InvocationsPerInstance", "InvocationModelErrors"}
)
PER_ENDPOINT = frozenset(
    {"ApproximateBacklogSize", "ApproximateBacklogSizePerInstance", "HasBacklogWithoutCapacity"}
)


@dataclass(frozen=True, kw_only=True)
class EndpointAlarm:
    """An alarm on one metric of SageMaker.

    Attributes:
        resource: the alarm.
        metric: the metric's name.
        namespace: where it is looked for.
        dimensions: by name.
        properties: of the alarm.
    """

    resource: Resource
    metric: str
    namespace: str
    dimensions: Mapping[str, str]
    properties: Mapping[str, Any]

    @property
    def seconds_to_alarm(self) -> float | None:
        """How long a fault lasts before the alarm goes off at the earliest, if that is known."""
        periods = number(self.properties.get("EvaluationPeriods"))
        points = number(self.properties.get("DatapointsToAlarm"))
        length = number(self.properties.get("Period"))
        needed = periods if points is None else points
        return None if needed is None or length is None else needed * length


def endpoint_alarms(template: Template, *namespaces: str) -> list[EndpointAlarm]:
    """Lists the alarms on single metrics.

    Args:
        template: the template.
        namespaces: those of the metrics; by default the two of endpoints.
    """
    found = []
    for resource in template.of_type(ALARM):
        namespace = resource.get("Namespace")
        if namespace in (namespaces or (INVOCATIONS, INSTANCES)):
            found.append(
                EndpointAlarm(
                    resource=resource,
                    metric=str(resource.get("MetricName")),
                    namespace=namespace,
                    dimensions=dimensions(resource.get("Dimensions")),
                    properties=resource.properties,
                )
            )
    return found


def dimensions(given: Any) -> Mapping[str, str]:
    """Reads a list of dimensions."""
    return {str(entry.get("Name")): str(entry.get("Value")) for entry in mappings(given)}


def rollback_alarms(template: Template, endpoint: Resource) -> list[EndpointAlarm]:
    """Lists the alarms that take an update of an endpoint back."""
    named = {
        str(entry.get("AlarmName"))
        for entry in endpoint.mappings("DeploymentConfig", "AutoRollbackConfiguration", "Alarms")
    }
    return [
        alarm
        for alarm in endpoint_alarms(template)
        if template.name(alarm.resource) in named or f"${{{alarm.resource.logical_id}}}" in named
    ]
