"""An endpoint goes back to a deployment of long ago, and on from there.

The tests build on each other, as the days of an endpoint do.
"""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

pytestmark = pytest.mark.long


def release(version: str, **more: Any) -> dict[str, Any]:
    """A version with an artifact of its own, scaled so that its count is worth keeping."""
    scaling = {"min": 2, "max": 4, "per_minute": 100_000, "scale_in": False}
    variant = {"version": version, "scaling": scaling, **more}
    return {"release": version, "variants": {"AllTraffic": variant}}


@pytest.fixture(scope="module")
def shop(new_application: Any) -> Any:
    """An endpoint that had two good versions, and has one that fails every request.

    Nobody asked while it came, so no alarm noticed.
    """
    application = new_application("wayback", canary_percent=50, keep_previous=2)
    application.deploy(**release("v1"))
    shutil.copytree(application.path / "cdk.out", application.path / "assembly-of-v1")
    application.deploy(**release("v2"))
    application.deploy(**release("v3", fault_percent=100))
    return application


def listed(shop: Any) -> list[tuple[str, str | None]]:
    """State and version of each deployment, as the command lists them."""
    ended = shop.inference("deployments", "list", shop.endpoint_name, "--json")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return [
        (
            "live" if found["live"] else "deployed" if found["deployed"] else "previous",
            found["variants"][0]["model_version"],
        )
        for found in json.loads(ended.stdout)["deployments"]
    ]


def verified(shop: Any, *options: str) -> dict[str, tuple[bool, str]]:
    """Whether stack and config are as they should be, and what is found, as `verify` tells it."""
    ended = shop.inference("verify", shop.endpoint_name, "--json", *options)
    checks = json.loads(ended.stdout)["checks"]
    assert (ended.returncode == 1) == any(check["passed"] is False for check in checks)
    return {
        check["subject"]: (check["passed"], check["found"])
        for check in checks
        if check["subject"] in ("stack", "config")
    }


def test_what_is_retained_is_listed(shop: Any) -> None:
    """The most recent first, each with its own model."""
    assert listed(shop) == [("live", "v3"), ("previous", "v2"), ("previous", "v1")]


def test_an_endpoint_goes_back_while_its_fleet_errs(shop: Any) -> None:
    """With the guardrails of the last deployment, and alarms on the fleet that comes back."""
    shop.scale(AllTraffic=3)
    alarms = shop.alarms()
    with shop.traffic() as log:
        # Long enough for the alarms of the third version to go off.
        shop.pause(5)
        ended = shop.inference("rollback", shop.endpoint_name, "--json")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = json.loads(ended.stdout)
    assert told["notes"] == []
    assert {(d["property"], d["stack"], d["endpoint"]) for d in told["drift"]} >= {
        ("model_version", "v3", "v2")
    }
    log.check_complete()
    first_good, _ = log.span("v2")
    assert set(log.versions()) == {"v2", None}
    during = [request for request in log.requests if request.sent > first_good]
    # The canary bakes beside the failing fleet.
    assert max(r.sent for r in during if r.failed) - first_good > 3
    assert not log.requests[-1].failed
    assert shop.instances() == {"AllTraffic": 3}
    assert shop.alarms() == alarms
    assert listed(shop) == [("live", "v2"), ("deployed", "v3"), ("previous", "v1")]


def test_verify_tells_that_another_config_than_the_stacks_is_live(shop: Any) -> None:
    """And is content with it where it is named."""
    config = shop.describe()["EndpointConfigName"]
    deployed = shop.tags()["inference:deployed-config"]
    assert config != deployed
    found = verified(shop)
    assert found["stack"][0] is True
    assert found["config"] == (False, f"{config}, and {deployed} was deployed")
    assert verified(shop, "--config", config)["config"] == (True, config)


def test_the_next_deployment_goes_on_from_what_is_live(shop: Any) -> None:
    """The two that are kept are the ones that were live last."""
    with shop.traffic() as log:
        shop.deploy(**release("v4"))
    log.check_complete()
    log.check_served()
    assert log.failures == []
    assert set(log.versions()) == {"v2", "v4"}
    assert listed(shop) == [("live", "v4"), ("previous", "v2"), ("previous", "v3")]
    config = shop.describe()["EndpointConfigName"]
    assert verified(shop) == {
        "stack": (True, "wayback is UPDATE_COMPLETE"),
        "config": (True, config),
    }
    assert len(shop.kept()[0]) == len(shop.kept()[1]) == 3


def test_a_config_whose_artifact_is_gone_is_refused(shop: Any) -> None:
    """As after `cdk gc`: better no update than a fleet that does not start."""
    s3, sagemaker = shop.aws.client("s3"), shop.aws.client("sagemaker")
    config = shop.tags()["inference:previous-config/1"]
    model = sagemaker.describe_model(ModelName=shop.models_of(config)["AllTraffic"])
    bucket, _, key = model["PrimaryContainer"]["ModelDataUrl"].removeprefix("s3://").partition("/")
    s3.delete_object(Bucket=bucket, Key=key)
    refused = shop.inference("rollback", shop.endpoint_name)
    assert refused.returncode == 1
    assert f"{key} of model" in refused.stderr
    assert "is gone" in refused.stderr
    assert listed(shop)[0] == ("live", "v4")


def test_what_is_retained_can_be_pruned(shop: Any) -> None:
    """Told first, and done with --yes."""
    told = shop.inference("deployments", "prune", shop.endpoint_name, "--keep", "0")
    assert told.returncode == 0, told.stdout + told.stderr
    assert len(listed(shop)) == 3
    done = shop.inference("deployments", "prune", shop.endpoint_name, "--keep", "0", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert listed(shop) == [("live", "v4")]
    assert shop.kept() == (
        {shop.describe()["EndpointConfigName"]},
        set(shop.models_of(shop.describe()["EndpointConfigName"]).values()),
    )
    nothing = shop.inference("rollback", shop.endpoint_name)
    assert nothing.returncode == 1
    assert "nothing is retained" in nothing.stderr
    assert "cdk deploy -a ITS_CLOUD_ASSEMBLY" in nothing.stderr


def test_an_earlier_assembly_is_the_way_back_without_retention(shop: Any) -> None:
    """As the refusal says: nothing but what was synthesized then is needed."""
    with shop.traffic() as log:
        ended = shop.cdk("deploy", "-a", "assembly-of-v1", "--require-approval", "never")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    log.check_complete()
    log.check_served()
    assert log.failures == []
    assert set(log.versions()) == {"v1", "v4"}
    assert listed(shop) == [("live", "v1"), ("previous", "v4")]
    assert verified(shop)["config"][0] is True
