"""What a workload costs on an endpoint, asynchronously, in batches, or serverless."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, get_args

from inference_ops.cost.line import price_to_json
from sagemaker_prices import HOURS_PER_MONTH, Price, PriceTable, Usage

Way = Literal["endpoint", "asynchronous", "batch", "serverless"]

DAYS_PER_MONTH: Final = HOURS_PER_MONTH / 24
_USAGES: Final[dict[Way, Usage]] = {
    "endpoint": "hosting",
    "asynchronous": "asynchronous",
    "batch": "transform",
    "serverless": "serverless",
}
# https://docs.aws.amazon.com/sagemaker/latest/dg/inference-invoke-endpoint.html: seconds for an
# answer, and the MB of a request.
_LONGEST: Final[dict[Way, float]] = {"endpoint": 60, "asynchronous": 3600, "serverless": 60}
_LARGEST: Final[dict[Way, float]] = {"endpoint": 6, "asynchronous": 1024, "serverless": 4}
_KILOBYTES_PER_GB: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What is asked, and what answers it.

    Attributes:
        requests_per_day: requests on an average day.
        seconds_per_request: how long a worker is busy with one.
        rows: predictions in a request.
        batch_seconds: how long a worker of a transform job is busy with as many rows; by default as
            long as with a request.
        serverless_seconds: likewise of a serverless endpoint.
        instance_type: of the endpoint, the asynchronous endpoint and the transform jobs.
        memory: of the serverless endpoint in GB.
        workers: requests that an instance works on at once, such as its vCPUs.
        peak: how much busier the busiest time is than the average.
        instances: the fewest of the endpoint.
        runs_per_day: transform jobs a day; and bursts in which asynchronous requests come.
        start_minutes: for which instances are paid before a run or a burst is worked on.
        idle_minutes: for which instances of an asynchronous endpoint stay after a burst.
        kb_in: KB of a request.
        kb_out: KB of its answer.
    """

    requests_per_day: float
    seconds_per_request: float
    rows: int = 1
    batch_seconds: float | None = None
    serverless_seconds: float | None = None
    instance_type: str = "ml.m5.large"
    memory: int = 3
    workers: int = 1
    peak: float = 1
    instances: int = 1
    runs_per_day: float = 1
    start_minutes: float = 5
    idle_minutes: float = 10
    kb_in: float = 0
    kb_out: float = 0

    def __post_init__(self) -> None:
        """Refuses numbers that no workload has.

        Raises:
            ValueError: names all that is wrong.
        """
        faults = [
            f"{name} must be greater than 0, not {value:g}"
            for name, value in (
                ("requests_per_day", self.requests_per_day),
                ("seconds_per_request", self.seconds_per_request),
                ("batch_seconds", self.batch_seconds),
                ("serverless_seconds", self.serverless_seconds),
                ("rows", self.rows),
                ("workers", self.workers),
                ("instances", self.instances),
                ("runs_per_day", self.runs_per_day),
            )
            if value is not None and not (value > 0 and math.isfinite(value))
        ]
        faults += [
            f"{name} must be {least} or greater, not {value:g}"
            for name, value, least in (
                ("peak", self.peak, 1),
                ("start_minutes", self.start_minutes, 0),
                ("idle_minutes", self.idle_minutes, 0),
                ("kb_in", self.kb_in, 0),
                ("kb_out", self.kb_out, 0),
            )
            if not (value >= least and math.isfinite(value))
        ]
        if self.memory not in range(1, 7):
            faults.append(f"memory must be 1 to 6 GB, not {self.memory}")
        if faults:
            raise ValueError("; ".join(faults))


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One way to answer a workload.

    Attributes:
        way: the way.
        quantity: instance hours a month, or seconds of a serverless endpoint.
        price: of one of these; None if it is not known.
        data_usd: US dollars a month for data in and out; None if their prices are not known.
        rows: predictions in a month.
        obstacle: why it cannot be done this way; None if it can.
    """

    way: Way
    quantity: float
    price: Price | None
    data_usd: float | None
    rows: float
    obstacle: str | None = None

    @property
    def usd(self) -> float | None:
        """US dollars a month, with data where their prices are known; None if it is not known."""
        if self.price is None:
            return None
        return self.quantity * self.price.usd + (self.data_usd or 0)

    @property
    def usd_per_1000(self) -> float | None:
        """US dollars for 1,000 predictions."""
        return None if self.usd is None else self.usd / self.rows * 1000

    @property
    def choosable(self) -> bool:
        """Whether it can be done, and its cost is known."""
        return self.usd is not None and self.obstacle is None

    def to_json(self) -> dict[str, Any]:
        """The offer as JSON has it."""
        return {
            "way": self.way,
            "quantity": self.quantity,
            "unit": "second" if self.way == "serverless" else "hour",
            "usd_per_month": self.usd,
            "usd_per_1000_predictions": self.usd_per_1000,
            "data_usd": self.data_usd,
            "price": price_to_json(self.price),
            "obstacle": self.obstacle,
        }


@dataclass(frozen=True, kw_only=True)
class CheapestRange:
    """Loads for which one way is the cheapest of those whose prices are known.

    Attributes:
        way: the way.
        first: requests a day from which on it is.
        last: requests a day up to which it is; None if no end was found.
    """

    way: Way
    first: int
    last: int | None


def compare(workload: Workload, *, region: str, prices: PriceTable) -> list[Offer]:
    """What a workload costs in each way.

    Args:
        workload: the workload.
        region: where.
        prices: the prices.

    Returns:
        An offer for each way, in the order of `Way`.
    """
    return [_offer(way, workload, region, prices) for way in get_args(Way)]


def break_even(way: Way, workload: Workload, *, region: str, prices: PriceTable) -> int | None:
    """The first load at which an endpoint costs no more than another way.

    Args:
        way: the other way.
        workload: the workload, whatever its requests per day.
        region: where.
        prices: the prices.

    Returns:
        The requests a day; None if there is none, or one of the two has no price.
    """
    ways: tuple[Way, Way] = ("endpoint", way)
    offers = compare(workload, region=region, prices=prices)
    if not all(offer.choosable for offer in offers if offer.way in ways):
        return None
    ranges = cheapest_ranges(workload, region=region, prices=prices, ways=ways)
    return next((found.first for found in ranges if found.way == "endpoint"), None)


def cheapest_ranges(
    workload: Workload,
    *,
    region: str,
    prices: PriceTable,
    ways: Sequence[Way] = get_args(Way),
    highest: int = 10**8,
) -> list[CheapestRange]:
    """Which way is the cheapest for which load; where one ends is the break-even.

    Args:
        workload: the workload, whatever its requests per day.
        region: where.
        prices: the prices.
        ways: the ways that are compared.
        highest: the requests a day up to which is looked.

    Returns:
        The ranges, from one request a day on; empty if nothing has a price.
    """

    def best(requests: int) -> Way | None:
        offers = compare(replace(workload, requests_per_day=requests), region=region, prices=prices)
        known = [
            (offer.usd, offer.way) for offer in offers if offer.choosable and offer.way in ways
        ]
        return min(known, key=lambda pair: pair[0] or 0)[1] if known else None

    found: list[CheapestRange] = []
    first, way = 1, best(1)
    for load in _loads(workload, highest):
        if way is None:
            break
        while best(load) != way:
            last = _last(best, way, first, load)
            found.append(CheapestRange(way=way, first=first, last=last))
            first = last + 1
            way = best(first)
            if way is None:
                return found
    if way is not None:
        found.append(CheapestRange(way=way, first=first, last=None))
    return found


def _last(best: Any, way: Way, low: int, high: int) -> int:
    """The last load before another way is the cheapest, given one where it is and one where not."""
    while high - low > 1:
        middle = (low + high) // 2
        if best(middle) == way:
            low = middle
        else:
            high = middle
    return low


def _loads(workload: Workload, highest: int) -> list[int]:
    """Loads that lie close together, with those on both sides of an endpoint's first step."""
    loads, load = set(), 1
    while load < highest:
        load = max(load + 1, math.ceil(load * 1.1))
        loads.add(min(load, highest))
    busy = 86400 * workload.workers / (workload.peak * workload.seconds_per_request)
    full = math.floor(workload.instances * busy)
    return sorted(loads | {found for found in (full, full + 1) if 1 < found < highest})


def _offer(way: Way, workload: Workload, region: str, prices: PriceTable) -> Offer:
    size = f"{workload.memory}GB" if way == "serverless" else workload.instance_type
    return Offer(
        way=way,
        quantity=_quantity(way, workload),
        price=prices.find(_USAGES[way], region, size),
        data_usd=_data_usd(way, workload, region, prices),
        rows=workload.requests_per_day * workload.rows * DAYS_PER_MONTH,
        obstacle=_obstacle(way, workload),
    )


def _quantity(way: Way, workload: Workload) -> float:
    daily, per_hour = workload.requests_per_day, 3600 * workload.workers
    overhead = workload.start_minutes / 60
    if way == "endpoint":
        busy = daily / 86400 * workload.peak * workload.seconds_per_request / workload.workers
        return max(workload.instances, math.ceil(busy)) * HOURS_PER_MONTH
    if way == "serverless":
        return daily * DAYS_PER_MONTH * _serverless_seconds(workload)
    if way == "batch":
        seconds = workload.batch_seconds
        seconds = workload.seconds_per_request if seconds is None else seconds
        hours = daily * seconds / per_hour + workload.runs_per_day * overhead
        return hours * DAYS_PER_MONTH
    work = daily * workload.seconds_per_request / per_hour
    stays = workload.runs_per_day * (overhead + workload.idle_minutes / 60)
    # Bursts that come one upon the other leave no time to go down in.
    return min(work + stays, max(work, 24)) * DAYS_PER_MONTH


def _serverless_seconds(workload: Workload) -> float:
    seconds = workload.serverless_seconds
    return workload.seconds_per_request if seconds is None else seconds


def _data_usd(way: Way, workload: Workload, region: str, prices: PriceTable) -> float | None:
    """Data are charged for by endpoints that answer at once; the others read and write S3."""
    if way not in {"endpoint", "serverless"} or not (workload.kb_in or workload.kb_out):
        return 0
    monthly = workload.requests_per_day * DAYS_PER_MONTH / _KILOBYTES_PER_GB
    parts: Sequence[tuple[float, Price | None]] = (
        (workload.kb_in, prices.find("data-in", region)),
        (workload.kb_out, prices.find("data-out", region)),
    )
    if any(kb and price is None for kb, price in parts):
        return None
    return sum(kb * monthly * price.usd for kb, price in parts if price is not None)


def _obstacle(way: Way, workload: Workload) -> str | None:
    if way == "batch":
        return None
    seconds = _serverless_seconds(workload) if way == "serverless" else workload.seconds_per_request
    if seconds > _LONGEST[way]:
        return f"an answer may take {_LONGEST[way]:g} s, not {seconds:g}"
    megabytes = workload.kb_in / 1024
    if megabytes > _LARGEST[way]:
        return f"a request may have {_LARGEST[way]:g} MB, not {megabytes:g}"
    return None
