"""Fleets grow and shrink with what they are asked, down to nothing and back."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.long


class Component:
    """The one inference component of an endpoint."""

    def __init__(self, shop: Any) -> None:
        self._sagemaker = shop.aws.client("sagemaker")
        [found] = self._sagemaker.list_inference_components(EndpointNameEquals=shop.endpoint_name)[
            "InferenceComponents"
        ]
        self.name: str = found["InferenceComponentName"]

    def copies(self) -> int:
        """How many copies of it run."""
        found = self._sagemaker.describe_inference_component(InferenceComponentName=self.name)
        count: int = found["RuntimeConfig"]["CurrentCopyCount"]
        return count


def test_load_makes_a_fleet_grow_to_its_maximum_and_shrink_again(new_application: Any) -> None:
    """Twenty-five requests a second are more than three instances are to take."""
    shop = new_application(
        "growth",
        variants={
            "AllTraffic": {"version": "v1", "scaling": {"min": 1, "max": 3, "per_minute": 300}}
        },
    )
    shop.deploy()
    with shop.traffic() as log:
        shop.wait_until(lambda: shop.instances() == {"AllTraffic": 3}, seconds=60)
        shop.pause(3)
        assert shop.instances() == {"AllTraffic": 3}
    log.check_complete()
    log.check_served()
    assert log.failures == []
    # A quarter of an hour with little to do, at sixty times the speed.
    shop.wait_until(lambda: shop.instances() == {"AllTraffic": 1}, seconds=90)


def test_a_component_goes_to_zero_and_comes_back(new_application: Any) -> None:
    """With no copy left the instances go; the first request is refused and wakes it."""
    shop = new_application("components", kind="components", variants={"model": {"version": "v1"}})
    shop.deploy()
    component = Component(shop)
    with shop.traffic(component=component.name) as log:
        shop.pause(3)
    log.check_complete()
    log.check_served()
    assert log.failures == []
    shop.wait_until(lambda: component.copies() == 0, seconds=120)
    shop.wait_until(lambda: shop.instances() == {"AllTraffic": 0}, seconds=60)
    with shop.traffic(component=component.name) as log:
        shop.wait_until(lambda: component.copies() >= 1, seconds=90)
        shop.pause(3)
    log.check_complete()
    assert log.requests[0].failed
    assert set(log.versions()) == {None, "v1"}
    woken, _ = log.span("v1")
    assert not [request for request in log.failures if request.sent > woken]
