"""What a review says of a change is what happens when it is deployed.

The endpoint is of bare L1s, with CloudFormation's own scalable target. The tests build on each
other, as its days do.
"""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

pytestmark = pytest.mark.long

LARGE, XLARGE = "ml.m5.large", "ml.m5.xlarge"
GOOD_CANARY = 50


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """A change as `inference review` sees it, and as it went.

    Attributes:
        exit_code: of the review.
        errors: what the review says, by rule.
        deployed: whether `cdk deploy` went well.
        said: what `cdk deploy` said.
    """

    exit_code: int
    errors: dict[str, str]
    deployed: bool
    said: str


@pytest.fixture(scope="module")
def shop(new_application: Any) -> Any:
    """An endpoint with two instances, registered for scaling."""
    application = new_application(
        "reviewed",
        app="plain.py",
        version="v1",
        instance_type=LARGE,
        canary_percent=GOOD_CANARY,
        scaled=True,
    )
    application.deploy()
    (application.path / "cdk.out").rename(application.path / "live")
    golden = ("--record", "golden.json")
    (application.path / "row.csv").write_text("1,2\n")
    asked = application.inference("invoke", application.endpoint_name, "--file", "row.csv", *golden)
    assert asked.returncode == 0, asked.stderr
    return application


def change(shop: Any, *options: str, **endpoint: Any) -> Reviewed:
    """Review an assembly against the one that is live, and deploy it whatever the review says."""
    shop.synth("next", **endpoint)
    review = shop.inference("review", "live", "next", "--only-new", "--json", *options)
    assert review.stderr == ""
    findings = json.loads(review.stdout)["findings"]
    ended = shop.cdk("deploy", "--app", "next", "--require-approval", "never")
    if ended.returncode == 0:
        shop.described |= endpoint
        shutil.rmtree(shop.path / "live")
        (shop.path / "next").rename(shop.path / "live")
    return Reviewed(
        exit_code=review.returncode,
        errors={one["rule"]: one["detail"] for one in findings if one["severity"] == "error"},
        deployed=ended.returncode == 0,
        said=ended.stdout + ended.stderr,
    )


@contextmanager
def goes_on_serving(shop: Any, version: str) -> Iterator[None]:
    """The endpoint keeps its config, and answers every request with a version."""
    config = shop.describe()["EndpointConfigName"]
    with shop.traffic() as log:
        yield
    log.check_complete()
    log.check_served()
    assert (log.failures, set(log.versions())) == ([], {version})
    assert (shop.describe()["EndpointStatus"], shop.describe()["EndpointConfigName"]) == (
        "InService",
        config,
    )


def verified(shop: Any, golden: str = "golden.json") -> dict[str, bool]:
    """What `inference verify` finds, by what it looked at; the exit code agrees."""
    ended = shop.inference("verify", shop.endpoint_name, "--golden", golden, "--json")
    found = json.loads(ended.stdout)
    assert ended.returncode == (0 if found["passed"] else 1)
    return {check["subject"]: check["passed"] for check in found["checks"]}


def test_another_type_on_a_scaled_variant_is_refused_as_told(shop: Any) -> None:
    """SageMaker names the variant and what has to be done, as the review did."""
    with goes_on_serving(shop, "v1"):
        bad = change(shop, instance_type=XLARGE)
    assert bad.exit_code == 1
    assert bad.errors == {
        "ScaledInstanceType": f"variant AllTraffic goes from {LARGE} to {XLARGE} while Target has "
        "it registered"
    }
    assert not bad.deployed
    assert (
        'The variant(s) "AllTraffic" must be deregistered as scalable targets with AWS Auto '
        "Scaling before they can be removed or have their instance type changed."
    ) in " ".join(bad.said.split())
    found = verified(shop)
    assert {what for what, passed in found.items() if passed is False} == {"stack"}


def test_a_canary_that_is_too_large_is_refused_as_told(shop: Any) -> None:
    """A canary is half of the fleet at most."""
    with goes_on_serving(shop, "v1"):
        bad = change(shop, version="v2", canary_percent=60)
    assert (bad.exit_code, bad.deployed) == (1, False)
    assert bad.errors == {"CanarySize": "CanarySize is 60 % of the fleet, and may be 50 %"}
    assert "CanarySize must be 1% to 50%" in " ".join(bad.said.split())


def test_a_fleet_beside_the_fleet_needs_as_many_instances_again(
    shop: Any, scarce: Callable[[str, int], None]
) -> None:
    """Two of at most three run: the other two of the update do not start."""
    scarce(LARGE, 3)
    with goes_on_serving(shop, "v1"):
        bad = change(shop, "--quota", f"{LARGE}=3", version="v2")
    assert (bad.exit_code, bad.deployed) == (1, False)
    assert bad.errors == {
        "BlueGreenSurge": f"old and new fleet are up to 6 x {LARGE}, the quota is 3"
    }
    assert "InsufficientInstanceCapacity" in bad.said


def test_the_way_that_the_review_names_is_deployed(shop: Any) -> None:
    """The target goes in a deployment before, and comes back in one after; nobody notices."""
    with shop.traffic() as log:
        steps = [
            change(shop, scaled=False),
            change(shop, instance_type=XLARGE, version="v2"),
            change(shop, scaled=True),
        ]
    assert [(step.exit_code, step.errors, step.deployed) for step in steps] == [(0, {}, True)] * 3
    log.check_complete()
    log.check_served()
    assert (log.failures, set(log.versions())) == ([], {"v1", "v2"})
    assert shop.targets() == {"AllTraffic": (2, 3)}
    served = shop.config(shop.describe()["EndpointConfigName"])["ProductionVariants"]
    assert [variant["InstanceType"] for variant in served] == [XLARGE]
    # The golden answer of the first version is not that of the second.
    assert {what for what, passed in verified(shop).items() if not passed} == {
        "answer of the endpoint"
    }
    shop.inference(*("invoke", shop.endpoint_name, "--file", "row.csv", "--record", "second.json"))
    assert all(verified(shop, "second.json").values())


@pytest.fixture
def scarce(shop: Any) -> Iterator[Callable[[str, int], None]]:
    """Lets there be so many instances of a type, until the test has ended."""
    limited: list[str] = []

    def ask(method: str, instance_type: str, body: Any = None) -> None:
        url = f"{shop.aws.url}/_local-aws/capacity/{instance_type}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, method=method, data=data)
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200

    def limit(instance_type: str, count: int) -> None:
        limited.append(instance_type)
        ask("PUT", instance_type, {"Instances": count})

    yield limit
    for instance_type in limited:
        ask("DELETE", instance_type)
