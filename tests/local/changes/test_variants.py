"""Variants come, go and change their instances and weights while they are asked.

The tests build on each other, as the days of an endpoint do.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

pytestmark = pytest.mark.long

# It never has enough to do to grow, and is told not to shrink.
SCALING = {"min": 2, "max": 4, "per_minute": 100_000, "scale_in": False}


@pytest.fixture(scope="module")
def shop(new_application: Any) -> Any:
    """Two scaled variants, of which one gets nine of ten requests."""
    application = new_application(
        "variants",
        variants={
            "Champion": {"version": "v1", "weight": 90, "scaling": SCALING},
            "Challenger": {"version": "v2", "weight": 10},
        },
    )
    application.deploy()
    return application


def changed(shop: Any, **variants: dict[str, Any] | None) -> dict[str, Any]:
    """The variants with some members changed, or without those that are None."""
    found = {name: dict(given) for name, given in shop.described["variants"].items()}
    for name, change in variants.items():
        if change is None:
            del found[name]
        else:
            found[name] = found.get(name, {}) | change
    return found


def check_share(count: int, total: int, share: float) -> None:
    """The count is what a fair choice gives in all but one of a hundred thousand tries."""
    deviations = 4.42
    assert abs(count - total * share) <= deviations * math.sqrt(total * share * (1 - share))


def invocations(shop: Any, variant: str) -> int:
    """How many requests a variant got in the last hour, as it says itself."""
    now = datetime.now(UTC)
    points = shop.aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[
            {"Name": "EndpointName", "Value": shop.endpoint_name},
            {"Name": "VariantName", "Value": variant},
        ],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return int(sum(point["Sum"] for point in points))


def test_an_edit_of_the_weights_shows_in_the_traffic(shop: Any) -> None:
    """From 90/10 to 50/50, within statistical bounds, and both with a scaled fleet kept."""
    shop.scale(Champion=3)
    with shop.traffic() as log:
        shop.pause(8)
        before = shop.now()
        shop.deploy(variants=changed(shop, Champion={"weight": 50}, Challenger={"weight": 50}))
        after = shop.now()
        shop.pause(8)
    log.check_complete()
    log.check_served()
    assert log.failures == []
    old, new = log.variants(until=before), log.variants(since=after)
    assert min(old.total(), new.total()) > 150
    check_share(old["Challenger"], old.total(), 0.1)
    check_share(new["Challenger"], new.total(), 0.5)
    assert shop.instances() == {"Champion": 3, "Challenger": 1}


def test_a_variant_with_weight_zero_gets_nothing(shop: Any) -> None:
    """Unless somebody asks for it by name."""
    shop.deploy(variants=changed(shop, Challenger={"weight": 0}))
    with shop.traffic() as log:
        shop.pause(6)
    log.check_complete()
    log.check_served()
    assert log.failures == []
    assert set(log.variants()) == {"Champion"}
    answer = shop.aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=shop.endpoint_name, TargetVariant="Challenger", Body=b"1"
    )
    assert answer["Body"].read() == b"v2"


def test_a_scaled_variant_gets_another_instance_type_in_one_deployment(shop: Any) -> None:
    """AWS refuses that while a scalable target is registered; it is registered again afterwards."""
    assert shop.targets() == {"Champion": (2, 4)}
    with shop.traffic() as log:
        shop.deploy(variants=changed(shop, Champion={"instance_type": "ml.m5.xlarge"}))
    log.check_complete()
    log.check_served()
    assert log.failures == []
    assert shop.targets() == {"Champion": (2, 4)}
    config = shop.config(shop.describe()["EndpointConfigName"])
    types = {v["VariantName"]: v["InstanceType"] for v in config["ProductionVariants"]}
    assert types == {"Champion": "ml.m5.xlarge", "Challenger": "ml.m5.large"}


def test_a_scaled_variant_leaves_in_one_deployment(shop: Any) -> None:
    """The other one takes its traffic and its scaling, and no target is left behind."""
    variants = changed(shop, Champion=None, Challenger={"weight": 1, "scaling": SCALING})
    with shop.traffic() as log:
        shop.deploy(variants=variants)
    log.check_complete()
    log.check_served()
    assert log.failures == []
    assert set(log.variants()) == {"Champion", "Challenger"}
    assert log.requests[-1].variant == "Challenger"
    assert shop.targets() == {"Challenger": (2, 4)}


def test_a_shadow_answers_copies_and_nobody_sees_it(shop: Any) -> None:
    """Moved beside the one variant that is left, in one deployment."""
    alone = changed(shop, Challenger={"version": "v3", "weight": 1})["Challenger"]
    shop.deploy(variants={"Challenger": alone}, shadow={"version": "v4"})
    with shop.traffic() as log:
        shop.pause(5)
    log.check_complete()
    log.check_served()
    assert log.failures == []
    assert set(log.versions()) == {"v3"}
    assert invocations(shop, "Shadow") == len(log.requests)
