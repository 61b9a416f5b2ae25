"""Only weights and counts can be excluded from what is retained."""

from collections.abc import Iterator

from inference_rules.hosting import endpoints
from inference_rules.rule import Fault, Rule
from inference_rules.template import Template


def _check(template: Template) -> Iterator[Fault]:
    for endpoint in endpoints(template):
        excluded = endpoint.resource.mappings("ExcludeRetainedVariantProperties")
        for index, entry in enumerate(excluded):
            if entry.get("VariantPropertyType") == "DataCaptureConfig":
                yield Fault(
                    resource=endpoint.resource.logical_id,
                    path=f"Properties/ExcludeRetainedVariantProperties/{index}",
                    detail="DataCaptureConfig cannot be excluded",
                )


RETAINED_CAPTURE = Rule(
    name="RetainedCapture",
    severity="error",
    description="The API lists DataCaptureConfig among the variant properties that an update may "
    "exclude, and says that it is not currently supported.",
    fix="exclude DesiredWeight or DesiredInstanceCount only",
    source="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_VariantProperty.html",
    check=_check,
)
