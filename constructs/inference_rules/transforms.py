"""Transform jobs that the state machines of a template start."""

from collections.abc import Iterator, Mapping
from typing import Any

from inference_rules.template import Resource, Template, definition, states

MACHINE = "AWS::StepFunctions::StateMachine"


def machine_states(machine: Resource) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields the states of a state machine, if its definition can be read."""
    known = definition(machine)
    if known is not None:
        yield from states(known)


def transforms(template: Template) -> Iterator[tuple[Resource, str, Mapping[str, Any]]]:
    """Yields each state that starts a transform job: the machine, its name and the request."""
    for machine in template.of_type(MACHINE):
        for name, state in machine_states(machine):
            request = state.get("Parameters") or state.get("Arguments")
            if ":::sagemaker:createTransformJob" in str(state.get("Resource")) and isinstance(
                request, Mapping
            ):
                yield machine, name, request
