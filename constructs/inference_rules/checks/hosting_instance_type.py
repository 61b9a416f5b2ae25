"""Hosting offers the instance type."""

import difflib
from collections.abc import Iterator

from inference_rules.hosting import CONFIG, variants
from inference_rules.instance_types import instance_types
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template


def _check(template: Template) -> Iterator[Fault]:
    for config in template.of_type(CONFIG):
        both = [*variants(config), *variants(config, "ShadowProductionVariants")]
        for variant in both:
            name = variant.instance_type
            if name is not None and name not in instance_types():
                near = ", ".join(difflib.get_close_matches(name, instance_types(), n=2))
                yield Fault(
                    resource=config.logical_id,
                    path=f"{variant.path}/InstanceType",
                    detail=f"{name} is not offered for hosting" + (f": {near}?" if near else ""),
                )


HOSTING_INSTANCE_TYPE = Rule(
    name="HostingInstanceType",
    severity="error",
    description="Hosting has instance types of its own: no T3, for one, and names begin with ml.",
    fix="use a type that hosting offers",
    source="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html",
    check=_check,
)
