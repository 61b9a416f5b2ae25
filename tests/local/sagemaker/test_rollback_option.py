"""The server's option for what CloudFormation makes of an endpoint that SageMaker rolled back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def template(model: str) -> str:
    """An endpoint with one instance of a model."""
    return json.dumps(
        {
            "Resources": {
                "Config": {
                    "Type": "AWS::SageMaker::EndpointConfig",
                    "Properties": {
                        "ProductionVariants": [
                            {
                                "VariantName": "AllTraffic",
                                "ModelName": model,
                                "InstanceType": "ml.m5.large",
                                "InitialInstanceCount": 1,
                                "InitialVariantWeight": 1,
                            }
                        ]
                    },
                },
                "Endpoint": {
                    "Type": "AWS::SageMaker::Endpoint",
                    "Properties": {
                        "EndpointName": "optional",
                        "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
                    },
                },
            }
        }
    )


@pytest.mark.long
@pytest.mark.parametrize(
    ("options", "status"),
    [([], "UPDATE_ROLLBACK_COMPLETE"), (["--endpoint-rollback", "silent"], "UPDATE_COMPLETE")],
    ids=["failed", "silent"],
)
def test_a_rolled_back_endpoint_fails_its_stack_or_goes_unnoticed(
    launch: Callable[..., Any],
    hosting_on: Callable[[Callable[..., Any], str], Any],
    tmp_path: Path,
    options: list[str],
    status: str,
) -> None:
    """Either way the old version serves on; only the stack's status tells the two apart."""
    hosting = hosting_on(launch(tmp_path / "state", *options).client, "option")
    cloudformation = hosting.connect("cloudformation")
    good, broken = (
        hosting.create_model("good"),
        hosting.create_model("broken", hosting.artifact("broken", "raise RuntimeError")),
    )
    cloudformation.create_stack(StackName="optional", TemplateBody=template(good))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="optional", WaiterConfig={"Delay": 0.5, "MaxAttempts": 60}
    )
    cloudformation.update_stack(StackName="optional", TemplateBody=template(broken))
    while True:
        (stack,) = cloudformation.describe_stacks(StackName="optional")["Stacks"]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
    assert stack["StackStatus"] == status
    assert hosting.version("optional") == "good"
    found = hosting.api.describe_endpoint(EndpointName="optional")
    assert "did not pass the ping health check" in found["FailureReason"]
