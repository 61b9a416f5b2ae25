"""Reads AWS's price lists: which of their records are prices that an estimate needs."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sagemaker_prices import UNITS, Price, Unit, Usage

# USE1-, EU-, APN1-; some services write the region's name instead, and us-east-1 may have nothing.
_PREFIX: Final = r"(?:(?:[A-Z]{2,4}\d?|[a-z]{2}(?:-[a-z]+)+-\d)-)?"
_TYPE: Final = r"(?P<size>ml\.[a-z0-9-]+\.[a-z0-9]+)"
_MEMORY: Final = r"(?P<size>\d+GB)"


@dataclass(frozen=True, kw_only=True)
class _Rule:
    """Which records of a service are prices of a usage.

    Attributes:
        pattern: of the usage type.
        usage: what it is.
        size: the size, if it does not stand in the usage type.
        attributes: what the product must say of itself, where several have the same usage type.
    """

    pattern: re.Pattern[str]
    usage: Usage
    size: str | None = None
    attributes: Mapping[str, str] | None = None


def _rule(
    pattern: str, usage: Usage, size: str | None = None, attributes: Mapping[str, str] | None = None
) -> _Rule:
    return _Rule(
        pattern=re.compile(_PREFIX + pattern), usage=usage, size=size, attributes=attributes
    )


_RULES: Final[Mapping[str, tuple[_Rule, ...]]] = {
    "AmazonSageMaker": (
        _rule(f"Host:{_TYPE}", "hosting"),
        _rule(f"AsyncInf:{_TYPE}", "asynchronous"),
        _rule(f"(?:Tsform|BatchTransform):{_TYPE}", "transform"),
        _rule(f"ServerlessInf:Mem-{_MEMORY}", "serverless"),
        _rule(f"(?:Serverless)?ProvisionedConcurrency:Usage-{_MEMORY}", "provisioned-concurrency"),
        _rule(f"(?:Serverless)?ProvisionedConcurrency:Mem-{_MEMORY}", "provisioned-inference"),
        _rule(r"Host:VolumeUsage\.gp2", "storage"),
        _rule(r"(?:[A-Za-z]+:)?Data-Bytes-In", "data-in", attributes={"group": "Hosting"}),
        _rule(r"(?:[A-Za-z]+:)?Data-Bytes-Out", "data-out", attributes={"group": "Hosting"}),
    ),
    "awskms": (_rule("KMS-Keys", "key"),),
    "AmazonCloudWatch": (
        _rule("CW:AlarmMonitorUsage", "alarm"),
        _rule("CW:HighResAlarmMonitorUsage", "high-resolution-alarm"),
        _rule("CW:CompositeAlarmMonitorUsage", "composite-alarm"),
        _rule("DashboardsUsageHour", "dashboard"),
        _rule("DataProcessing-Bytes", "logs"),
        _rule("TimedStorage-ByteHrs", "logs-kept"),
    ),
    "AmazonS3": (_rule("TimedStorage-ByteHrs", "objects"),),
    "AWSLambda": (
        _rule("Lambda-GB-Second", "lambda", "x86_64"),
        _rule("Lambda-GB-Second-ARM", "lambda", "arm64"),
        _rule("Request", "lambda-request"),
    ),
    "AmazonStates": (_rule("StateTransition", "state-transition"),),
    "AmazonVPC": (_rule("VpcEndpoint-Hours", "interface-endpoint"),),
    "AmazonEC2": (_rule("NatGateway-Hours", "nat-gateway"),),
}
SERVICES: Final = tuple(_RULES)
# How the lists write the units; what is counted by the piece has as many names as pieces.
_UNITS: Final[Mapping[Unit, re.Pattern[str] | None]] = {
    "hour": re.compile(r"hrs?|hours?", re.IGNORECASE),
    "second": re.compile(r"secs?|seconds?", re.IGNORECASE),
    "GB": re.compile(r"gb|gigabytes?", re.IGNORECASE),
    "GB-month": re.compile(r"gb-mo(nths?)?", re.IGNORECASE),
    "GB-second": re.compile(r"(lambda-)?gb-seconds?|seconds?", re.IGNORECASE),
    "request": re.compile(r"requests?", re.IGNORECASE),
    "month": None,
    "transition": None,
}


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was read of a list.

    Attributes:
        prices: the prices.
        unread: usage types that should have been prices, and could not be read.
    """

    prices: tuple[Price, ...]
    unread: tuple[str, ...]


def find_prices(
    service: str, records: Iterable[Any], *, region: str, read: date, source: str
) -> Found:
    """Finds the prices among the records of a service.

    Of several tiers the first counts that costs something. Whatever is not as expected, or has two
    prices, is left out and told, never guessed.

    Args:
        service: the service's code, such as `AmazonSageMaker`.
        records: products with their terms, as GetProducts tells them.
        region: whose prices they are.
        read: the day.
        source: where they come from.
    """
    prices: dict[tuple[Usage, str | None], Price] = {}
    unread: set[str] = set()
    ambiguous: set[tuple[Usage, str | None]] = set()
    for record in records:
        product = _mapping(_mapping(record).get("product"))
        attributes = _mapping(product.get("attributes"))
        usage_type = str(attributes.get("usagetype", ""))
        elsewhere = attributes.get("regionCode") not in {None, "", region}
        matching = None if elsewhere else _matching(service, usage_type, attributes)
        if matching is None:
            continue
        rule, size = matching
        usd = _usd(_mapping(_mapping(record).get("terms")), UNITS[rule.usage])
        if usd is None:
            unread.add(usage_type)
            continue
        known = prices.get((rule.usage, size))
        if known is not None and known.usd != usd:
            ambiguous.add((rule.usage, size))
            unread.add(usage_type)
        prices[rule.usage, size] = Price(
            region=region,
            usage=rule.usage,
            size=size,
            usd=usd,
            unit=UNITS[rule.usage],
            read=read,
            source=f"{source}, usage type {usage_type}",
            confirmed=True,
        )
    sure = tuple(price for key, price in prices.items() if key not in ambiguous)
    return Found(prices=sure, unread=tuple(sorted(unread)))


def offer_records(document: Any) -> Iterable[Mapping[str, Any]]:
    """The records of an offer file, in the form of GetProducts.

    Args:
        document: the file; products and terms stand apart in it, and meet by their SKU.

    Raises:
        ValueError: it is no offer file.
    """
    products = _mapping(document).get("products")
    terms = _mapping(_mapping(document).get("terms")).get("OnDemand")
    if not isinstance(products, Mapping) or not isinstance(terms, Mapping):
        raise ValueError("an offer file must have products and terms on demand")
    return [
        {"product": product, "terms": {"OnDemand": terms.get(sku)}}
        for sku, product in products.items()
    ]


def _matching(
    service: str, usage_type: str, attributes: Mapping[str, Any]
) -> tuple[_Rule, str | None] | None:
    for rule in _RULES[service]:
        found = rule.pattern.fullmatch(usage_type)
        if found is None:
            continue
        if any(
            name in attributes and wanted.lower() not in str(attributes[name]).lower()
            for name, wanted in (rule.attributes or {}).items()
        ):
            continue
        return rule, found.groupdict().get("size", rule.size)
    return None


def _usd(terms: Mapping[str, Any], unit: Unit) -> float | None:
    """The price of the first tier that costs something."""
    wanted = _UNITS[unit]
    tiers = []
    for offer in _mapping(terms.get("OnDemand")).values():
        for dimension in _mapping(_mapping(offer).get("priceDimensions")).values():
            tier = _mapping(dimension)
            begins = _number(tier.get("beginRange", 0))
            usd = _number(_mapping(tier.get("pricePerUnit")).get("USD"))
            named = wanted is None or wanted.fullmatch(str(tier.get("unit", "")))
            if begins is not None and usd and usd > 0 and named:
                tiers.append((begins, usd))
    return min(tiers)[1] if tiers else None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
