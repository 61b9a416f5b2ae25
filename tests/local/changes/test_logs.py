"""An endpoint's logs outlive its stack, and the next stack goes on with them.

The tests build on each other, as the days of an endpoint do.
"""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def shop(new_application: Any) -> Any:
    """A serverless endpoint whose logs go with the stack, under a key that would stay."""
    application = new_application(
        "lasting", kind="serverless", keys="RETAIN", variants={"AllTraffic": {"version": "v1"}}
    )
    application.deploy(**removal("DESTROY", retention="ONE_DAY"))
    return application


@pytest.fixture(scope="module")
def first_stream(shop: Any) -> str:
    """What the first container logged into."""
    ask(shop)
    return str(shop.wait_until(lambda: streams(shop))[0])


def removal(policy: str, *, retention: str = "ONE_WEEK") -> dict[str, Any]:
    """What becomes of the logs."""
    return {"logs": {"removal": policy, "retention": retention}}


def ask(shop: Any) -> None:
    """Let a container log."""
    shop.aws.client("sagemaker-runtime").invoke_endpoint(EndpointName=shop.endpoint_name, Body=b"1")


def name_of(shop: Any) -> str:
    """The name of the endpoint's log group."""
    return f"/aws/sagemaker/Endpoints/{shop.endpoint_name}"


def group(shop: Any) -> dict[str, Any] | None:
    """The endpoint's log group; None if there is none."""
    logs, name = shop.aws.client("logs"), name_of(shop)
    found = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return next((one for one in found if one["logGroupName"] == name), None)


def streams(shop: Any) -> list[str]:
    """The streams with something in them."""
    found = shop.aws.client("logs").describe_log_streams(logGroupName=name_of(shop))
    return [one["logStreamName"] for one in found["logStreams"] if "lastEventTimestamp" in one]


def key_of(shop: Any) -> str:
    """The key of the stack."""
    resource = shop.aws.client("cloudformation").describe_stack_resources(StackName=shop.stack)
    [key] = [
        r["PhysicalResourceId"]
        for r in resource["StackResources"]
        if r["ResourceType"] == "AWS::KMS::Key"
    ]
    return str(key)


def test_a_group_that_the_clean_up_would_delete_is_not_taken_over(
    shop: Any, first_stream: str
) -> None:
    """The update is rolled back, and nothing is lost."""
    ended = shop.try_deploy(**removal("RETAIN"))
    assert ended.returncode != 0
    assert (
        "deploy once with RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE" in ended.stdout + ended.stderr
    )
    assert shop.stack_status() == "UPDATE_ROLLBACK_COMPLETE"
    assert group(shop)["retentionInDays"] == 1
    assert first_stream in streams(shop)


def test_in_two_deployments_a_group_gets_to_stay(shop: Any, first_stream: str) -> None:
    """First the resource stays, then it is taken over, with the retention of the code."""
    shop.deploy(**removal("RETAIN_ON_UPDATE_OR_DELETE"))
    assert group(shop)["retentionInDays"] == 7
    shop.deploy(**removal("RETAIN", retention="TWO_WEEKS"))
    assert group(shop)["retentionInDays"] == 14
    assert first_stream in streams(shop)


def test_a_deleted_stack_leaves_its_logs_and_the_next_goes_on_with_them(
    shop: Any, first_stream: str
) -> None:
    """Under its own key and retention; nothing else is left between the two."""
    first_key = key_of(shop)
    ended = shop.cdk("destroy", "--force")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert shop.left_behind() == [name_of(shop)]
    shop.deploy(**removal("RETAIN", retention="ONE_MONTH"))
    found = group(shop)
    assert found["retentionInDays"] == 30
    assert found["kmsKeyId"].endswith(f":key/{key_of(shop)}")
    assert key_of(shop) != first_key
    ask(shop)
    both = shop.wait_until(lambda: len(streams(shop)) > 1 and streams(shop))
    assert first_stream in both


def test_a_changed_retention_is_an_update(shop: Any) -> None:
    """And so is none at all."""
    shop.deploy(**removal("RETAIN", retention="INFINITE"))
    assert "retentionInDays" not in group(shop)


def test_the_way_back_goes_over_a_group_deleted_by_hand(shop: Any, first_stream: str) -> None:
    """CloudFormation refuses to make a group that exists, and leaves it alone."""
    ended = shop.try_deploy(**removal("DESTROY"))
    assert ended.returncode != 0
    assert "already exists" in ended.stdout + ended.stderr
    assert first_stream in streams(shop)
    shop.aws.client("logs").delete_log_group(logGroupName=name_of(shop))
    shop.deploy(**removal("DESTROY"))
    assert group(shop)["retentionInDays"] == 7
