"""Endpoints' resources, and their scaling."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk.assertions import Template
from constructs import Construct

from inference_constructs import EncryptionKey
from inference_constructs.endpoint_scaling import EndpointScaling
from inference_constructs.scaled_resource import ScaledResource

ROOT = Path(__file__).resolve().parents[3]
Scaled = Callable[..., EndpointScaling]


@pytest.fixture(scope="session")
def context() -> dict[str, Any]:
    """The flags of `cdk.json`, which an App outside the CLI does not read."""
    flags: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return flags


@pytest.fixture
def stack(context: dict[str, Any], tmp_path: Path) -> Stack:
    """A stack of one's own."""
    app = App(
        analytics_reporting=False,
        tree_metadata=False,
        outdir=str(tmp_path / "cdk.out"),
        context=context,
    )
    return Stack(app, "shop", env=Environment(account="123456789012", region="us-east-1"))


@pytest.fixture
def scaled(stack: Stack) -> Scaled:
    """Gives the endpoint `Shop`, or another one, a scaling."""
    encryption = EncryptionKey(stack, "Encryption")

    def make(*resources: ScaledResource, name: str = "Shop") -> EndpointScaling:
        scope = stack if name == "Shop" else Construct(stack, name)
        config = sagemaker.CfnEndpointConfig(
            scope,
            "Config",
            production_variants=[
                sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                    variant_name="A",
                    model_name="model",
                    instance_type="ml.m5.large",
                    initial_instance_count=1,
                    initial_variant_weight=1,
                )
            ],
        )
        endpoint = sagemaker.CfnEndpoint(
            scope,
            "Endpoint",
            endpoint_name=name,
            endpoint_config_name=config.attr_endpoint_config_name,
        )
        return EndpointScaling(
            scope,
            "Scaling",
            endpoint=endpoint,
            endpoint_name=name,
            config_name=config.attr_endpoint_config_name,
            resources=resources,
            encryption=encryption,
        )

    return make


@pytest.fixture
def resource(stack: Stack) -> Callable[[str], tuple[str, dict[str, Any]]]:
    """Finds the one resource of a type: its logical id and its body."""

    def find(resource_type: str) -> tuple[str, dict[str, Any]]:
        ((name, body),) = Template.from_stack(stack).find_resources(resource_type).items()
        return name, dict(body)

    return find
