"""The CDK CLI destroys a stack, and `inference cleanup --stack` what it was told to leave."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.long


def logs(removal: str) -> dict[str, Any]:
    """What becomes of the endpoint's logs."""
    return {"logs": {"removal": removal, "retention": "ONE_DAY"}}


def everything(aws: Any) -> set[str]:
    """The names of all groups, models, configs, endpoints, alarms, and of the keys in use."""

    def listed(service: str, operation: str, member: str, name: str) -> Iterator[str]:
        pages = aws.client(service).get_paginator(operation).paginate()
        return (each[name] for page in pages for each in page[member])

    kms = aws.client("kms")
    return {
        *listed("logs", "describe_log_groups", "logGroups", "logGroupName"),
        *listed("sagemaker", "list_models", "Models", "ModelName"),
        *listed("sagemaker", "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
        *listed("sagemaker", "list_endpoints", "Endpoints", "EndpointName"),
        *listed("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
        *(
            key
            for key in listed("kms", "list_keys", "Keys", "KeyId")
            if kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
        ),
    }


def test_what_a_destroyed_stack_left_is_no_longer_in_the_way(new_application: Any) -> None:
    """The log group that was retained stops the next deployment, until it is cleaned up."""
    shop = new_application(
        "leaving", kind="serverless", keys="RETAIN", variants={"AllTraffic": {"version": "v1"}}
    )
    aws = shop.aws
    aws.client("logs").create_log_group(logGroupName="/aws/lambda/made-by-hand")
    before = everything(aws)
    shop.deploy(**logs("RETAIN_ON_UPDATE_OR_DELETE"))
    group = f"/aws/sagemaker/Endpoints/{shop.endpoint_name}"

    def clean_up(*options: str) -> dict[str, Any]:
        done = subprocess.run(
            ["inference", "cleanup", "--stack", "leaving", "--json", *options],
            env=aws.env,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return {"code": done.returncode, **json.loads(done.stdout)}

    refused = clean_up("--yes")
    assert (refused["code"], "belongs to it" in refused["error"]["message"]) == (1, True)
    ended = shop.cdk("destroy", "--force")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert group in everything(aws) - before
    assert len(everything(aws) - before) == 2, "the group and the key"
    ended = shop.try_deploy(**logs("DESTROY"))
    assert ended.returncode != 0
    assert "already exists" in ended.stdout + ended.stderr
    ended = shop.cdk("destroy", "--force")
    assert ended.returncode == 0, ended.stdout + ended.stderr

    told = clean_up()
    assert told["code"] == 0
    assert [each["name"] for each in told["found"]] == [group]
    assert {each["kind"] for each in told["data"]} == {"key"}
    done = clean_up("--data", "--yes")
    assert (done["code"], done["left"]) == (0, [])
    assert everything(aws) == before
    aws.client("logs").delete_log_group(logGroupName="/aws/lambda/made-by-hand")
    shop.deploy(**logs("DESTROY"))
