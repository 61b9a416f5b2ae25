"""An update moves the traffic in two steps, and comes back when the new model is no good.

The tests build on each other, as the days of an endpoint do.
"""

from __future__ import annotations

from typing import Any

import pytest

# Half of the two instances, and so half of the traffic, goes first.
CANARY = {"canary_percent": 50, "keep_previous": 1}
# The bake of four minutes lasts four seconds at sixty times the speed, and is longer by far than
# the three minutes that an alarm looks at.
BAKE_SECONDS = 4


def variant(version: str, **more: Any) -> dict[str, Any]:
    """The one variant of an endpoint."""
    return {"AllTraffic": {"version": version, "count": 2, **more}}


@pytest.fixture(scope="module")
def shop(new_application: Any) -> Any:
    """An endpoint with the first version, of two instances."""
    application = new_application("rollouts", variants=variant("v1"), **CANARY)
    application.deploy()
    return application


def check_taken_back(shop: Any, failed: Any, config: str) -> None:
    """CloudFormation tells why, and the endpoint has the config that it had."""
    assert failed.returncode != 0
    assert "rolled back because the auto-rollback alarm(s)" in failed.stdout + failed.stderr
    assert shop.stack_status() == "UPDATE_ROLLBACK_COMPLETE"
    described = shop.describe()
    assert described["EndpointConfigName"] == config
    assert described["EndpointStatus"] == "InService"
    assert shop.instances() == {"AllTraffic": 2}


def test_a_canary_moves_on_to_the_new_version_without_a_lost_request(shop: Any) -> None:
    """Both versions answer during the first bake, and only the new one after it."""
    with shop.traffic() as log:
        shop.deploy(variants=variant("v2"))
    log.check_complete()
    log.check_served()
    assert log.failures == []
    first_of_new, _ = log.span("v2")
    _, last_of_old = log.span("v1")
    assert last_of_old - first_of_new > BAKE_SECONDS - 1
    during = log.versions(since=first_of_new, until=last_of_old)
    assert 0.3 < during["v2"] / during.total() < 0.7
    assert set(log.versions(since=last_of_old + 0.01)) == {"v2"}
    assert shop.instances() == {"AllTraffic": 2}


def test_a_version_that_errs_is_taken_back_by_its_alarm(shop: Any) -> None:
    """The old version serves on; only the new one erred, and each error is counted as its own."""
    config = shop.describe()["EndpointConfigName"]
    live = shop.versions_of(config)["AllTraffic"]
    with shop.traffic() as log:
        failed = shop.try_deploy(variants=variant("v3", fault_percent=100))
    check_taken_back(shop, failed, config)
    log.check_complete()
    log.check_served()
    errors = shop.errors()
    assert errors.pop(config) == 0
    assert len(log.failures) == sum(errors.values()) > 0
    assert set(log.versions()) == {live, None}


@pytest.mark.long
def test_a_slow_version_is_taken_back_by_its_alarm(shop: Any) -> None:
    """It answers every request rightly, but later than it should."""
    config = shop.describe()["EndpointConfigName"]
    live = shop.versions_of(config)["AllTraffic"]
    with shop.traffic(rate=20) as log:
        failed = shop.try_deploy(
            variants=variant("v4", delay_seconds=0.15), slowest_milliseconds=120
        )
    check_taken_back(shop, failed, config)
    log.check_complete(rate=20)
    log.check_served()
    assert log.failures == []
    slow = [request for request in log.requests if request.version == "v4"]
    assert slow
    assert min(request.answered - request.sent for request in slow) > 0.15
    assert set(log.versions()) == {live, "v4"}


@pytest.mark.long
def test_with_the_rollback_switched_off_the_same_errors_are_seen(shop: Any) -> None:
    """The proof that the test above sees what it says: now every request fails in the end."""
    with shop.traffic() as log:
        shop.deploy(variants=variant("v5", fault_percent=100), rollback=False)
    log.check_complete()
    assert shop.stack_status() == "UPDATE_COMPLETE"
    last_good = max(request.sent for request in log.requests if not request.failed)
    after = [request for request in log.requests if request.sent > last_good]
    assert len(after) > 25
    assert all(request.failed for request in after)


@pytest.mark.long
def test_an_old_fleet_that_errs_does_not_keep_its_repair_from_being_deployed(shop: Any) -> None:
    """It has been failing every request since the test above; the new fleet's alarms are quiet."""
    with shop.traffic() as log:
        shop.deploy(variants=variant("v6"), rollback=True)
    log.check_complete()
    first_good, _ = log.span("v6")
    assert all(request.failed for request in log.requests if request.sent < first_good)
    assert set(log.versions()) == {"v6", None}
    assert not log.requests[-1].failed


@pytest.mark.long
def test_what_is_kept_is_the_deployment_before(shop: Any) -> None:
    """Two rollbacks and four deployments left the live config and one more, with their models."""
    live, tags = shop.describe()["EndpointConfigName"], shop.tags()
    previous = tags["inference:previous-config/1"]
    assert tags["inference:live-config"] == live
    assert "inference:previous-config/2" not in tags
    assert shop.versions_of(live) == {"AllTraffic": "v6"}
    assert shop.versions_of(previous) == {"AllTraffic": "v5"}
    models = {shop.models_of(config)["AllTraffic"] for config in (live, previous)}
    assert shop.kept() == ({live, previous}, models)
