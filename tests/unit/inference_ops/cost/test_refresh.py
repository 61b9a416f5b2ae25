"""Prices are read from AWS's lists as they are published, over HTTP; what is odd is left out."""

import copy
import json
import threading
from collections.abc import Callable, Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from inference_ops.cli import app
from inference_ops.cost.price_list import find_prices
from inference_ops.cost.refresh import known_prices
from sagemaker_prices import read_snapshot
from tests.unit.inference_ops.cost.price_lists import (
    KMS,
    LAMBDA,
    SAGEMAKER,
    offer_file,
    record,
    region_index,
)

TODAY = date(2026, 11, 27)


class Server:
    """A server of price lists: the files by their paths, and the API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.files: dict[str, Any] = {}
        self.products: dict[str, list[Any]] = {}
        self.asked: list[dict[str, Any]] = []

    def publish(self, service: str, region: str, *records: dict[str, Any]) -> None:
        """Has a service's prices in a region."""
        index = region_index(service, region)
        self.files[f"/offers/v1.0/aws/{service}/current/region_index.json"] = index
        self.files[index["regions"][region]["currentVersionUrl"]] = offer_file(*records)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetProducts, with two products a page."""
        self.asked.append(request)
        found = self.products.get(request["ServiceCode"], [])
        start = int(request.get("NextToken", 0))
        page = {"FormatVersion": "aws_v1", "PriceList": found[start : start + 2]}
        return page if start + 2 >= len(found) else {**page, "NextToken": str(start + 2)}


@pytest.fixture(name="server")
def _server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = server.files.get(self.path)
            self._send(404 if found is None else 200, found)

        def do_POST(self) -> None:
            assert self.headers["X-Amz-Target"] == "AWSPriceListService.GetProducts"
            length = int(self.headers["Content-Length"])
            self._send(200, server.answer(json.loads(self.rfile.read(length))))

        def _send(self, status: int, content: Any) -> None:
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        server = Server(f"http://127.0.0.1:{listening.server_port}")
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        listening.shutdown()


Run = Callable[..., Result]


@pytest.fixture(name="run")
def _run(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `inference cost refresh` against the server, with a home of its own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_PRICING", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    def run(*arguments: str, api: bool = False) -> Result:
        where = ["--api"] if api else ["--files-url", server.url]
        return CliRunner().invoke(app, ["cost", "refresh", *where, *arguments])

    return run


def priced(file: Path) -> dict[tuple[str, str | None], float]:
    """The prices in a file."""
    return {(price.usage, price.size): price.usd for price in read_snapshot(file)}


EXPECTED = {
    ("hosting", "ml.m5.xlarge"): 0.23,
    ("asynchronous", "ml.g6e.2xlarge"): 2.8026,
    ("transform", "ml.m5.xlarge"): 0.24,
    ("serverless", "3GB"): 0.00006,
    ("provisioned-concurrency", "3GB"): 0.0000123,
    ("storage", None): 0.14,
    ("data-in", None): 0.016,
}


def test_the_public_files_are_read_without_credentials(
    server: Server, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither notebooks nor training, nor another region's, are taken for what they are not."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    server.publish("AmazonSageMaker", "us-east-1", *SAGEMAKER)
    file = tmp_path / "prices.json"
    done = run("--region", "us-east-1", "--service", "AmazonSageMaker", "--output", str(file))
    assert done.exit_code == 0, done.output
    assert priced(file) == EXPECTED


def test_each_price_says_when_and_where_it_was_read(
    server: Server, run: Run, tmp_path: Path
) -> None:
    """The file's own day of publication, and the usage type."""
    server.publish("AmazonSageMaker", "us-east-1", SAGEMAKER[0])
    file = tmp_path / "prices.json"
    run("--region", "us-east-1", "--service", "AmazonSageMaker", "--output", str(file))
    (price,) = read_snapshot(file)
    assert price.source == (
        "AWS Price List, offer file of AmazonSageMaker in us-east-1, published "
        "2026-11-20T02:56:06Z, usage type USE1-Host:ml.m5.xlarge"
    )
    assert price.confirmed
    assert price.read >= TODAY


def test_the_api_is_asked_page_by_page(server: Server, run: Run, tmp_path: Path) -> None:
    """For one region, and all the pages give the same as the file."""
    server.products["AmazonSageMaker"] = [json.dumps(each) for each in SAGEMAKER]
    file = tmp_path / "prices.json"
    arguments = ("--region", "us-east-1", "--service", "AmazonSageMaker", "--output", str(file))
    done = run(*arguments, api=True)
    assert done.exit_code == 0, done.output
    assert priced(file) == EXPECTED
    assert len(server.asked) == 6
    assert server.asked[0]["Filters"] == [
        {"Type": "TERM_MATCH", "Field": "regionCode", "Value": "us-east-1"}
    ]


def test_of_several_tiers_the_first_counts(server: Server, run: Run, tmp_path: Path) -> None:
    """Lambda's tiers come in any order; 0.0000166667 is that from 0 on."""
    server.publish("AWSLambda", "us-east-1", *LAMBDA)
    file = tmp_path / "prices.json"
    run("--region", "us-east-1", "--service", "AWSLambda", "--output", str(file))
    assert priced(file) == {
        ("lambda", "x86_64"): 0.0000166667,
        ("lambda-request", None): 0.0000002,
    }


def test_the_users_own_prices_are_used_without_being_told(server: Server, run: Run) -> None:
    """Before those that are shipped; what was not read stays."""
    server.publish("awskms", "us-east-1", record("SKU", "us-east-1-KMS-Keys", "1.5", "Keys"))
    server.publish("AmazonSageMaker", "us-east-1", SAGEMAKER[2])
    for service in ("awskms", "AmazonSageMaker"):
        assert run("--region", "us-east-1", "--service", service).exit_code == 0
    table = known_prices(None)
    key = table.find("key", "us-east-1")
    job = table.find("transform", "us-east-1", "ml.m5.xlarge")
    shipped = table.find("hosting", "us-east-1", "ml.m5.xlarge")
    assert key is not None
    assert job is not None
    assert shipped is not None
    assert (key.usd, job.usd, shipped.usd) == (1.5, 0.24, 0.23)


def test_a_second_region_is_kept_beside_the_first(server: Server, run: Run, tmp_path: Path) -> None:
    """And a later reading replaces an earlier one."""
    file = tmp_path / "prices.json"
    key = record("SKU", "EU-KMS-Keys", "1.0", "Keys", region="eu-west-1")
    for region, records in (
        ("us-east-1", KMS),
        ("eu-west-1", (key,)),
        ("us-east-1", (record("SKU", "us-east-1-KMS-Keys", "2.0", "Keys"),)),
    ):
        server.publish("awskms", region, *records)
        run("--region", region, "--service", "awskms", "--output", str(file))
    found = {price.region: price.usd for price in read_snapshot(file)}
    assert found == {"us-east-1": 2.0, "eu-west-1": 1.0}


def test_a_service_without_prices_in_a_region_is_told(
    server: Server, run: Run, tmp_path: Path
) -> None:
    """With none; it is no error."""
    server.publish("awskms", "eu-west-1", *KMS)
    file = tmp_path / "prices.json"
    done = run(*("--region", "us-east-1", "--service", "awskms", "--output", str(file), "--json"))
    assert done.exit_code == 0
    assert json.loads(done.stdout)["read"] == [
        {"service": "awskms", "region": "us-east-1", "prices": 0, "unread": []}
    ]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda files: files.clear(), "Not Found"),
        (lambda files: files.update(dict.fromkeys(files, b"{")), "Expecting property name"),
        (lambda files: files.update(dict.fromkeys(files, b"[]")), "is no price list"),
        (
            lambda files: files.update({path: {} for path in files if "2026" in path}),
            "an offer file must have products and terms on demand",
        ),
    ],
)
def test_a_server_without_a_price_list_leaves_the_file_as_it_was(
    server: Server, run: Run, tmp_path: Path, spoil: Callable[[dict[str, Any]], Any], told: str
) -> None:
    """Exit code 3, and one line that says what came instead."""
    server.publish("awskms", "us-east-1", *KMS)
    file = tmp_path / "prices.json"
    arguments = ("--region", "us-east-1", "--service", "awskms", "--output", str(file))
    run(*arguments)
    before = file.read_bytes()
    spoil(server.files)
    done = run(*arguments)
    assert done.exit_code == 3
    assert told in done.stderr
    assert "Traceback" not in done.output
    assert file.read_bytes() == before


def test_nobody_listening_is_told(run: Run, tmp_path: Path) -> None:
    """Exit code 3: the network, not the user."""
    done = run("--region", "us-east-1", "--files-url", "http://127.0.0.1:9")
    assert done.exit_code == 3
    assert "127.0.0.1:9" in done.stderr


def test_a_file_that_is_no_snapshot_is_not_replaced(
    server: Server, run: Run, tmp_path: Path
) -> None:
    """It may be somebody's work."""
    server.publish("awskms", "us-east-1", *KMS)
    file = tmp_path / "prices.json"
    file.write_text('{"mine": true}')
    done = run("--region", "us-east-1", "--service", "awskms", "--output", str(file))
    assert done.exit_code == 1
    assert "must be a snapshot of prices" in done.stderr
    assert file.read_text() == '{"mine": true}'


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--region", "us-east-1", "--service", "AmazonNothing"),
        ("--region", "us-east-1", "--service", "AmazonEC2"),
    ],
)
def test_wrong_usage_has_its_own_exit_code(run: Run, arguments: tuple[str, ...]) -> None:
    """2, before anything is read."""
    assert run(*arguments).exit_code == 2


def found(*records: Any) -> Any:
    """What is found of SageMaker's records."""
    return find_prices("AmazonSageMaker", records, region="us-east-1", read=TODAY, source="a list")


def changed(*path: str, value: Any) -> dict[str, Any]:
    """The first record with a part of its one price dimension changed."""
    spoilt = copy.deepcopy(SAGEMAKER[0])
    (term,) = spoilt["terms"]["OnDemand"].values()
    (dimension,) = term["priceDimensions"].values()
    for name in path[:-1]:
        dimension = dimension[name]
    dimension[path[-1]] = value
    return spoilt


@pytest.mark.parametrize(
    "spoilt",
    [
        # A price per 1,000 hours, in yuan, or no number at all is not a price in dollars per hour.
        changed("unit", value="1K Hrs"),
        changed("pricePerUnit", value={"CNY": "1.5"}),
        changed("pricePerUnit", "USD", value="a lot"),
        changed("pricePerUnit", "USD", value="NaN"),
        changed("pricePerUnit", "USD", value="0.0000000000"),
        changed("pricePerUnit", value=None),
        {**SAGEMAKER[0], "terms": {}},
        {**SAGEMAKER[0], "terms": {"OnDemand": []}},
    ],
)
def test_a_record_that_is_not_as_expected_is_left_out_and_told(spoilt: dict[str, Any]) -> None:
    """The others are read all the same."""
    prices = found(spoilt, SAGEMAKER[2])
    assert [price.usage for price in prices.prices] == ["transform"]
    assert prices.unread == ("USE1-Host:ml.m5.xlarge",)


@pytest.mark.parametrize("junk", [None, "text", [], {}, {"product": None}, {"product": []}])
def test_what_is_no_record_is_passed_over(junk: Any) -> None:
    """An answer may hold anything."""
    assert found(junk).prices == ()


def test_two_prices_of_the_same_are_none() -> None:
    """Nobody could tell which one is charged."""
    other = record("SKU2", "USE1-Host:ml.m5.xlarge", "0.2400000000", "Hrs")
    prices = found(SAGEMAKER[0], other, SAGEMAKER[2])
    assert [price.usage for price in prices.prices] == ["transform"]
    assert prices.unread == ("USE1-Host:ml.m5.xlarge",)


def test_the_same_price_twice_is_one() -> None:
    """Lists repeat products under several SKUs."""
    again = record("SKU2", "USE1-Host:ml.m5.xlarge", "0.23", "Hrs")
    assert [price.usd for price in found(SAGEMAKER[0], again).prices] == [0.23]


@pytest.mark.parametrize("prefix", ["USE1-", "EU-", "APN1-", "EUC1-", "us-east-1-", ""])
def test_every_region_has_its_own_prefix(prefix: str) -> None:
    """Some have none, and some services write the region's name."""
    (price,) = found(record("SKU", f"{prefix}Host:ml.m5.large", "0.1", "Hrs")).prices
    assert (price.usage, price.size) == ("hosting", "ml.m5.large")


def test_a_usage_type_that_only_ends_alike_is_another() -> None:
    """Such as a reserved or a managed one."""
    assert found(record("SKU", "USE1-Spot-Host:ml.m5.large", "0.1", "Hrs")).prices == ()
