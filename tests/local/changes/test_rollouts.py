"""An update moves the traffic in two steps, and comes back when the new model is no good."""

from __future__ import annotations

from typing import Any

import pytest

# Half of the two instances, and so half of the traffic, goes first.
CANARY = {"canary_percent": 50, "keep_previous": 1}


def variant(version: str, **more: Any) -> dict[str, Any]:
    """The one variant of an endpoint."""
    return {"AllTraffic": {"version": version, "count": 2, **more}}


@pytest.fixture(scope="module")
def shop(new_application: Any) -> Any:
    """An endpoint with the first version, of two instances."""
    application = new_application("rollouts", variants=variant("v1"), **CANARY)
    application.deploy()
    return application


def test_a_canary_moves_on_to_the_new_version_without_a_lost_request(shop: Any) -> None:
    """Both versions answer during the first bake, and only the new one after it."""
    with shop.traffic() as log:
        shop.deploy(variants=variant("v2"))
    log.check_complete()
    log.check_served()
    assert log.failures == []
    first_of_new, _ = log.span("v2")
    _, last_of_old = log.span("v1")
    # The bake of four minutes, at sixty times the speed.
    assert last_of_old - first_of_new > 3
    during = log.versions(since=first_of_new, until=last_of_old)
    assert 0.3 < during["v2"] / during.total() < 0.7
    assert set(log.versions(since=last_of_old + 0.01)) == {"v2"}
    assert shop.instances() == {"AllTraffic": 2}


def test_a_version_that_errs_is_taken_back_by_its_alarm(shop: Any) -> None:
    """CloudFormation reports the failure; the old version serves on, and only the new one erred."""
    config = shop.describe()["EndpointConfigName"]
    with shop.traffic() as log:
        failed = shop.try_deploy(variants=variant("v3", fault_percent=100))
    assert failed.returncode != 0
    assert "rolled back because the auto-rollback alarm(s)" in failed.stdout + failed.stderr
    assert shop.stack_status() == "UPDATE_ROLLBACK_COMPLETE"
    assert shop.describe()["EndpointConfigName"] == config
    log.check_complete()
    log.check_served()
    errors = shop.errors()
    assert errors.pop(config) == 0
    assert len(log.failures) == sum(errors.values()) > 0
    assert set(log.versions()) == {"v2", None}
