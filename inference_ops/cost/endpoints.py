"""What endpoints cost: instances, their storage, serverless seconds, data."""

from collections.abc import Iterator

from inference_ops.cost.capacity import Capacity
from inference_ops.cost.fleets import Fleet, Serverless, config_of, find_variants
from inference_ops.cost.line import Line
from inference_ops.cost.model import Model, Resource
from sagemaker_prices import HOURS_PER_MONTH, Price, PriceTable

SECONDS_PER_MONTH = HOURS_PER_MONTH * 3600
_USES = {"hosting": "", "asynchronous": " (asynchronous)"}
_LATE = "how many is known at deployment only"


def endpoint_lines(model: Model, prices: PriceTable, region: str) -> Iterator[Line]:
    """What the endpoints of a template cost.

    Args:
        model: the template.
        prices: the prices.
        region: where it goes.
    """
    endpoints = model.of_type("AWS::SageMaker::Endpoint")
    for endpoint in endpoints:
        if config_of(model, endpoint) is None:
            yield Line(
                what=f"endpoint {endpoint.logical_id}",
                resources=(endpoint.logical_id,),
                unit="hour",
                price=None,
                note="its config is not in the template",
            )
    for variant in find_variants(model):
        if isinstance(variant, Fleet):
            yield from _fleet_lines(variant, prices, region)
        else:
            yield from _serverless_lines(variant, prices, region)
    for usage, what in (("data-in", "data into endpoints"), ("data-out", "data out of endpoints")):
        if endpoints:
            yield Line(
                what=what,
                resources=tuple(endpoint.logical_id for endpoint in endpoints),
                unit="GB",
                price=prices.find("data-in" if usage == "data-in" else "data-out", region),
            )


def price_range(fleet: Fleet, prices: PriceTable, region: str) -> tuple[Price | None, Price | None]:
    """The prices of a fleet's instances.

    Args:
        fleet: the fleet.
        prices: the prices.
        region: where it is.

    Returns:
        The price of the cheapest type and of the dearest; None if the price of any is not known.
    """
    found = [prices.find(fleet.usage, region, kind) for kind in fleet.types]
    known = sorted((price for price in found if price is not None), key=lambda price: price.usd)
    if not known or len(known) < len(found):
        return None, None
    return known[0], known[-1]


def _fleet_lines(fleet: Fleet, prices: PriceTable, region: str) -> Iterator[Line]:
    cheapest, dearest = price_range(fleet, prices, region)
    capacity = fleet.capacity
    types = " or ".join(fleet.types) or "an instance type that only a deployment tells"
    yield Line(
        what=f"{fleet.variant}: {types}{_USES[fleet.usage]}",
        resources=(fleet.endpoint.logical_id,),
        unit="hour",
        minimum=_least(fleet.endpoint, capacity, HOURS_PER_MONTH),
        maximum=None if capacity is None else capacity.most * HOURS_PER_MONTH,
        # Without a number there is nothing to multiply the price with.
        price=None if capacity is None else cheapest,
        highest_price=dearest if len(fleet.types) > 1 and capacity is not None else None,
        note=_LATE if capacity is None else None,
    )
    if fleet.volume:
        yield Line(
            what=f"{fleet.variant}: storage of the instances",
            resources=(fleet.endpoint.logical_id,),
            unit="GB-month",
            minimum=_least(fleet.endpoint, capacity, fleet.volume),
            maximum=None if capacity is None else capacity.most * fleet.volume,
            price=prices.find("storage", region),
        )


def _serverless_lines(variant: Serverless, prices: PriceTable, region: str) -> Iterator[Line]:
    resources = (variant.endpoint.logical_id,)
    size = variant.size
    named = f"{variant.variant}: serverless {size or 'of a memory that only a deployment tells'}"
    provisioned = variant.provisioned
    reserved = 0 if provisioned is None else provisioned.most
    free = None if variant.concurrency is None else max(variant.concurrency - reserved, 0)
    yield Line(
        what=named,
        resources=resources,
        unit="second",
        # Nobody has to ask; and at most all of it is busy all the time.
        maximum=None if free is None else free * SECONDS_PER_MONTH,
        price=None if size is None else prices.find("serverless", region, size),
    )
    if provisioned is None or provisioned.peak:
        yield Line(
            what=f"{named}, provisioned concurrency",
            resources=resources,
            unit="second",
            minimum=_least(variant.endpoint, provisioned, SECONDS_PER_MONTH),
            maximum=None if provisioned is None else provisioned.most * SECONDS_PER_MONTH,
            price=None
            if size is None or provisioned is None
            else prices.find("provisioned-concurrency", region, size),
            note=_LATE if provisioned is None else None,
        )
        yield Line(
            what=f"{named}, inference on it",
            resources=resources,
            unit="second",
            maximum=None if provisioned is None else provisioned.most * SECONDS_PER_MONTH,
            price=None if size is None else prices.find("provisioned-inference", region, size),
        )


def _least(endpoint: Resource, capacity: Capacity | None, each: float) -> float | None:
    if capacity is None:
        return None
    return capacity.least * each if endpoint.certain else 0
