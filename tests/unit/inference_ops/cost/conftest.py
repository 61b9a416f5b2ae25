"""Prices that nobody charges, so that no expected value depends on the snapshot; and templates."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from inference_ops.templates import parse_template
from sagemaker_prices import UNITS, Price, PriceTable, Usage

REGION = "us-east-1"
USD: dict[tuple[Usage, str | None], float] = {
    ("hosting", "ml.m5.large"): 0.1,
    ("hosting", "ml.m5.xlarge"): 0.2,
    ("asynchronous", "ml.m5.large"): 0.3,
    ("transform", "ml.m5.xlarge"): 0.4,
    ("serverless", "2GB"): 0.00004,
    ("provisioned-concurrency", "2GB"): 0.00001,
    ("provisioned-inference", "2GB"): 0.00002,
    ("storage", None): 0.14,
    ("key", None): 1,
    ("alarm", None): 0.1,
    ("high-resolution-alarm", None): 0.3,
    ("composite-alarm", None): 0.5,
    ("dashboard", None): 3,
    ("logs", None): 0.5,
    ("interface-endpoint", None): 0.01,
    ("nat-gateway", None): 0.045,
}

ENDPOINT = """
Resources:
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      ProductionVariants:
        - VariantName: AllTraffic
          ModelName: m
          InstanceType: ml.m5.large
          InitialInstanceCount: 2
  Endpoint:
    Type: AWS::SageMaker::Endpoint
    Properties:
      EndpointName: churn
      EndpointConfigName: !GetAtt Config.EndpointConfigName
"""


@pytest.fixture
def prices() -> PriceTable:
    """Prices of one region."""
    return PriceTable(
        Price(
            region=REGION,
            usage=usage,
            size=size,
            usd=usd,
            unit=UNITS[usage],
            read=date(2026, 11, 1),
            source="a test",
            confirmed=True,
        )
        for (usage, size), usd in USD.items()
    )


@pytest.fixture
def parse() -> Callable[..., dict[str, Any]]:
    """Reads an endpoint's template, with further resources, and a changed variant or endpoint."""

    def read(
        more: str = "", *, variant: dict[str, Any] | None = None, **endpoint: Any
    ) -> dict[str, Any]:
        template = parse_template(ENDPOINT, origin="test")
        resources = template["Resources"]
        if more:
            resources |= parse_template(f"Resources:\n{more}", origin="test")["Resources"]
        if variant is not None:
            resources["Config"]["Properties"]["ProductionVariants"] = [
                {"VariantName": "AllTraffic", "ModelName": "m", **variant}
            ]
        resources["Endpoint"]["Properties"] |= endpoint
        return template

    return read
