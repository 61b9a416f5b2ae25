"""A comparison of the ways to answer a workload, as people read it, and as programs do."""

from collections.abc import Iterator
from typing import get_args

from inference_ops.console import Console
from inference_ops.cost.report import between, plain
from inference_ops.cost.workload import (
    CheapestRange,
    Offer,
    Way,
    Workload,
    break_even,
    cheapest_ranges,
    compare,
)
from sagemaker_prices import PriceTable


def show_comparison(
    console: Console, workload: Workload, *, region: str, prices: PriceTable, as_json: bool
) -> None:
    """Shows what each way costs, and which is the cheapest for which load.

    Args:
        console: where.
        workload: the workload.
        region: where it runs.
        prices: the prices.
        as_json: whether it is for programs.
    """
    offers = compare(workload, region=region, prices=prices)
    ranges = cheapest_ranges(workload, region=region, prices=prices)
    if as_json:
        console.result(
            "",
            {
                "region": region,
                "offers": [offer.to_json() for offer in offers],
                "cheapest": [
                    {"way": found.way, "from": found.first, "to": found.last} for found in ranges
                ],
                "break_even_with_endpoint": dict(_break_evens(workload, region, prices)),
                "assumptions": assumptions(workload),
            },
        )
        return
    console.table(
        f"{workload.requests_per_day:,.0f} requests a day of {workload.seconds_per_request:g} s "
        f"in {region}",
        ["", "quantity a month", "USD a month", "USD for 1,000 predictions", "price"],
        [_row(offer) for offer in offers],
    )
    choosable = [offer for offer in offers if offer.choosable]
    if choosable:
        best = min(choosable, key=lambda offer: offer.usd or 0)
        print(f"the cheapest of those whose price is known: {best.way}")
    for found in ranges:
        print(f"  {_load(found)}: {found.way}")
    for other, load in _break_evens(workload, region, prices):
        print(f"endpoint and {other} break even at {load:,} requests a day")
    print("assumed")
    for text in assumptions(workload):
        print(f"  {text}")


def assumptions(workload: Workload) -> list[str]:
    """What the numbers rest on beside the load.

    Args:
        workload: the workload.
    """
    return [
        f"endpoint: as many instances as the busiest time needs ({workload.peak:g} times the "
        f"average), at least {workload.instances}, all the month; each works on "
        f"{workload.workers} at once",
        f"asynchronous: down to 0; bursts a day: {workload.runs_per_day:g}; for each "
        f"instances start for {workload.start_minutes:g} minutes and stay for "
        f"{workload.idle_minutes:g}",
        f"batch: runs a day: {workload.runs_per_day:g}; each is paid for "
        f"{workload.start_minutes:g} minutes before it works",
        f"serverless: {workload.memory} GB, without provisioned concurrency, without cold starts",
        "without storage, requests to S3, logs and what a template has beside; no free tiers",
    ]


def _break_evens(workload: Workload, region: str, prices: PriceTable) -> Iterator[tuple[Way, int]]:
    for way in get_args(Way):
        if way != "endpoint":
            load = break_even(way, workload, region=region, prices=prices)
            if load is not None:
                yield way, load


def _row(offer: Offer) -> list[str]:
    unit = "seconds" if offer.way == "serverless" else "instance hours"
    price = "unknown"
    if offer.price is not None:
        price = f"{plain(offer.price.usd)} USD per {offer.price.unit} ({offer.price.standing})"
    if offer.data_usd is None:
        price = f"{price}; data in and out are not in it, as their price is unknown"
    usd = "unknown" if offer.usd is None else f"{offer.usd:,.2f}"
    per_1000 = "unknown" if offer.usd_per_1000 is None else f"{offer.usd_per_1000:,.5f}"
    if offer.obstacle is not None:
        usd, per_1000, price = "impossible", "", offer.obstacle
    quantity = f"{between(offer.quantity, offer.quantity)} {unit}"
    return [offer.way, quantity, usd, per_1000, price]


def _load(found: CheapestRange) -> str:
    if found.last is None:
        return f"from {found.first:,} requests a day"
    return f"{found.first:,} to {found.last:,} requests a day"
