"""On-demand prices of SageMaker, from the snapshot beside this module.

The snapshot holds public records of AWS's Price List API, and tables that others published. The
latter are marked as unconfirmed, and so is what is computed from them. Discounts, such as Savings
Plans, are in neither.
"""

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

SNAPSHOT = Path(__file__).with_name("snapshot.json")
# AWS's own figure for a month: https://calculator.aws
HOURS_PER_MONTH = 730

Usage = Literal["hosting", "asynchronous", "transform", "data-in", "data-out", "storage"]


@dataclass(frozen=True, kw_only=True)
class Price:
    """What AWS charges for one unit.

    Attributes:
        region: where.
        usage: what for: instances of an endpoint, of an asynchronous endpoint or of a transform
            job; data into and out of an endpoint; its instances' storage.
        instance_type: such as `ml.m5.large`; None where the usage is none of an instance.
        usd: US dollars.
        unit: what they buy: `hour` of one instance, `GB`, or `GB-month`.
        read: the day it was read, or the first of those over which the sources agree.
        source: where it comes from.
        confirmed: whether the source read it from AWS's Price List API or from a bill.
    """

    region: str
    usage: Usage
    instance_type: str | None
    usd: float
    unit: Literal["hour", "GB", "GB-month"]
    read: date
    source: str
    confirmed: bool

    @property
    def standing(self) -> str:
        """How far the price can be trusted, in a few words."""
        return f"read on {self.read}" if self.confirmed else f"unconfirmed, {self.source}"


def find_price(usage: Usage, region: str, instance_type: str | None = None) -> Price | None:
    """Looks a price up.

    Args:
        usage: what is charged for.
        region: the region's name, such as `us-east-1`.
        instance_type: for the usages of instances.

    Returns:
        The price, or None if it is not known.

    Raises:
        ValueError: there is no such usage.
    """
    if usage not in get_args(Usage):
        raise ValueError(f"usage must be one of {', '.join(get_args(Usage))}, not {usage!r}")
    return _table().get((usage, region, instance_type))


def read_snapshot() -> list[Price]:
    """Reads all prices that are shipped."""
    document: dict[str, Any] = json.loads(SNAPSHOT.read_text())
    return [
        Price(
            region=row["region"],
            usage=row["usage"],
            instance_type=row.get("instance_type"),
            usd=row["usd"],
            unit=row["unit"],
            read=date.fromisoformat(source["date"]),
            source=source["title"],
            confirmed=source["confirmed"],
        )
        for row in document["prices"]
        for source in [document["sources"][row["source"]]]
    ]


@cache
def _table() -> dict[tuple[str, str, str | None], Price]:
    return {(price.usage, price.region, price.instance_type): price for price in read_snapshot()}
