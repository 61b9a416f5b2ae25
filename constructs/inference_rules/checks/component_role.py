"""Inference components need a role in the config, and a copy."""

from collections.abc import Iterator

from inference_rules.hosting import ENDPOINT, endpoints
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template, number

COMPONENT = "AWS::SageMaker::InferenceComponent"


def _check(template: Template) -> Iterator[Fault]:
    by_id = {endpoint.resource.logical_id: endpoint for endpoint in endpoints(template)}
    for component in template.of_type(COMPONENT):
        if number(component.get("RuntimeConfig", "CopyCount")) == 0:
            yield Fault(
                resource=component.logical_id,
                path="Properties/RuntimeConfig/CopyCount",
                detail="a component cannot be made with 0 copies",
            )
        used = template.find(ENDPOINT, component.get("EndpointName"))
        config = None if used is None else by_id[used.logical_id].config
        if config is not None and config.get("ExecutionRoleArn") is None:
            yield Fault(
                resource=config.logical_id,
                path="Properties/ExecutionRoleArn",
                detail=f"it is missing, and {component.logical_id} needs it",
            )


COMPONENT_ROLE = Rule(
    name="ComponentRole",
    severity="error",
    description="An endpoint of inference components has an ExecutionRoleArn in its config, and a "
    "component is made with one copy at least; scaling may take it to zero later.",
    fix="set ExecutionRoleArn, and a CopyCount of 1",
    source="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html",
    check=_check,
)
