"""What a run will take, worked out by hand; what is not known is not guessed."""

from typing import Any

import pytest

from inference_constructs.functions.batch_checks.request import RequestError
from inference_constructs.functions.batch_steps.estimates import check_limits, estimate

MEBIBYTE = 1024 * 1024
NOTHING: dict[str, Any] = {
    "mb_per_second": None,
    "hourly_price_usd": None,
    "max_cost_usd": None,
    "max_duration_minutes": None,
}


def test_a_run_of_one_job() -> None:
    """3,600 MiB at 2 MiB/s are half an hour; at 0.40 an hour that is 0.20; 180 s to start."""
    found = estimate(
        size=3600 * MEBIBYTE,
        shards=1,
        instances=1,
        concurrent_jobs=4,
        given=NOTHING,
        measured=2.0,
        price=0.4,
    )
    assert (found.duration_seconds, found.cost_usd) == (1980, pytest.approx(0.2))
    assert found.basis == "throughput measured by the last run, price as AWS lists it"


def test_jobs_at_once_shorten_a_run_and_cost_the_same() -> None:
    """10 jobs, 4 at once with 2 instances: 3 waves of 180 s, and 1,800 s of work by 8 instances."""
    found = estimate(
        size=3600 * MEBIBYTE,
        shards=10,
        instances=2,
        concurrent_jobs=4,
        given={**NOTHING, "mb_per_second": 2.0, "hourly_price_usd": 0.8},
        measured=1.0,
        price=0.4,
    )
    assert (found.duration_seconds, found.cost_usd) == (3 * 180 + 225, pytest.approx(0.4))
    assert found.basis == "throughput as given, price as given"


@pytest.mark.parametrize(
    ("measured", "price", "duration", "cost"),
    [
        (None, 0.4, "unknown", "unknown"),
        (1.0, None, 190, "unknown"),
        (None, None, "unknown", "unknown"),
    ],
)
def test_what_is_not_known_is_unknown(
    measured: float | None, price: float | None, duration: Any, cost: Any
) -> None:
    """Neither throughput nor price is made up."""
    found = estimate(
        size=10 * MEBIBYTE,
        shards=1,
        instances=1,
        concurrent_jobs=1,
        given=NOTHING,
        measured=measured,
        price=price,
    ).to_json()
    assert (found["duration_seconds"], found["cost_usd"]) == (duration, cost)


@pytest.mark.parametrize(
    ("limits", "measured", "reason"),
    [
        ({}, None, None),
        ({"max_cost_usd": 0.2}, 2.0, None),
        ({"max_cost_usd": 0.19}, 2.0, "the estimate is 0.2, max_cost_usd is 0.19"),
        ({"max_duration_minutes": 33}, 2.0, None),
        ({"max_duration_minutes": 32}, 2.0, "the estimate is 33, max_duration_minutes is 32"),
        ({"max_cost_usd": 9}, None, "not known: give mb_per_second and hourly_price_usd"),
        ({"max_duration_minutes": 9}, None, "not known: give mb_per_second"),
    ],
)
def test_a_run_beyond_a_limit_or_of_which_nobody_knows_is_stopped(
    limits: dict[str, float], measured: float | None, reason: str | None
) -> None:
    """A limit is there to be safe."""
    options = {**NOTHING, **limits}
    found = estimate(
        size=3600 * MEBIBYTE,
        shards=1,
        instances=1,
        concurrent_jobs=1,
        given=options,
        measured=measured,
        price=0.4,
    )
    if reason is None:
        check_limits(found, options)
    else:
        with pytest.raises(RequestError, match=reason):
            check_limits(found, options)
