"""`inference cost` answers in words, in JSON and in pictures, and in exit codes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from inference_ops.cli import app
from sagemaker_prices import PriceTable, write_snapshot

Parse = Callable[..., dict[str, Any]]
Run = Callable[..., Result]
COMPARE = ("compare", "--requests-per-day", "14400", "--seconds-per-request", "0.5")


@pytest.fixture(name="run")
def _run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prices: PriceTable) -> Run:
    """Runs `inference cost` where only the prices of these tests are known."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    file = tmp_path / "prices.json"
    file.write_text(write_snapshot(list(prices)))

    def run(*arguments: str, own: bool = True) -> Result:
        given = ("--prices", str(file)) if own else ()
        return CliRunner().invoke(app, ["cost", *arguments, *given])

    return run


@pytest.fixture(name="template")
def _template(tmp_path: Path, parse: Parse) -> Path:
    file = tmp_path / "churn.json"
    file.write_text(json.dumps(parse()))
    return file


def test_a_template_is_estimated_without_naming_the_command(run: Run, template: Path) -> None:
    """`inference cost TEMPLATE` is what everybody tries first."""
    short, whole = run(str(template)), run("estimate", str(template))
    assert short.exit_code == 0
    assert short.output == whole.output
    # 2 x 730 x 0.1
    assert "churn in us-east-1: 146.00 USD a month" in short.output
    assert "1,460 hours" in short.output
    assert "0.1 USD per hour (read on 2026-11-01)" in short.output


def test_options_may_come_before_the_template(run: Run, template: Path) -> None:
    """As with any other command."""
    done = run("--region", "us-east-1", str(template))
    assert "146.00 USD a month" in done.output


def test_json_has_every_price_with_its_day_and_source(run: Run, template: Path) -> None:
    """And nothing but JSON is printed."""
    document = json.loads(run(str(template), "--json").stdout)
    (stack,) = document["stacks"]
    assert document["usd_per_month"] == {"minimum": 146, "maximum": 146}
    assert stack["lines"][0] == {
        "what": "AllTraffic: ml.m5.large",
        "resources": ["Endpoint"],
        "unit": "hour",
        "quantity": {"minimum": 1460, "maximum": 1460},
        "usd": {"minimum": 146, "maximum": 146},
        "price": {
            "usd": 0.1,
            "unit": "hour",
            "region": "us-east-1",
            "read": "2026-11-01",
            "source": "a test",
            "confirmed": True,
        },
        "standing": "read on 2026-11-01",
    }
    assert "data into endpoints: the price per GB is unknown" in stack["unknown"]
    for line in stack["lines"]:
        assert line["price"] is None or (line["price"]["read"] and line["price"]["source"])


def test_a_load_gives_the_cost_of_a_thousand_predictions(run: Run, template: Path) -> None:
    """48,000 a day are 1,460 thousands a month: 146 / 1,460."""
    done = run(str(template), "--predictions-per-day", "48000")
    assert "1,000 predictions, at 48,000 a day: 0.1000 USD" in done.output


def test_a_discount_gives_what_a_plan_saves(run: Run, template: Path) -> None:
    """0.2 USD an hour: at 25 % off, a commitment to 0.15, and 0.05 x 730 saved."""
    assert "what a plan takes off is unknown" in run(str(template)).output
    done = run(str(template), "--discount", "0.25")
    assert "a commitment to 0.15 USD an hour at 25% off saves 36.50 USD a month" in done.output


def test_a_batch_costs_its_minutes_and_its_runs(run: Run, tmp_path: Path) -> None:
    """2 instances at 0.4 USD for half an hour are 0.4 USD; 730 / 24 days a month, 12.17 USD."""
    job = {"TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2}}
    states = {"Run": {"Resource": "arn:aws:states:::sagemaker:createTransformJob", **job}}
    properties = {"DefinitionString": json.dumps({"States": states})}
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    file = tmp_path / "batch.yaml"
    file.write_text(json.dumps({"Resources": {"Machine": machine}}))
    done = run(str(file), "--batch-minutes", "30", "--batches-per-day", "1", "--json")
    (found,) = json.loads(done.stdout)["stacks"][0]["transform_jobs"]
    assert found["usd_per_hour"] == pytest.approx(0.8)
    assert found["usd_per_run"] == pytest.approx(0.4)
    assert found["usd_per_month"] == pytest.approx(0.4 * 730 / 24)
    assert "2 x ml.m5.xlarge" in run(str(file)).output


def test_a_price_of_ones_own_counts_and_is_told_as_such(run: Run, template: Path) -> None:
    """Unconfirmed, as nobody else can tell where it is from."""
    done = run(str(template), "--own-price", "hosting/ml.m5.large=0.5")
    assert "730.00 USD a month" in done.output
    assert "0.5 USD per hour (unconfirmed, given with --own-price)" in done.output


def test_an_assembly_is_estimated_stack_by_stack(run: Run, tmp_path: Path, parse: Parse) -> None:
    """In the region that it says, and in sum."""
    (tmp_path / "one.json").write_text(json.dumps(parse()))
    artifacts = {
        name: {
            "type": "aws:cloudformation:stack",
            "environment": f"aws://1/{region}",
            "properties": {"templateFile": "one.json"},
        }
        for name, region in (("here", "us-east-1"), ("there", "eu-west-1"))
    }
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    done = run(str(tmp_path))
    assert "here in us-east-1: 146.00 USD a month" in done.output
    # No price of that region is known: that is no zero.
    assert "there in eu-west-1: unknown\n" in done.output
    assert "all 2 stacks: 146.00 USD a month" in done.output
    assert "there" not in run(str(tmp_path), "--stack", "here").output


def test_a_template_without_costs_is_told_as_such(run: Run, tmp_path: Path) -> None:
    """Nothing is known to cost nothing."""
    file = tmp_path / "role.yaml"
    file.write_text("Resources: {Role: {Type: AWS::IAM::Role}}")
    assert "role in us-east-1: nothing\n" in run(str(file)).output


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-file.yaml",),
        ("churn.json", "--parameter", "Stage"),
        ("churn.json", "--parameter", "Stge=prod"),
        ("churn.json", "--stack", "other"),
        ("churn.json", "--own-price", "hosting=0.5"),
        ("churn.json", "--own-price", "rent/ml.m5.large=0.5"),
        ("churn.json", "--own-price", "hosting/ml.m5.large=much"),
        ("churn.json", "--own-price", "hosting/ml.m5.large=-1"),
        ("churn.json", "--own-price", "hosting/ml.m5.large=inf"),
        ("churn.json", "--discount", "20"),
        ("compare", "--requests-per-day", "0", "--seconds-per-request", "1"),
        ("compare", "--requests-per-day", "1"),
        (*COMPARE, "--picture", "costs.gif"),
        (),
    ],
)
def test_wrong_usage_is_told_in_words(
    run: Run, template: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """Exit code 2, and no traceback."""
    monkeypatch.chdir(template.parent)
    done = run(*arguments, own=bool(arguments))
    assert done.exit_code == 2
    assert "Traceback" not in done.output


def test_prices_depend_on_a_region(
    run: Run, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no default that would be right for many."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    done = run(str(template))
    assert done.exit_code == 2
    assert "no region" in done.stderr


def test_a_missing_file_of_prices_is_not_passed_over(run: Run, template: Path) -> None:
    """Other prices than asked for would be wrong ones."""
    done = run(str(template), "--prices", "nowhere.json", own=False)
    assert done.exit_code == 2
    assert "inference cost refresh --output nowhere.json" in done.stderr


def test_ways_are_compared_with_what_is_assumed(run: Run) -> None:
    """A way without a price is told, and left out."""
    done = run(*COMPARE, "--own-price", "serverless=0.00006", "--own-price", "transform=0.1")
    assert done.exit_code == 0
    # 7,200 s a day: 219,000 s a month at 0.00006; and 2 hours and 5 minutes a day at 0.1.
    assert "219,000 seconds" in done.output
    assert "13.14" in done.output
    assert "6.34" in done.output
    assert "the cheapest of those whose price is known: batch" in done.output
    assert "serverless: 3 GB, without provisioned concurrency" in done.output


def test_a_comparison_as_json(run: Run) -> None:
    """The same, for programs."""
    document = json.loads(run(*COMPARE, "--own-price", "serverless=0.00006", "--json").stdout)
    costs = {offer["way"]: offer["usd_per_month"] for offer in document["offers"]}
    assert costs["endpoint"] == pytest.approx(73)
    assert costs["batch"] is None
    # Serverless: 73 x 24 / 730 / (0.5 x 0.00006). Asynchronous, at 0.3 USD: 8 hours a day cost as
    # much as the endpoint; without a quarter of an hour, 7.75 x 3600 / 0.5 requests.
    assert document["break_even_with_endpoint"] == {"serverless": 80_000, "asynchronous": 55_800}


def test_a_picture_shows_each_way_that_has_a_price(run: Run, tmp_path: Path) -> None:
    """With axes, a legend, break-evens and the day of each price; the same bytes each time."""
    file = tmp_path / "costs.svg"
    arguments = (*COMPARE, "--own-price", "serverless=0.00006", "--picture", str(file))
    assert run(*arguments).exit_code == 0
    first = file.read_bytes()
    ElementTree.fromstring(first)
    text = first.decode()
    for shown in (
        "requests a day",
        "US dollars a month",
        "Requests of 0.5 s on ml.m5.large in us-east-1: what each way costs",
        "from 80,000",
        "endpoint: 0.1 USD per hour, read on 2026-11-01",
        "batch: its price is unknown, so it is not drawn",
    ):
        assert f"<!-- {shown}" in text
    run(*arguments)
    assert file.read_bytes() == first


def test_a_picture_may_be_a_png(run: Run, tmp_path: Path) -> None:
    """By the ending of its name."""
    file = tmp_path / "costs.png"
    assert run(*COMPARE, "--picture", str(file)).exit_code == 0
    assert file.read_bytes().startswith(b"\x89PNG")


def test_nothing_is_drawn_without_any_price(run: Run, tmp_path: Path) -> None:
    """Exit code 1, and no file."""
    file = tmp_path / "costs.png"
    done = run(*COMPARE, "--region", "eu-west-1", "--picture", str(file))
    assert done.exit_code == 1
    assert "no way has a price" in done.stderr
    assert not file.exists()


@pytest.mark.parametrize("command", [(), ("estimate",), ("compare",), ("refresh",)])
def test_help_has_examples(run: Run, command: tuple[str, ...]) -> None:
    """And the exit codes."""
    done = run(*command, "--help", own=False)
    assert done.exit_code == 0
    assert "inference cost" in done.output
    assert "Exit codes" in done.output
