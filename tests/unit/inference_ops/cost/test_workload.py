"""Which way is the cheapest follows from the load: expected values worked out by hand."""

from collections.abc import Callable
from datetime import date
from typing import Any, get_args

import pytest

from inference_ops.cost.workload import Offer, Way, Workload, break_even, cheapest_ranges, compare
from sagemaker_prices import UNITS, Price, PriceTable, Usage

REGION = "us-east-1"
USD: dict[tuple[Usage, str | None], float] = {
    ("hosting", "ml.m5.large"): 0.1,
    ("asynchronous", "ml.m5.large"): 0.1,
    ("transform", "ml.m5.large"): 0.1,
    ("serverless", "3GB"): 0.00006,
    ("data-in", None): 0.016,
    ("data-out", None): 0.032,
}


@pytest.fixture(name="table")
def _table() -> Callable[..., PriceTable]:
    """Prices, without some."""

    def make(*without: Usage) -> PriceTable:
        return PriceTable(
            Price(
                region=REGION,
                usage=usage,
                size=size,
                usd=usd,
                unit=UNITS[usage],
                read=date(2026, 11, 1),
                source="a test",
                confirmed=True,
            )
            for (usage, size), usd in USD.items()
            if usage not in without
        )

    return make


def offers(table: PriceTable, **workload: Any) -> dict[Way, Offer]:
    """What each way costs."""
    given = {"requests_per_day": 14_400, "seconds_per_request": 0.5, **workload}
    found = compare(Workload(**given), region=REGION, prices=table)
    return {offer.way: offer for offer in found}


def test_each_way_costs_what_it_uses(table: Callable[..., PriceTable]) -> None:
    """14,400 requests of 0.5 s are 2 hours a day; a month has 730 / 24 days.

    An endpoint is there for 730 hours. Asynchronous instances are there for 2 hours, 5 minutes of
    start and 10 of idling; those of a batch for 2 hours and 5 minutes; serverless for 7,200 s.
    """
    found = offers(table())
    days = 730 / 24
    assert found["endpoint"].usd == pytest.approx(730 * 0.1)
    assert found["asynchronous"].usd == pytest.approx((2 + 15 / 60) * days * 0.1)
    assert found["batch"].usd == pytest.approx((2 + 5 / 60) * days * 0.1)
    assert found["serverless"].usd == pytest.approx(7200 * days * 0.00006)


def test_a_thousand_predictions_cost_their_share(table: Callable[..., PriceTable]) -> None:
    """14,400 requests of 10 rows a day are 4,380,000 predictions a month."""
    found = offers(table(), rows=10)["endpoint"]
    assert found.usd_per_1000 == pytest.approx(73 / 4380)


@pytest.mark.parametrize(
    ("workload", "instances"),
    [
        # 14,400 x 0.5 / 86,400 = 1/12 of an instance, on average.
        ({}, 1),
        ({"instances": 2}, 2),
        ({"peak": 30}, 3),
        ({"peak": 30, "workers": 2}, 2),
        ({"requests_per_day": 172_800}, 1),
        ({"requests_per_day": 172_801}, 2),
    ],
)
def test_an_endpoint_has_the_instances_of_its_busiest_time(
    table: Callable[..., PriceTable], workload: dict[str, Any], instances: int
) -> None:
    """And at least as many as it must have."""
    assert offers(table(), **workload)["endpoint"].quantity == instances * 730


def test_work_in_batches_may_be_quicker(table: Callable[..., PriceTable]) -> None:
    """14,400 x 0.05 s are 12 minutes; with 2 workers, 6; two runs start for 5 minutes each."""
    found = offers(table(), batch_seconds=0.05, workers=2, runs_per_day=2)["batch"]
    assert found.quantity == pytest.approx((6 + 10) / 60 * 730 / 24)


def test_bursts_one_upon_the_other_keep_an_instance_all_the_day(
    table: Callable[..., PriceTable],
) -> None:
    """200 bursts x 15 minutes are more than a day has."""
    found = offers(table(), runs_per_day=200)["asynchronous"]
    assert found.quantity == pytest.approx(24 * 730 / 24)


def test_data_are_paid_for_where_requests_are_answered_at_once(
    table: Callable[..., PriceTable],
) -> None:
    """14,400 x 64 KB are 900 MB a day in, and half of that out."""
    found = offers(table(), kb_in=64, kb_out=32)
    month = 14_400 * 730 / 24 / 1024 / 1024
    expected = month * (64 * 0.016 + 32 * 0.032)
    assert found["endpoint"].usd == pytest.approx(73 + expected)
    assert found["serverless"].data_usd == pytest.approx(expected)
    assert found["batch"].data_usd == 0


def test_data_without_a_price_are_left_out_and_told(table: Callable[..., PriceTable]) -> None:
    """The rest is known all the same."""
    found = offers(table("data-out"), kb_in=64, kb_out=32)["endpoint"]
    assert found.data_usd is None
    assert found.usd == pytest.approx(73)


def test_a_price_that_is_not_needed_need_not_be_known(table: Callable[..., PriceTable]) -> None:
    """Data in alone: 14,400 x 64 KB a day at 0.016 USD a GB."""
    found = offers(table("data-out"), kb_in=64)["endpoint"]
    month = 14_400 * 730 / 24 * 64 / 1024 / 1024
    assert found.data_usd == pytest.approx(month * 0.016)


@pytest.mark.parametrize(
    ("workload", "impossible"),
    [
        ({"seconds_per_request": 61}, {"endpoint", "serverless"}),
        ({"seconds_per_request": 1, "serverless_seconds": 61}, {"serverless"}),
        ({"seconds_per_request": 3601}, {"endpoint", "serverless", "asynchronous"}),
        ({"kb_in": 5 * 1024}, {"serverless"}),
        ({"kb_in": 7 * 1024}, {"serverless", "endpoint"}),
        ({"seconds_per_request": 60, "kb_in": 4 * 1024}, set()),
    ],
)
def test_what_the_service_refuses_is_impossible(
    table: Callable[..., PriceTable], workload: dict[str, Any], impossible: set[Way]
) -> None:
    """By the limits of time and size of each way."""
    found = offers(table(), **workload)
    assert {way for way, offer in found.items() if offer.obstacle is not None} == impossible
    assert {way for way, offer in found.items() if not offer.choosable} == impossible


def test_endpoint_and_serverless_break_even_where_both_cost_the_same(
    table: Callable[..., PriceTable],
) -> None:
    """73 USD = n x 730 / 24 x 0.5 x 0.00006 USD: n = 73 x 24 / 730 / 0.00003 = 80,000."""
    workload = Workload(requests_per_day=1, seconds_per_request=0.5)
    assert break_even("serverless", workload, region=REGION, prices=table()) == 80_000


def test_without_a_price_there_is_no_break_even(table: Callable[..., PriceTable]) -> None:
    """Nor with a way that cannot be."""
    workload = Workload(requests_per_day=1, seconds_per_request=0.5)
    assert break_even("serverless", workload, region=REGION, prices=table("serverless")) is None
    slow = Workload(requests_per_day=1, seconds_per_request=0.5, serverless_seconds=61)
    assert break_even("serverless", slow, region=REGION, prices=table()) is None


def test_the_cheapest_way_changes_with_the_load(table: Callable[..., PriceTable]) -> None:
    """Serverless before batch: n x 0.5 x 0.00006 = (n x 0.5 / 3600 + 5 / 60) x 0.1 USD a day.

    So n x (0.00003 - 0.0000138889) = 0.0083333, n = 517.24. And a batch of 23 hours and 55 minutes
    costs as much as the endpoint: n = 23.91667 x 3600 / 0.5 = 172,200.
    """
    workload = Workload(requests_per_day=1, seconds_per_request=0.5)
    ranges = cheapest_ranges(workload, region=REGION, prices=table())
    found = [(each.way, each.first, each.last) for each in ranges]
    assert found[:3] == [
        ("serverless", 1, 517),
        ("batch", 518, 172_199),
        ("endpoint", 172_200, 172_800),
    ]
    for way, first, last in found[:3]:
        for load in (first, last or first):
            costs = {
                offer.way: offer.usd or 0
                for offer in compare(
                    Workload(requests_per_day=load, seconds_per_request=0.5),
                    region=REGION,
                    prices=table(),
                )
            }
            assert costs[way] == pytest.approx(min(costs.values()))


def test_nothing_is_the_cheapest_if_nothing_has_a_price() -> None:
    """Not even the endpoint."""
    workload = Workload(requests_per_day=1, seconds_per_request=0.5)
    assert cheapest_ranges(workload, region=REGION, prices=PriceTable([])) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"requests_per_day": 0}, "requests_per_day must be greater than 0, not 0"),
        ({"seconds_per_request": float("nan")}, "seconds_per_request must be greater than 0"),
        ({"peak": 0.5}, "peak must be 1 or greater, not 0.5"),
        ({"idle_minutes": -1}, "idle_minutes must be 0 or greater, not -1"),
        ({"memory": 7}, "memory must be 1 to 6 GB, not 7"),
        ({"workers": 0, "memory": 0}, "workers must be greater than 0, not 0; memory must be"),
    ],
)
def test_numbers_that_no_workload_has_are_refused(wrong: dict[str, Any], told: str) -> None:
    """All of them in one error."""
    with pytest.raises(ValueError, match=told):
        Workload(**{"requests_per_day": 1, "seconds_per_request": 1, **wrong})


def test_every_way_is_offered(table: Callable[..., PriceTable]) -> None:
    """Also one without a price, which is told as such."""
    found = offers(table("transform"))
    assert tuple(found) == get_args(Way)
    assert found["batch"].usd is None
    assert not found["batch"].choosable
