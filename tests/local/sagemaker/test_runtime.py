"""The way of one request through fleets and instances, with instances that only pretend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local_aws.cloud import Cloud
from local_aws.sagemaker.fleet import Fleet
from local_aws.sagemaker.http_pool import UnreachableError
from local_aws.sagemaker.instances import Answer
from local_aws.sagemaker.records import EndpointConfigRecord
from local_aws.sagemaker.replies import Invocation, RuntimeFault
from local_aws.sagemaker.runtime import invoke
from local_aws.sagemaker.traffic import Traffic
from local_aws.sagemaker.variant_fleet import VariantFleet, vcpus

VARIANT = {
    "VariantName": "AllTraffic",
    "ModelName": "model",
    "InstanceType": "ml.m5.large",
    "InitialInstanceCount": 1,
}


class Pretended:
    """An instance that answers, or fails, as told."""

    def __init__(self, outcome: bytes | Exception) -> None:
        self.outcome = outcome
        self.asked = 0

    def invoke(self, _body: bytes, _headers: Any, *, timeout: float) -> Answer:
        """Do as told."""
        assert timeout > 0
        self.asked += 1
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return Answer(status=200, headers={}, body=self.outcome, latency=0.001)


class PretendedVariant(VariantFleet):
    """A variant of pretended instances, asked in their order."""

    pretended: tuple[Pretended, ...] = ()

    def candidates(self) -> Iterator[Any]:
        """All of them."""
        yield from self.pretended


def fleet_of(*instances: Pretended) -> Fleet:
    """A fleet of one variant."""
    cloud = Cloud(port=1, state=Path("/nonexistent"))
    config = EndpointConfigRecord(
        endpoint_config_name="config",
        arn="arn",
        request={"ProductionVariants": [VARIANT]},
        tags=[],
    )
    fleet = Fleet(cloud, endpoint_name="endpoint", config=config, counts={}, weights={})
    variant = PretendedVariant(
        cloud, endpoint_name="endpoint", config=config.variants[0], count=len(instances)
    )
    variant.pretended = instances
    fleet.variants["AllTraffic"] = variant
    return fleet


def hosting_of(endpoint: Any) -> Any:
    """What `invoke` looks endpoints up in."""
    return SimpleNamespace(
        endpoints={"endpoint": endpoint}, account_id="123456789012", region_name="us-east-1"
    )


def ask(fleet: Fleet, status: str = "InService") -> bytes:
    """The body that one request gets."""
    traffic = Traffic()
    traffic.turn_to(fleet)
    endpoint = SimpleNamespace(traffic=traffic, endpoint_status=status)
    return invoke(hosting_of(endpoint), Invocation("endpoint", {}, b"")).body


def test_a_request_goes_on_to_the_next_instance_when_one_is_gone() -> None:
    """The first one that is there answers; the others are not asked."""
    gone, there, spare = Pretended(UnreachableError()), Pretended(b"there"), Pretended(b"spare")
    assert ask(fleet_of(gone, there, spare)) == b"there"
    assert (gone.asked, there.asked, spare.asked) == (1, 1, 0)


def test_a_variant_without_instances_is_unavailable() -> None:
    """503 when all are gone."""
    with pytest.raises(RuntimeFault, match="Try your call again") as raised:
        ask(fleet_of(Pretended(UnreachableError())))
    assert (raised.value.status, raised.value.code) == (503, "ServiceUnavailable")


def test_an_invocation_that_takes_too_long_is_a_model_error_and_not_sent_twice() -> None:
    """424 with OriginalStatusCode 0 and the service's own words."""
    slow, spare = Pretended(TimeoutError()), Pretended(b"spare")
    with pytest.raises(RuntimeFault) as raised:
        ask(fleet_of(slow, spare))
    assert (raised.value.status, raised.value.code) == (424, "ModelError")
    assert raised.value.details["OriginalStatusCode"] == 0
    assert str(raised.value).startswith(
        'Received server error (0) from primary with message "Your invocation timed out while '
        "waiting for a response from container primary."
    )
    assert spare.asked == 0


@pytest.mark.parametrize("status", ["InService", "Updating", "RollingBack"])
def test_an_endpoint_serves_while_it_changes(status: str) -> None:
    """Updates have no downtime."""
    assert ask(fleet_of(Pretended(b"there")), status) == b"there"


@pytest.mark.parametrize("status", ["Creating", "Failed", "Deleting"])
def test_an_endpoint_that_does_not_serve_is_not_found(status: str) -> None:
    """The runtime knows no endpoint before it is in service."""
    with pytest.raises(RuntimeFault, match="Endpoint endpoint of account 123456789012 not found"):
        ask(fleet_of(Pretended(b"there")), status)


def test_a_request_that_finds_its_fleet_closed_is_answered_by_the_new_one() -> None:
    """Between the look-up and the request an update may have switched."""
    old, new = fleet_of(Pretended(b"old")), fleet_of(Pretended(b"new"))
    old.stop()

    class Switching(Traffic):
        looked = 0

        def choose(self) -> Fleet:
            self.looked += 1
            return old if self.looked == 1 else new

    endpoint = SimpleNamespace(traffic=Switching(), endpoint_status="Updating")
    answered = invoke(hosting_of(endpoint), Invocation("endpoint", {}, b""))
    assert answered.body == b"new"


@pytest.mark.parametrize(
    ("instance_type", "expected"),
    [("ml.t2.medium", 2), ("ml.m5.large", 2), ("ml.c5.xlarge", 4), ("ml.m5.12xlarge", 48)],
)
def test_cpus_of_an_instance_type(instance_type: str, expected: int) -> None:
    """By its size, as EC2's table has them."""
    assert vcpus(instance_type) == expected
