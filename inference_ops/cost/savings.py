"""What a Savings Plan would save: on the instances that run at every time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference_ops.cost.endpoints import price_range
from inference_ops.cost.fleets import Fleet, find_variants
from inference_ops.cost.model import Model
from sagemaker_prices import HOURS_PER_MONTH, PriceTable


@dataclass(frozen=True, kw_only=True)
class Commitment:
    """What may be committed to without paying for hours that are not used.

    A SageMaker Savings Plan is a commitment to so many US dollars of every hour, for one year or
    three, and unused dollars of an hour are lost. So only what runs in every hour counts.
    https://docs.aws.amazon.com/savingsplans/latest/userguide/sp-applying.html

    Attributes:
        on_demand: what the instances that always run cost in an hour, in US dollars.
        instances: which they are, such as `2 x ml.m5.xlarge of AllTraffic`.
        unknown: instances that always run and have no price.
        discount: the share that the plan takes off, from 0 to 1; None if it is not known.
    """

    on_demand: float
    instances: tuple[str, ...]
    unknown: tuple[str, ...]
    discount: float | None

    @property
    def commitment(self) -> float | None:
        """The US dollars an hour to commit to; None if the discount is not known."""
        return None if self.discount is None else self.on_demand * (1 - self.discount)

    @property
    def saving(self) -> float | None:
        """The US dollars a month that are saved; None if the discount is not known."""
        return None if self.discount is None else self.on_demand * self.discount * HOURS_PER_MONTH

    def to_json(self) -> dict[str, Any]:
        """The commitment as JSON has it."""
        return {
            "on_demand_usd_per_hour": self.on_demand,
            "instances": list(self.instances),
            "unknown": list(self.unknown),
            "discount": self.discount,
            "commitment_usd_per_hour": self.commitment,
            "saving_usd_per_month": self.saving,
        }


def find_commitment(
    template: Mapping[str, Any],
    *,
    region: str,
    prices: PriceTable,
    discount: float | None = None,
    parameters: Mapping[str, str] | None = None,
) -> Commitment:
    """What of a template could be under a Savings Plan in every hour.

    Args:
        template: the template.
        region: where it goes.
        prices: the prices.
        discount: the share that the plan takes off, from 0 to 1; no discount is known here.
        parameters: values that count instead of the defaults of the template's parameters.
    """
    model = Model(template, region=region, parameters=parameters)
    on_demand, instances, unknown = 0.0, [], []
    for fleet in find_variants(model):
        if not isinstance(fleet, Fleet) or fleet.capacity is None or not fleet.endpoint.certain:
            continue
        if fleet.capacity.always:
            types = " or ".join(fleet.types)
            named = f"{fleet.capacity.always} x {types} of {fleet.variant}"
            cheapest, _ = price_range(fleet, prices, region)
            if cheapest is None:
                unknown.append(named)
            else:
                instances.append(named)
                on_demand += fleet.capacity.always * cheapest.usd
    return Commitment(
        on_demand=on_demand,
        instances=tuple(instances),
        unknown=tuple(unknown),
        discount=discount,
    )
