"""Prices have a date and a source, and what is not known is not made up."""

import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import botocore.session
import pytest

from sagemaker_prices import Usage, find_price
from sagemaker_prices.prices import read_snapshot

CONSTRUCTS = Path(__file__).resolve().parents[3] / "constructs"

# The service's own enumerations of instance types.
ENUMERATIONS = {
    "hosting": "ProductionVariantInstanceType",
    "asynchronous": "ProductionVariantInstanceType",
    "transform": "TransformInstanceType",
}


def test_every_priced_type_exists_for_that_usage() -> None:
    """A table of notebook prices, say, would hold types that cannot host."""
    model = botocore.session.get_session().get_service_model("sagemaker")
    wrong = [
        (price.usage, price.size)
        for price in read_snapshot()
        if price.usage in ENUMERATIONS
        and price.size not in model.shape_for(ENUMERATIONS[price.usage]).enum
    ]
    assert wrong == []


def test_every_price_says_what_it_is_for() -> None:
    """Instances cost by the hour and have a type; data and storage have none."""
    for price in read_snapshot():
        by_instance = price.usage in ENUMERATIONS
        assert (price.size is not None) == by_instance
        assert (price.unit == "hour") == by_instance
        assert price.usd > 0
        assert price.source


def test_every_region_exists() -> None:
    """By botocore's table of SageMaker's endpoints."""
    regions = botocore.session.get_session().get_available_regions("sagemaker")
    assert {price.region for price in read_snapshot()} <= set(regions)


def test_no_price_is_given_twice() -> None:
    """Or which one counts would depend on the order."""
    counted = Counter((p.usage, p.region, p.size) for p in read_snapshot())
    assert counted.most_common(1)[0][1] == 1


def test_the_price_that_two_records_read_from_aws_is_confirmed() -> None:
    """The Price List API said 0.23 on 2026-06-27 and on 2026-09-28."""
    price = find_price("hosting", "us-east-1", "ml.m5.xlarge")
    assert price is not None
    assert (price.usd, price.unit, price.confirmed) == (0.23, "hour", True)
    assert price.read == date(2026, 6, 27)
    assert price.standing == "read on 2026-06-27"


def test_a_price_out_of_tables_says_that_it_is_unconfirmed() -> None:
    """Several public tables agree on it, but none read it from AWS."""
    price = find_price("hosting", "us-east-1", "ml.c5.large")
    assert price is not None
    assert (price.usd, price.confirmed) == (0.102, False)
    assert price.standing.startswith("unconfirmed")


@pytest.mark.parametrize(
    ("usage", "region", "instance_type"),
    [
        # Public tables give three prices for this one.
        ("hosting", "us-east-1", "ml.g5.xlarge"),
        ("hosting", "eu-central-1", "ml.m5.xlarge"),
        ("transform", "us-east-1", "ml.m5.xlarge"),
        ("hosting", "us-east-1", "ml.t3.medium"),
        ("data-in", "us-east-1", None),
    ],
)
def test_an_unknown_price_is_none(usage: Usage, region: str, instance_type: str | None) -> None:
    """Neither another region's nor another usage's."""
    assert find_price(usage, region, instance_type) is None


def test_an_unknown_usage_is_refused() -> None:
    """A typing error is no unknown price."""
    with pytest.raises(ValueError, match=r"usage must be one of hosting, .*, not 'training'"):
        find_price("training", "us-east-1", "ml.m5.large")


def test_the_prices_need_neither_cdk_nor_boto3() -> None:
    """Whatever asks for a price, the constructs or a command, pays for nothing else."""
    code = (
        "import sys, sagemaker_prices; sys.exit(any("
        "name in sys.modules for name in ('aws_cdk', 'boto3', 'botocore', 'jsii')))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=CONSTRUCTS, check=True)
