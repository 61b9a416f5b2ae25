"""Names hold no time of day."""

import re
from collections.abc import Iterator

from inference_rules.hosting import CONFIG, ENDPOINT, MODEL
from inference_rules.rule import Fault, Rule
from inference_rules.template import NAME_PROPERTIES, Template

_DATE = r"20\d\d[-_]?(?:0[1-9]|1[0-2])[-_]?(?:0[1-9]|[12]\d|3[01])(?:[-_T]?\d{4,6})?"
_EPOCH = r"1[5-9]\d{8}"
_TIME = re.compile(rf"(?<!\d)(?:{_DATE}|{_EPOCH})(?!\d)")


def _check(template: Template) -> Iterator[Fault]:
    for resource in template.of_type(MODEL, CONFIG, ENDPOINT):
        name_property = NAME_PROPERTIES[resource.type]
        name = str(resource.get(name_property))
        match = _TIME.search(name)
        if match is not None:
            yield Fault(
                resource=resource.logical_id,
                path=f"Properties/{name_property}",
                detail=f"{match[0]} in {name} looks like the time of a synth",
            )


TIMESTAMP_IN_NAME = Rule(
    name="TimestampInName",
    severity="warning",
    description="A name with the time of its synth replaces the resource with every synth, "
    "although nothing has changed; an endpoint changes its name under its callers.",
    fix="leave the name out, or derive it from the content",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-name.html",
    check=_check,
)
