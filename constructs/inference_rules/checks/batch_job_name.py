"""Each run of a state machine names its job anew."""

from collections.abc import Iterator

from inference_rules.rule import Fault, Rule
from inference_rules.template import Template
from inference_rules.transforms import transforms


def _check(template: Template) -> Iterator[Fault]:
    for machine, state, request in transforms(template):
        name = request.get("TransformJobName")
        # JSONata stands in {% %}; JSONPath in the other spelling of the key.
        if isinstance(name, str) and "{%" not in name:
            yield Fault(
                resource=machine.logical_id,
                path="Properties/DefinitionString",
                detail=f"state {state}: every run would be named {name}",
            )


BATCH_JOB_NAME = Rule(
    name="BatchJobName",
    severity="error",
    description="A transform job's name can be used once: with a fixed one the second run, or a "
    "retry, is refused.",
    fix="take the name from the execution, such as $$.Execution.Name",
    source="https://github.com/aws/aws-step-functions-data-science-sdk-python/issues/140",
    check=_check,
)
