"""How long a run will take and what it will cost, as far as that is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..batch_checks.request import RequestError

_BYTES_PER_MB = 1024 * 1024
# Until a job's instances run, which AWS does not charge for; as experience has it, a few minutes.
START_SECONDS = 180


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What is expected of a run; None is not known.

    Attributes:
        duration_seconds: from the first job to the last.
        cost_usd: the price of the instances.
        mb_per_second: what an instance gets through.
        basis: where the figures come from.
    """

    duration_seconds: float | None
    cost_usd: float | None
    mb_per_second: float | None
    basis: str

    def to_json(self) -> dict[str, Any]:
        """The estimate as it stands in plans and summaries; what is not known is `unknown`."""
        return {
            "duration_seconds": _known(self.duration_seconds, 0),
            "cost_usd": _known(self.cost_usd, 4),
            "mb_per_second": _known(self.mb_per_second, 3),
            "basis": self.basis,
        }


def _known(value: float | None, digits: int) -> float | str:
    return "unknown" if value is None else round(value, digits)


def estimate(
    *,
    size: int,
    shards: int,
    instances: int,
    concurrent_jobs: int,
    given: Mapping[str, Any],
    measured: float | None,
    price: float | None,
) -> Estimate:
    """Estimates a run.

    Args:
        size: the bytes of the input.
        shards: how many jobs share them.
        instances: how many instances a job has.
        concurrent_jobs: how many jobs run at once.
        given: the options of the run, which may have `mb_per_second` and `hourly_price_usd`.
        measured: what an instance got through in the last run, in mebibytes a second.
        price: AWS's price of an instance-hour.
    """
    rate = given["mb_per_second"] or measured
    hourly = given["hourly_price_usd"] or price
    basis = [
        "throughput " + _basis(given["mb_per_second"], measured, "measured by the last run"),
        "price " + _basis(given["hourly_price_usd"], price, "as AWS lists it"),
    ]
    if rate is None:
        return Estimate(
            duration_seconds=None, cost_usd=None, mb_per_second=None, basis=", ".join(basis)
        )
    work = size / _BYTES_PER_MB / rate
    waves = -(-shards // concurrent_jobs)
    return Estimate(
        duration_seconds=waves * START_SECONDS + work / (min(shards, concurrent_jobs) * instances),
        cost_usd=None if hourly is None else work / 3600 * hourly,
        mb_per_second=rate,
        basis=", ".join(basis),
    )


def _basis(given: float | None, known: float | None, words: str) -> str:
    if given is not None:
        return "as given"
    return "unknown" if known is None else words


def check_limits(found: Estimate, options: Mapping[str, Any]) -> None:
    """Stops a run that would cost more or take longer than its caller wants.

    Args:
        found: the estimate.
        options: the options of the run.

    Raises:
        RequestError: the estimate is above a limit, or a limit cannot be judged.
    """
    duration = None if found.duration_seconds is None else found.duration_seconds / 60
    faults = []
    for name, value, need in (
        ("max_cost_usd", found.cost_usd, "mb_per_second and hourly_price_usd"),
        ("max_duration_minutes", duration, "mb_per_second"),
    ):
        limit = options[name]
        if limit is None:
            continue
        if value is None:
            faults.append(f"{name} is {limit:g} and the estimate is not known: give {need}")
        elif value > limit:
            faults.append(f"the estimate is {value:.4g}, {name} is {limit:g}")
    if faults:
        raise RequestError("; ".join(faults))
