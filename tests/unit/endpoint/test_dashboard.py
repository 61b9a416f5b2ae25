"""The dashboard shows traffic, latency, instances and alarms of each variant."""

import json
from typing import Any

from aws_cdk import Stack
from aws_cdk.assertions import Template

from inference_constructs import (
    EncryptionKey,
    EndpointAlarms,
    EndpointDashboard,
    InferenceModel,
    Notifications,
    ProductionVariant,
    RealtimeEndpoint,
)


def widgets(stack: Stack) -> list[dict[str, Any]]:
    """The widgets of the stack's dashboard."""
    template = Template.from_stack(stack)
    (dashboard,) = template.find_resources("AWS::CloudWatch::Dashboard").values()
    parts = dashboard["Properties"]["DashboardBody"]["Fn::Join"][1]
    body = json.loads("".join(p if isinstance(p, str) else "X" for p in parts))
    found: list[dict[str, Any]] = body["widgets"]
    return found


def test_each_variant_has_its_row_below_the_alarms(stack: Stack, model: InferenceModel) -> None:
    """Variants are compared side by side."""
    encryption = EncryptionKey(stack, "Encryption")
    endpoint = RealtimeEndpoint(
        stack,
        "Endpoint",
        encryption=encryption,
        variants=[
            ProductionVariant(name=name, model=model, instance_type="ml.m5.large")
            for name in ("A", "B")
        ],
    )
    notifications = Notifications(stack, "N", encryption=encryption)
    alarms = endpoint.add_alarms(EndpointAlarms(), notifications)
    EndpointDashboard(stack, "Dashboard", endpoint=endpoint, alarms=alarms)
    found = widgets(stack)
    assert found[0]["type"] == "alarm"
    assert len(found[0]["properties"]["alarms"]) == 16
    titles = [widget["properties"]["title"] for widget in found[1:]]
    assert titles == [
        f"{name}: {what}"
        for name in ("A", "B")
        for what in ("traffic", "latency", "instances", "utilization")
    ]
    text = json.dumps(found)
    assert '"AWS/SageMaker", "ModelLatency", "EndpointName"' in text
    assert '"/aws/sagemaker/Endpoints", "CPUUtilization"' in text
    assert "invocations / per_instance" in text
