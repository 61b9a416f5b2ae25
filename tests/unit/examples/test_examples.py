"""Each example is short, stands alone, and passes every rule pack."""

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from examples.__main__ import MOST_LINES, user_lines
from inference_constructs import __all__ as public_names
from inference_ops.cost import estimate

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
APPS = sorted(path.parent.name for path in EXAMPLES.glob("*/app.py"))
MOST_RULES = 8


def findings(assembly: Path, kind: str) -> list[dict[str, Any]]:
    """What the rule packs found, or what was acknowledged."""
    report = json.loads((assembly / "validation-report.json").read_text())
    return [finding for plugin in report["pluginReports"] for finding in plugin.get(kind, [])]


def test_there_is_an_example_of_each_kind_of_endpoint() -> None:
    """And of each way to change one."""
    assert {
        *("realtime", "serverless", "asynchronous", "scale_to_zero"),
        *("canary", "ab_test", "shadow", "data_capture", "office_hours", "vpc"),
    } <= set(APPS)


@pytest.mark.parametrize("name", APPS)
def test_an_example_takes_at_most_25_lines_of_user_code(name: str) -> None:
    """More would be a fault of the API's defaults."""
    assert user_lines(EXAMPLES / name / "app.py") <= MOST_LINES == 25


@pytest.mark.parametrize("name", APPS)
def test_an_example_uses_the_public_api_only_and_no_helper(name: str) -> None:
    """What it imports is the CDK, this library's public names, and `datetime`."""
    tree = ast.parse((EXAMPLES / name / "app.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.module in {"aws_cdk", "inference_constructs", "datetime"}
            if node.module == "inference_constructs":
                assert {alias.name for alias in node.names} <= set(public_names)
        assert not isinstance(node, ast.Import)
        assert not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "open")
    assert [path.name for path in (EXAMPLES / name).glob("*.py")] == ["app.py"]


@pytest.mark.parametrize("name", APPS)
def test_an_example_has_no_finding_that_is_not_acknowledged(synthesize: Any, name: str) -> None:
    """Of AwsSolutions, NIST 800-53 R5, the CDK's strict validator and the rules of this library."""
    found = [
        (finding["ruleName"], [c["constructPath"] for c in finding["violatingConstructs"]])
        for finding in findings(synthesize(name), "violations")
    ]
    assert found == []


@pytest.mark.parametrize("name", APPS)
def test_an_example_acknowledges_at_most_eight_rules(synthesize: Any, name: str) -> None:
    """Each with its reason, at the resource."""
    acknowledged = findings(synthesize(name), "suppressedViolations")
    rules = {re.sub(r"\[.*\]$", "", finding["acknowledgedId"]) for finding in acknowledged}
    assert len(rules) <= MOST_RULES
    for finding in acknowledged:
        assert len(finding["reason"].split()) >= 8
        assert finding["acknowledgedAt"].count("/") >= 1


def test_imports_comments_and_blank_lines_do_not_count(tmp_path: Path) -> None:
    """But everything else does, also each line of a string."""
    file = tmp_path / "app.py"
    text = '"""One.\n\nThree."""\n\n# no\nfrom a import (\n    b,\n)\nimport c\n\n'
    file.write_text(f"{text}x = b(  # yes\n    c,\n)\n")
    assert user_lines(file) == 6


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        # Open on 5 days for 10 hours, and a quarter of an hour before.
        ("office_hours", (51.25 / 168, 51.25 / 168)),
        # An endpoint's one owner scales them; see docs/decisions/0002-one-owner-of-scaling.md.
        ("asynchronous", (0, 3)),
        ("scale_to_zero", (0, 2)),
        ("canary", (2, 6)),
    ],
)
def test_the_cost_of_an_example_has_the_bounds_of_its_code(
    template: Callable[[str], dict[str, Any]], name: str, hours: tuple[float, float]
) -> None:
    """So many instances for the 730 hours of a month, as the example's settings say."""
    found = estimate(template(name), region="us-east-1")
    (instances,) = [line for line in found.lines if line.unit == "hour"]
    assert (instances.minimum, instances.maximum) == pytest.approx((hours[0] * 730, hours[1] * 730))
