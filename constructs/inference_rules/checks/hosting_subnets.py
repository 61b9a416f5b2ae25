"""A hosting VPC has subnets in two zones."""

from collections.abc import Iterator

from inference_rules.hosting import MODEL
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template


def _check(template: Template) -> Iterator[Fault]:
    for model in template.of_type(MODEL):
        subnets = model.get("VpcConfig", "Subnets")
        if isinstance(subnets, list) and len(subnets) == 1:
            yield Fault(
                resource=model.logical_id,
                path="Properties/VpcConfig/Subnets",
                detail="one subnet: the loss of its zone stops the endpoint",
            )


HOSTING_SUBNETS = Rule(
    name="HostingSubnets",
    severity="warning",
    description="Hosting in a VPC asks for two subnets in different availability zones at least.",
    fix="name a subnet in another zone as well",
    source="https://docs.aws.amazon.com/sagemaker/latest/dg/host-vpc.html",
    check=_check,
)
