"""CPUUtilization of an endpoint is a sum over its vCPUs."""

from collections.abc import Iterator

from inference_rules.alarms import INSTANCES, endpoint_alarms
from inference_rules.hosting import endpoints
from inference_rules.instance_types import instance_types
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template, number


def _check(template: Template) -> Iterator[Fault]:
    for alarm in endpoint_alarms(template, INSTANCES):
        threshold = number(alarm.properties.get("Threshold"))
        if alarm.metric != "CPUUtilization" or threshold is None or not 1 < threshold <= 100:
            continue
        for endpoint in endpoints(template):
            for variant in endpoint.variants:
                of_variant = (endpoint.name, variant.name) == (
                    alarm.dimensions.get("EndpointName"),
                    alarm.dimensions.get("VariantName"),
                )
                vcpus = instance_types().get(variant.instance_type or "", {}).get("vcpus", 1)
                if of_variant and vcpus > 1:
                    yield Fault(
                        resource=alarm.resource.logical_id,
                        path="Properties/Threshold",
                        detail=f"{threshold:g} % of the {vcpus * 100} % that "
                        f"{variant.instance_type} has is {threshold / vcpus:.0f} % of each vCPU",
                    )


ALARM_CPU_CORES = Rule(
    name="AlarmCpuCores",
    severity="warning",
    description="CPUUtilization of an endpoint is the sum over the vCPUs, 400 % with four of them: "
    "a threshold below 100 is reached by a small part of the instance.",
    fix="multiply the threshold by the number of vCPUs",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html",
    check=_check,
)
