"""What a run of a batch workflow costs: the transform jobs of state machines."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from inference_ops.cost.capacity import whole
from inference_ops.cost.line import price_to_json
from inference_ops.cost.model import Model, Resource
from sagemaker_prices import Price, PriceTable

_STATE_MACHINE = "AWS::StepFunctions::StateMachine"


@dataclass(frozen=True, kw_only=True)
class TransformJob:
    """A transform job that a state machine starts.

    Attributes:
        state_machine: the state machine's logical id.
        instance_type: of its instances; None if the execution's input tells.
        instance_count: how many; None if the execution's input tells.
        price: of an instance's hour; None if it is not known.
    """

    state_machine: str
    instance_type: str | None
    instance_count: int | None
    price: Price | None

    @property
    def usd_per_hour(self) -> float | None:
        """What it costs for each hour that it takes; None if that is not known."""
        if self.price is None or self.instance_count is None:
            return None
        return self.instance_count * self.price.usd

    def usd(self, minutes: float) -> float | None:
        """What a run costs.

        Args:
            minutes: how long its instances are there.
        """
        return None if self.usd_per_hour is None else self.usd_per_hour * minutes / 60

    def to_json(self) -> dict[str, Any]:
        """The job as JSON has it."""
        return {
            "state_machine": self.state_machine,
            "instance_type": self.instance_type,
            "instance_count": self.instance_count,
            "usd_per_hour": self.usd_per_hour,
            "price": price_to_json(self.price),
        }


def find_jobs(
    template: Mapping[str, Any],
    *,
    region: str,
    prices: PriceTable,
    parameters: Mapping[str, str] | None = None,
) -> Iterator[TransformJob]:
    """The transform jobs that the state machines of a template start.

    A job in a map is told once, although the map may start it again and again.

    Args:
        template: the template.
        region: where it goes.
        prices: the prices.
        parameters: values that count instead of the defaults of the template's parameters.
    """
    model = Model(template, region=region, parameters=parameters)
    for machine in model.of_type(_STATE_MACHINE):
        definition = definition_of(machine)
        if "createTransformJob" not in json.dumps(definition, default=str):
            continue
        for resources in _transform_resources(definition):
            instance_type = resources.get("InstanceType")
            known = instance_type if isinstance(instance_type, str) else None
            yield TransformJob(
                state_machine=machine.logical_id,
                instance_type=known,
                instance_count=whole(resources.get("InstanceCount")),
                price=None if known is None else prices.find("transform", region, known),
            )


def definition_of(machine: Resource) -> Any:
    """The definition of a state machine.

    Args:
        machine: the state machine.

    Returns:
        The definition; None if it is elsewhere or not to be read.
    """
    definition = machine.properties.get("Definition")
    if definition is not None:
        return definition
    try:
        return json.loads(str(machine.properties.get("DefinitionString")))
    except ValueError:
        return None


def _transform_resources(value: Any) -> Iterator[Mapping[str, Any]]:
    """All of them, wherever they stand: with the job, or with what a state before it hands on."""
    if isinstance(value, list):
        for member in value:
            yield from _transform_resources(member)
    elif isinstance(value, Mapping):
        for name, member in value.items():
            if name == "TransformResources" and isinstance(member, Mapping):
                yield member
            else:
                yield from _transform_resources(member)
