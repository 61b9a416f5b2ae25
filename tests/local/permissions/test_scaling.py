"""What Application Auto Scaling asks for in its caller's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/shop/variant/A",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
VIA = {"StringEquals": {"aws:CalledViaLast": "application-autoscaling.amazonaws.com"}}
SAGEMAKER = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/shop"
ALARMS = "arn:aws:cloudwatch:us-east-1:123456789012:alarm"
LINKED = "arn:aws:iam::123456789012:role/aws-service-role/*"


def allowed(
    action: str, resource: str = "*", condition: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A statement."""
    found = {"Effect": "Allow", "Action": action, "Resource": resource}
    return found if condition is None else {**found, "Condition": condition}


REGISTER = allowed(
    "application-autoscaling:RegisterScalableTarget",
    condition={
        "StringEquals": {
            "application-autoscaling:service-namespace": "sagemaker",
            "application-autoscaling:scalable-dimension": TARGET["ScalableDimension"],
        }
    },
)
NEEDED = [
    allowed("sagemaker:DescribeEndpoint", SAGEMAKER),
    allowed("sagemaker:UpdateEndpointWeightsAndCapacities", SAGEMAKER),
    allowed("cloudwatch:DescribeAlarms"),
    allowed("cloudwatch:PutMetricAlarm", f"{ALARMS}:TargetTracking*", VIA),
    allowed("cloudwatch:DeleteAlarms", f"{ALARMS}:TargetTracking*", VIA),
    allowed("iam:CreateServiceLinkedRole", LINKED),
]


def refusal(session: Any) -> str:
    """Why a target of an endpoint that is not there cannot be registered."""
    with pytest.raises(ClientError) as refused:
        session.client("application-autoscaling").register_scalable_target(
            **TARGET, MinCapacity=1, MaxCapacity=2
        )
    return str(refused.value)


@pytest.mark.parametrize("missing", NEEDED[:-1], ids=lambda statement: statement["Action"])
def test_the_caller_must_be_allowed_what_scaling_will_do(
    assume: Callable[..., Any], missing: dict[str, Any]
) -> None:
    """As AWS tries it before it registers anything."""
    rest = [statement for statement in NEEDED if statement is not missing]
    assert f"not authorized to perform: {missing['Action']}" in refusal(assume(REGISTER, *rest))


def test_with_all_of_it_only_the_endpoint_is_missing(assume: Callable[..., Any]) -> None:
    """The refusal is then Application Auto Scaling's own."""
    assert "not authorized" not in refusal(assume(REGISTER, *NEEDED))


def test_the_condition_keys_are_those_of_the_call(assume: Callable[..., Any]) -> None:
    """A permission for another dimension does not count."""
    other = {
        "StringEquals": {
            "application-autoscaling:scalable-dimension": "ecs:service:DesiredCount",
        }
    }
    register = allowed("application-autoscaling:RegisterScalableTarget", condition=other)
    told = refusal(assume(register, *NEEDED))
    assert "not authorized to perform: application-autoscaling:RegisterScalableTarget" in told
