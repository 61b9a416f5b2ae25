"""Models and configs have no fixed names."""

import re
from collections.abc import Iterator

from inference_rules.hosting import CONFIG, MODEL
from inference_rules.rule import Fault, Rule
from inference_rules.template import NAME_PROPERTIES, Template, known

# What only a deployment knows, and a stack keeps: a name with another parameter may change.
_OF_STACK = re.compile(r"\$\{AWS::[^}]*\}")


def _check(template: Template) -> Iterator[Fault]:
    for resource in template.of_type(MODEL, CONFIG):
        name_property = NAME_PROPERTIES[resource.type]
        name = resource.get(name_property)
        if isinstance(name, str) and known(_OF_STACK.sub("", name)):
            yield Fault(
                resource=resource.logical_id,
                path=f"Properties/{name_property}",
                detail=f"every change replaces it, and its successor would be named {name} as well",
            )


FIXED_CONFIG_NAME = Rule(
    name="FixedConfigName",
    severity="warning",
    description="Every change of a Model or EndpointConfig replaces it. CloudFormation makes the "
    "new one first, so a fixed name is taken and the update fails.",
    fix="leave the name out: CloudFormation makes one",
    source="https://github.com/hashicorp/terraform-provider-aws/issues/21811",
    check=_check,
)
