"""A state machine that runs jobs handles their failure."""

from collections.abc import Iterator

from inference_rules.rule import Fault, Rule
from inference_rules.template import Template
from inference_rules.transforms import MACHINE, machine_states


def _check(template: Template) -> Iterator[Fault]:
    for machine in template.of_type(MACHINE):
        for name, state in machine_states(machine):
            service = str(state.get("Resource"))
            if ":::sagemaker:create" in service and not state.get("Catch"):
                yield Fault(
                    resource=machine.logical_id,
                    path="Properties/DefinitionString",
                    detail=f"state {name} has no Catch",
                )


STATE_MACHINE_CATCH = Rule(
    name="StateMachineCatch",
    severity="warning",
    description="A job that fails ends a state machine without a Catch there and then: nothing is "
    "cleaned up and nobody is told.",
    fix="add a Catch that tells somebody",
    source="https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html",
    check=_check,
)
