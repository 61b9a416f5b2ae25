"""Ref of an endpoint is its ARN."""

from collections.abc import Iterator

from inference_rules.alarms import endpoint_alarms
from inference_rules.hosting import ENDPOINT, targets
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template


def _check(template: Template) -> Iterator[Fault]:
    arns = {f"${{{endpoint.logical_id}}}" for endpoint in template.of_type(ENDPOINT)}
    for alarm in endpoint_alarms(template):
        if alarm.dimensions.get("EndpointName") in arns:
            yield Fault(
                resource=alarm.resource.logical_id,
                path="Properties/Dimensions",
                detail="the dimension EndpointName is the endpoint's ARN: no metric has it",
            )
    for target in targets(template):
        if target.endpoint in arns:
            yield Fault(
                resource=target.resource.logical_id,
                path=f"{target.path}/ResourceId",
                detail="the resource id holds the endpoint's ARN where its name belongs",
            )


ARN_AS_NAME = Rule(
    name="ArnAsName",
    severity="error",
    description="Ref of an AWS::SageMaker::Endpoint gives its ARN. Alarms with it never go off, "
    "and a scalable target with it is refused.",
    fix="use Fn::GetAtt of EndpointName",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-sagemaker-endpoint.html",
    check=_check,
)
