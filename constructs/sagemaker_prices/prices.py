"""On-demand prices, from the snapshot beside this module or from one that a user has read.

The snapshot holds public records of AWS's Price List API, and tables that others published. The
latter are marked as unconfirmed, and so is what is computed from them. Discounts, such as Savings
Plans, are in neither, nor are free tiers.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

SNAPSHOT = Path(__file__).with_name("snapshot.json")
# AWS's own figure for a month: https://calculator.aws
HOURS_PER_MONTH = 730

Usage = Literal[
    # SageMaker
    "hosting",
    "asynchronous",
    "transform",
    "serverless",
    "provisioned-concurrency",
    "provisioned-inference",
    "storage",
    "data-in",
    "data-out",
    # What stands around it
    "key",
    "alarm",
    "high-resolution-alarm",
    "composite-alarm",
    "dashboard",
    "logs",
    "logs-kept",
    "objects",
    "lambda",
    "lambda-request",
    "state-transition",
    "interface-endpoint",
    "nat-gateway",
]
Unit = Literal["hour", "second", "month", "GB", "GB-month", "GB-second", "request", "transition"]

UNITS: Mapping[Usage, Unit] = {
    "hosting": "hour",
    "asynchronous": "hour",
    "transform": "hour",
    "serverless": "second",
    "provisioned-concurrency": "second",
    "provisioned-inference": "second",
    "storage": "GB-month",
    "data-in": "GB",
    "data-out": "GB",
    "key": "month",
    "alarm": "month",
    "high-resolution-alarm": "month",
    "composite-alarm": "month",
    "dashboard": "month",
    "logs": "GB",
    "logs-kept": "GB-month",
    "objects": "GB-month",
    "lambda": "GB-second",
    "lambda-request": "request",
    "state-transition": "transition",
    "interface-endpoint": "hour",
    "nat-gateway": "hour",
}


@dataclass(frozen=True, kw_only=True)
class Price:
    """What AWS charges for one unit.

    Attributes:
        region: where.
        usage: what for. Instances of an endpoint (`hosting`), of an `asynchronous` endpoint or of a
            `transform` job, and their `storage`; seconds of a `serverless` endpoint, or of its
            `provisioned-concurrency` and of the `provisioned-inference` on it; data into and out of
            an endpoint. Of other services: KMS keys, CloudWatch's alarms, dashboards and logs, S3
            objects, Lambda, Step Functions, interface endpoints and NAT gateways.
        size: the instance type, such as `ml.m5.large`; the memory of a serverless endpoint, such as
            `3GB`; the architecture of a Lambda function. None where the usage has no sizes.
        usd: US dollars.
        unit: what they buy.
        read: the day it was read, or the first of those over which the sources agree.
        source: where it comes from.
        confirmed: whether the source read it from AWS's Price List API or from a bill.
    """

    region: str
    usage: Usage
    size: str | None = None
    usd: float
    unit: Unit
    read: date
    source: str
    confirmed: bool

    @property
    def standing(self) -> str:
        """How far the price can be trusted, in a few words."""
        return f"read on {self.read}" if self.confirmed else f"unconfirmed, {self.source}"


class PriceTable:
    """Prices to look up.

    Args:
        prices: the prices; of two of the same, the later one counts.
    """

    def __init__(self, prices: Iterable[Price]) -> None:
        self._prices = {(price.usage, price.region, price.size): price for price in prices}

    def __iter__(self) -> Iterator[Price]:
        return iter(self._prices.values())

    def find(self, usage: Usage, region: str, size: str | None = None) -> Price | None:
        """Looks a price up.

        Args:
            usage: what is charged for.
            region: the region's name, such as `us-east-1`.
            size: for the usages that have sizes.

        Returns:
            The price, or None if it is not known.

        Raises:
            ValueError: there is no such usage.
        """
        if usage not in get_args(Usage):
            raise ValueError(f"usage must be one of {', '.join(get_args(Usage))}, not {usage!r}")
        return self._prices.get((usage, region, size))


@cache
def shipped_prices() -> PriceTable:
    """The prices of the snapshot that is shipped."""
    return PriceTable(read_snapshot())


def find_price(usage: Usage, region: str, size: str | None = None) -> Price | None:
    """Looks a price up in the snapshot that is shipped; see `PriceTable.find`.

    Args:
        usage: what is charged for.
        region: the region's name, such as `us-east-1`.
        size: for the usages that have sizes.

    Returns:
        The price, or None if it is not known.

    Raises:
        ValueError: there is no such usage.
    """
    return shipped_prices().find(usage, region, size)


def read_snapshot(path: Path = SNAPSHOT) -> list[Price]:
    """Reads all prices of a snapshot.

    Args:
        path: the snapshot; by default the one that is shipped.

    Raises:
        ValueError: the file is no snapshot.
        OSError: it cannot be read.
    """
    try:
        document = json.loads(path.read_text())
        return [_price(row, document["sources"][row["source"]]) for row in document["prices"]]
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(
            f"{path} must be a snapshot of prices, with sources and prices: {error!r}; have it "
            "written anew"
        ) from None


def write_snapshot(prices: Sequence[Price]) -> str:
    """Writes prices as `read_snapshot` reads them.

    Args:
        prices: the prices.

    Returns:
        The snapshot; the same for the same prices in whatever order.
    """
    sources = sorted({(price.read.isoformat(), price.source, price.confirmed) for price in prices})
    names = {source: f"source-{number}" for number, source in enumerate(sources, start=1)}
    rows = sorted(
        (
            {
                "region": price.region,
                "usage": price.usage,
                **({} if price.size is None else {"size": price.size}),
                "usd": price.usd,
                "unit": price.unit,
                "source": names[(price.read.isoformat(), price.source, price.confirmed)],
            }
            for price in prices
        ),
        key=lambda row: (row["region"], row["usage"], row.get("size", "")),
    )
    document = {
        "sources": {
            name: {"date": read, "title": title, "confirmed": confirmed}
            for (read, title, confirmed), name in names.items()
        },
        "prices": rows,
    }
    return json.dumps(document, indent=1) + "\n"


def _price(row: dict[str, Any], source: dict[str, Any]) -> Price:
    usd = row["usd"]
    if (
        row["usage"] not in get_args(Usage)
        or row["unit"] != UNITS[row["usage"]]
        or isinstance(usd, bool)
        or not isinstance(usd, (int, float))
        or not (math.isfinite(usd) and usd >= 0)
    ):
        raise ValueError(f"no price: {row}")
    return Price(
        region=row["region"],
        usage=row["usage"],
        size=row.get("size"),
        usd=usd,
        unit=row["unit"],
        read=date.fromisoformat(source["date"]),
        source=source["title"],
        confirmed=source["confirmed"],
    )
