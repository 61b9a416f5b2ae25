"""Reads prices from AWS's price lists: the public files, or the API."""

import json
import os
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from inference_ops.cost.price_list import Found, find_prices, offer_records
from inference_ops.errors import CommandError, Exit
from model_artifacts.files import atomic_write
from sagemaker_prices import Price, PriceTable, read_snapshot, shipped_prices, write_snapshot

if TYPE_CHECKING:
    import boto3

PUBLIC_FILES: Final = "https://pricing.us-east-1.amazonaws.com"
# The files of EC2 are hundreds of megabytes, for the price of a NAT gateway; the API filters.
API_ONLY: Final = frozenset({"AmazonEC2"})
_API_FILTERS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "AmazonEC2": (("productFamily", "NAT Gateway"),),
}
_SECONDS: Final = 120


@dataclass(frozen=True, kw_only=True)
class PriceListing:
    """A service's records in a region.

    Attributes:
        records: products with their terms, as GetProducts tells them.
        source: where they come from.
    """

    records: Iterable[Any]
    source: str


class PriceSource(Protocol):
    """Where prices are read."""

    def listing(self, service: str, region: str) -> PriceListing | None:
        """A service's prices in a region.

        Args:
            service: the service's code.
            region: the region.

        Returns:
            The records; None if the service has no prices there.

        Raises:
            CommandError: they cannot be read.
        """


class PublicFiles:
    """The offer files, for which nobody needs credentials.

    https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-the-aws-price-list-bulk-api-fetching-price-list-files-manually.html

    Args:
        url: the server; another one than AWS's if it has a copy of the files.
    """

    def __init__(self, url: str = PUBLIC_FILES) -> None:
        self._url = url.rstrip("/")

    def listing(self, service: str, region: str) -> PriceListing | None:
        """See `PriceSource.listing`."""
        index = self._read(f"/offers/v1.0/aws/{service}/current/region_index.json")
        regions = index.get("regions")
        entry = regions.get(region) if isinstance(regions, Mapping) else None
        if not isinstance(entry, Mapping) or "currentVersionUrl" not in entry:
            return None
        path = str(entry["currentVersionUrl"])
        document = self._read(path)
        try:
            records = offer_records(document)
        except ValueError as error:
            raise CommandError(f"{self._url}{path}: {error}", Exit.UNREACHABLE) from None
        published = document.get("publicationDate", "an unknown day")
        return PriceListing(
            records=records,
            source=f"AWS Price List, offer file of {service} in {region}, published {published}",
        )

    def _read(self, path: str) -> dict[str, Any]:
        url = self._url + path
        try:
            with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
                document = json.load(answer)
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise CommandError(f"{url}: {reason}", Exit.UNREACHABLE) from None
        if not isinstance(document, dict):
            raise CommandError(f"{url} is no price list", Exit.UNREACHABLE)
        return document


class QueryApi:
    """The API, which needs credentials that may `pricing:GetProducts`.

    Args:
        session: a session of any region: the API has an endpoint in a few only.
    """

    def __init__(self, session: "boto3.Session") -> None:
        self._client = session.client("pricing", region_name="us-east-1")

    def listing(self, service: str, region: str) -> PriceListing | None:
        """See `PriceSource.listing`."""
        from inference_ops.aws import aws_errors

        filters = [("regionCode", region), *_API_FILTERS.get(service, ())]
        with aws_errors(f"prices of {service}"):
            pages = self._client.get_paginator("get_products").paginate(
                ServiceCode=service,
                Filters=[
                    {"Type": "TERM_MATCH", "Field": field, "Value": value}
                    for field, value in filters
                ],
            )
            texts = [text for page in pages for text in page["PriceList"]]
        if not texts:
            return None
        return PriceListing(
            records=[_parsed(text) for text in texts],
            source=f"AWS Price List API, GetProducts of {service} in {region}",
        )


def refresh(
    source: PriceSource,
    file: Path,
    *,
    services: Sequence[str],
    regions: Sequence[str],
    today: date,
    progress: Any,
) -> dict[tuple[str, str], Found]:
    """Reads prices and keeps them in a file, beside what it has of other services and regions.

    Args:
        source: where they are read.
        file: where they are kept.
        services: the services' codes.
        regions: the regions.
        today: the day on which they are read.
        progress: told what is being read.

    Returns:
        What was found of each service in each region.

    Raises:
        CommandError: prices cannot be read, or the file holds something else. Then it stays as it
            was.
    """
    kept = {(price.usage, price.region, price.size): price for price in _own_prices(file)}
    found: dict[tuple[str, str], Found] = {}
    for region in regions:
        for service in services:
            progress(f"reading the prices of {service} in {region}")
            listing = source.listing(service, region)
            if listing is None:
                found[service, region] = Found(prices=(), unread=())
                continue
            found[service, region] = find_prices(
                service, listing.records, region=region, read=today, source=listing.source
            )
    for of_service in found.values():
        for price in of_service.prices:
            kept[price.usage, price.region, price.size] = price
    with atomic_write(file) as target:
        target.write(write_snapshot(list(kept.values())).encode())
    return found


def default_file() -> Path:
    """Where the user's own prices are kept."""
    base = os.environ.get("XDG_DATA_HOME")
    home = Path(base) if base else Path.home() / ".local" / "share"
    return home / "inference-constructs" / "prices.json"


def known_prices(file: Path | None, own: Sequence[Price] = ()) -> PriceTable:
    """All prices that are known: those shipped, then those read, then those given.

    Args:
        file: the prices that were read; by default the user's own, if there are any.
        own: prices that count before all others.

    Raises:
        CommandError: the file is missing or no snapshot.
    """
    if file is not None and not file.is_file():
        raise CommandError(
            f"{file} must hold prices, and is missing: write it with `inference cost refresh "
            f"--output {file}`",
            Exit.USAGE,
        )
    return PriceTable([*shipped_prices(), *_own_prices(file or default_file()), *own])


def _own_prices(file: Path) -> list[Price]:
    if not file.is_file():
        return []
    try:
        return read_snapshot(file)
    except ValueError as error:
        raise CommandError(str(error)) from None


def _parsed(text: Any) -> Any:
    """A record of the API is JSON in a text; a damaged one is none."""
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return None
