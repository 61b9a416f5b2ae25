"""The canary has a twin in level-1 constructs that defines the same, to be measured with."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.raw_canary.stack import RawCanary
from examples.__main__ import user_lines
from stacks.application import new_app


@pytest.fixture(scope="module")
def ours(template: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """The example's template."""
    return template("canary")


@pytest.fixture(scope="module")
def raw(ours: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The twin's template, for an endpoint of the same name and model, with no finding either."""
    (endpoint,) = of_type(ours, "AWS::SageMaker::Endpoint")
    (model,) = of_type(ours, "AWS::SageMaker::Model")
    assembly = tmp_path_factory.mktemp("raw")
    app = new_app(assembly)
    RawCanary(
        app,
        "example-canary",
        endpoint_name=endpoint["Properties"]["EndpointName"],
        model_version=model["Properties"]["Tags"][0]["Value"],
    )
    app.synth()
    found: dict[str, Any] = json.loads((assembly / "example-canary.template.json").read_text())
    return found


def of_type(template: dict[str, Any], resource_type: str) -> list[dict[str, Any]]:
    """The resources of a type."""
    return [r for r in template["Resources"].values() if r["Type"] == resource_type]


def comparable(template: dict[str, Any]) -> list[str]:
    """The resources without their logical ids: a reference is to a type and a description."""
    names = {
        logical_id: f"{resource['Type']}({resource['Properties'].get('Description', '')})"
        for logical_id, resource in template["Resources"].items()
    }
    return sorted(
        json.dumps(_plain({**resource, "Metadata": None}, names), sort_keys=True)
        for resource in template["Resources"].values()
        if resource["Type"] != "AWS::CDK::Metadata"
    )


def _plain(value: Any, names: dict[str, str]) -> Any:
    """A value with types for logical ids, and without the ids of statements, which tell nothing."""
    if isinstance(value, list):
        return [_plain(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    text = _intrinsic(value, names)
    if text is not None:
        return text
    plain = {key: _plain(item, names) for key, item in value.items()}
    if "DependsOn" in plain:
        needed = plain["DependsOn"]
        plain["DependsOn"] = sorted(
            names[name] for name in ([needed] if isinstance(needed, str) else needed)
        )
    if re.match("ModelData", str(plain.get("Sid"))):
        del plain["Sid"]
    return plain


def _intrinsic(value: dict[str, Any], names: dict[str, str]) -> str | None:
    """An intrinsic function as it is written in `Fn::Sub`."""
    match value:
        case {"Ref": str(name)}:
            return f"${{{names.get(name, name)}}}"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"${{{names[name]}.{attribute}}}"
        case {"Fn::FindInMap": parts}:
            return f"${{{'/'.join(str(_plain(part, names)) for part in parts)}}}"
        case {"Fn::Join": [separator, list(parts)]}:
            return str(separator).join(str(_plain(part, names)) for part in parts)
        case {"Fn::Sub": str(text)}:
            return text
        case _:
            return None


def test_the_twin_defines_resource_by_resource_the_same(
    ours: dict[str, Any], raw: dict[str, Any]
) -> None:
    """SageMaker, scaling, alarms, permissions, keys, topic and logs, and what waits for what."""
    assert comparable(raw) == comparable(ours)


def test_what_is_compared_is_the_whole_deployment(ours: dict[str, Any]) -> None:
    """A 10 % canary with two alarms on the new fleet, 2 to 6 instances that an update keeps."""
    (endpoint,) = of_type(ours, "AWS::SageMaker::Endpoint")
    deployment = endpoint["Properties"]["DeploymentConfig"]
    routing = deployment["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert routing["CanarySize"] == {"Type": "CAPACITY_PERCENT", "Value": 10}
    assert len(deployment["AutoRollbackConfiguration"]["Alarms"]) == 2
    assert endpoint["Properties"]["RetainAllVariantProperties"] is True
    (config,) = of_type(ours, "AWS::SageMaker::EndpointConfig")
    (variant,) = config["Properties"]["ProductionVariants"]
    assert (variant["InstanceType"], variant["InitialInstanceCount"]) == ("ml.m5.large", 2)
    (scaling,) = of_type(ours, "Custom::EndpointScaling")
    (target,) = scaling["Properties"]["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 6)
    watched = {
        (alarm["Properties"]["MetricName"], alarm["Properties"].get("ExtendedStatistic"))
        for alarm in of_type(ours, "AWS::CloudWatch::Alarm")
    }
    assert {("Invocation5XXErrors", None), ("ModelLatency", "p99")} <= watched


def test_the_twin_is_many_times_longer() -> None:
    """Which is why the constructs are there."""
    root = Path(__file__).resolve().parents[3]
    short = user_lines(root / "examples" / "canary" / "app.py")
    long = sum(user_lines(path) for path in (root / "benchmarks" / "raw_canary").glob("*.py"))
    assert long > 10 * short
