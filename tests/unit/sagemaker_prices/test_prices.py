"""Prices have a date and a source, and what is not known is not made up."""

import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from sagemaker_prices import PriceTable, Usage, find_price, read_snapshot, write_snapshot

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


# What comes in sizes, and what they look like.
SIZES = {
    **dict.fromkeys(ENUMERATIONS, r"ml\.[a-z0-9-]+\.[a-z0-9]+"),
    "serverless": r"[1-6]GB",
    "lambda": "arm64|x86_64",
}
UNITS = {
    **dict.fromkeys((*ENUMERATIONS, "interface-endpoint", "nat-gateway"), "hour"),
    "serverless": "second",
    "lambda": "GB-second",
    "lambda-request": "request",
    **dict.fromkeys(("data-in", "data-out", "logs"), "GB"),
    **dict.fromkeys(("storage", "logs-kept", "objects"), "GB-month"),
}


def test_every_price_says_what_it_is_for() -> None:
    """Instances cost by the hour and have a type; a key costs by the month and has no size."""
    for price in read_snapshot():
        assert price.unit == UNITS.get(price.usage, "month")
        if price.usage in SIZES:
            assert re.fullmatch(SIZES[price.usage], price.size or "")
        else:
            assert price.size is None
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
    ("usage", "region", "size"),
    [
        # Public tables give three prices for this one.
        ("hosting", "us-east-1", "ml.g5.xlarge"),
        ("hosting", "eu-central-1", "ml.m5.xlarge"),
        ("transform", "us-east-1", "ml.m5.xlarge"),
        ("hosting", "us-east-1", "ml.t3.medium"),
        ("data-in", "us-east-1", None),
        # A record tells 3 GB; that others cost in proportion is not known.
        ("serverless", "us-east-1", "2GB"),
        ("key", "eu-west-1", None),
    ],
)
def test_an_unknown_price_is_none(usage: Usage, region: str, size: str | None) -> None:
    """Neither another region's nor another usage's."""
    assert find_price(usage, region, size) is None


def test_an_unknown_usage_is_refused() -> None:
    """A typing error is no unknown price."""
    with pytest.raises(ValueError, match=r"usage must be one of hosting, .*, not 'training'"):
        find_price("training", "us-east-1", "ml.m5.large")


def test_a_snapshot_is_read_as_it_was_written(tmp_path: Path) -> None:
    """In the same bytes, whatever the order of the prices."""
    prices = read_snapshot()
    file = tmp_path / "prices.json"
    file.write_text(write_snapshot(prices))
    read = read_snapshot(file)
    assert sorted(map(str, read)) == sorted(map(str, prices))
    assert write_snapshot(list(reversed(read))) == file.read_text()


def test_of_two_prices_of_the_same_the_later_one_counts() -> None:
    """So that what a user has read stands before what is shipped."""
    shipped = find_price("key", "us-east-1")
    assert shipped is not None
    own = replace(shipped, usd=2.5)
    assert PriceTable([shipped, own]).find("key", "us-east-1") is own


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ({"sources": {}, "prices": [{"source": "gone"}]}, "KeyError"),
        ({"usd": "0.1"}, "no price"),
        ({"usd": -0.1}, "no price"),
        ({"usd": float("nan")}, "no price"),
        ({"usd": True}, "no price"),
        ({"usage": "training"}, "no price"),
        ({"unit": "fortnight"}, "no price"),
    ],
)
def test_a_file_that_is_no_snapshot_is_refused(
    tmp_path: Path, document: str | dict[str, Any], why: str
) -> None:
    """A price that is no number must not become one."""
    file = tmp_path / "prices.json"
    if isinstance(document, str):
        file.write_text(document)
    else:
        source = {"date": "2026-11-01", "title": "a test", "confirmed": True}
        row = {"region": "us-east-1", "usage": "key", "usd": 1, "unit": "month", "source": "s"}
        whole = {"sources": {"s": source}, "prices": [{**row, **document}]}
        file.write_text(json.dumps(document if "prices" in document else whole))
    with pytest.raises(ValueError, match=rf"prices\.json must be a snapshot of prices.*{why}"):
        read_snapshot(file)


def test_the_prices_need_neither_cdk_nor_boto3() -> None:
    """Whatever asks for a price, the constructs or a command, pays for nothing else."""
    code = (
        "import sys, sagemaker_prices; sys.exit(any("
        "name in sys.modules for name in ('aws_cdk', 'boto3', 'botocore', 'jsii')))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=CONSTRUCTS, check=True)
