"""What one update of an endpoint costs: the instances of the new fleet beside those of the old."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from inference_ops.cost.capacity import Capacity, mapping, whole
from inference_ops.cost.endpoints import price_range
from inference_ops.cost.fleets import Fleet, find_variants
from inference_ops.cost.line import price_to_json
from inference_ops.cost.model import Model
from sagemaker_prices import Price, PriceTable

_PERCENT = "CAPACITY_PERCENT"


@dataclass(frozen=True, kw_only=True)
class Surge:
    """What an update of one variant takes beside its fleet, without the time in which it starts.

    Attributes:
        endpoint: the endpoint's logical id.
        variant: the variant's name.
        way: how the update goes about.
        instances: the most that there are beside the fleet, for its smallest and its largest size.
        hours: instance hours that these are paid for, likewise.
        price: of an hour; None if it is not known.
        highest_price: of an hour, where the instances may be of several types.
        note: why the rest is not known.
    """

    endpoint: str
    variant: str
    way: str
    instances: tuple[int, int] | None
    hours: tuple[float, float] | None
    price: Price | None
    highest_price: Price | None
    note: str | None = None

    @property
    def usd(self) -> tuple[float, float] | None:
        """US dollars for one update, at least and at most; None if that is not known."""
        if self.hours is None or self.price is None or self.highest_price is None:
            return None
        return self.hours[0] * self.price.usd, self.hours[1] * self.highest_price.usd

    def to_json(self) -> dict[str, Any]:
        """The surge as JSON has it."""
        return {
            "endpoint": self.endpoint,
            "variant": self.variant,
            "way": self.way,
            "instances": _ends(self.instances),
            "instance_hours": _ends(self.hours),
            "usd": _ends(self.usd),
            "price": price_to_json(self.price),
            **({} if self.note is None else {"note": self.note}),
        }


def find_surges(
    template: Mapping[str, Any],
    *,
    region: str,
    prices: PriceTable,
    start_minutes: float = 0,
    parameters: Mapping[str, str] | None = None,
) -> Iterator[Surge]:
    """What an update of each variant with instances takes.

    Blue/green keeps both fleets whole until the last bake and the wait for termination are over;
    canary has two bakes, linear one after each step. Rolling has one batch beside the fleet.
    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html

    Args:
        template: the template.
        region: where it goes.
        prices: the prices.
        start_minutes: how long instances are paid for before they serve.
        parameters: values that count instead of the defaults of the template's parameters.
    """
    model = Model(template, region=region, parameters=parameters)
    for fleet in find_variants(model):
        if isinstance(fleet, Fleet):
            yield _surge(fleet, prices, region, start_minutes)


def instances_beside(endpoint: Mapping[str, Any], size: int) -> int | None:
    """The most instances that an update starts beside a variant's old fleet.

    Args:
        endpoint: resolved properties of `AWS::SageMaker::Endpoint`.
        size: how many instances the variant is to have.

    Returns:
        How many; None if only a deployment tells.
    """
    _, beside = _way(mapping(endpoint.get("DeploymentConfig")))
    found = beside(size)
    return None if found is None else found.instances


def _surge(fleet: Fleet, prices: PriceTable, region: str, start_minutes: float) -> Surge:
    cheapest, dearest = price_range(fleet, prices, region)
    way, beside = _way(mapping(fleet.endpoint.properties.get("DeploymentConfig")))
    capacity = fleet.capacity
    ends = None if capacity is None else [beside(size) for size in _sizes(capacity)]
    known = ends is not None and None not in ends
    found = [end for end in ends or [] if end is not None]
    start = start_minutes / 60
    return Surge(
        endpoint=fleet.endpoint.logical_id,
        variant=fleet.variant,
        way=way,
        instances=(found[0].instances, found[1].instances) if known else None,
        hours=(
            (found[0].hours + found[0].started * start, found[1].hours + found[1].started * start)
            if known
            else None
        ),
        price=cheapest,
        highest_price=dearest,
        note=None if known else "how many instances, or for how long, only a deployment tells",
    )


@dataclass(frozen=True, kw_only=True)
class _Beside:
    """Beside a fleet of some size: the most instances, their hours, and how many are started."""

    instances: int
    hours: float
    started: int


def _way(config: Mapping[str, Any]) -> tuple[str, Callable[[int], _Beside | None]]:
    """How an update goes about, and what it has beside a fleet of some size."""
    rolling = mapping(config.get("RollingUpdatePolicy"))
    return (
        _rolling(rolling) if rolling else _blue_green(mapping(config.get("BlueGreenUpdatePolicy")))
    )


def _blue_green(policy: Mapping[str, Any]) -> tuple[str, Callable[[int], _Beside | None]]:
    routing = mapping(policy.get("TrafficRoutingConfiguration"))
    kind = str(routing.get("Type", "ALL_AT_ONCE"))
    bake = whole(routing.get("WaitIntervalInSeconds", 0))
    wait = whole(policy.get("TerminationWaitInSeconds", 0))
    step = mapping(routing.get("LinearStepSize"))

    def beside(size: int) -> _Beside | None:
        bakes = {"ALL_AT_ONCE": 1, "CANARY": 2, "LINEAR": _steps(step, size)}.get(kind)
        if bake is None or wait is None or bakes is None:
            return None
        return _Beside(instances=size, hours=size * (bakes * bake + wait) / 3600, started=size)

    return f"blue/green, {kind.lower().replace('_', ' ')}", beside


def _rolling(policy: Mapping[str, Any]) -> tuple[str, Callable[[int], _Beside | None]]:
    bake = whole(policy.get("WaitIntervalInSeconds", 0))
    batch = mapping(policy.get("MaximumBatchSize"))

    def beside(size: int) -> _Beside | None:
        taken = _share(batch, size)
        if bake is None or taken is None:
            return None
        # Each instance stands beside the one that it replaces, for one bake.
        return _Beside(instances=min(taken, size), hours=size * bake / 3600, started=size)

    return "rolling", beside


def _steps(step: Mapping[str, Any], size: int) -> int | None:
    value = whole(step.get("Value"))
    if not value:
        return None
    return math.ceil(100 / value) if step.get("Type") == _PERCENT else math.ceil(size / value)


def _share(share: Mapping[str, Any], size: int) -> int | None:
    value = whole(share.get("Value"))
    if value is None:
        return None
    return math.ceil(size * value / 100) if share.get("Type") == _PERCENT else value


def _sizes(capacity: Capacity) -> tuple[int, int]:
    return capacity.smallest, capacity.peak


def _ends(values: tuple[float, float] | None) -> dict[str, float] | None:
    return None if values is None else {"minimum": values[0], "maximum": values[1]}
