"""Each rule with two templates that differ in one property: one is fine, and one is not.

The pairs are recorded in `pairs/`, with the templates that they start from in `templates/`.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from inference_ops.review.changes import Change, read_change
from inference_ops.review.differ import compare
from inference_ops.review.findings import find
from inference_ops.review.rules import CHANGE_RULES
from inference_rules import RULES, Template
from tests.unit.review.edits import HERE, edited, healthy

TEMPLATES = [path.stem for path in sorted((HERE / "templates").glob("*.yaml"))]
CASES = yaml.safe_load((HERE / "pairs" / "template.yaml").read_text())
CHANGES = yaml.safe_load((HERE / "pairs" / "change.yaml").read_text())


def judged(body: dict[str, Any]) -> Counter[tuple[str, str]]:
    """The rules that a template breaks, each with the resource; acknowledged ones are left out."""
    template = Template(body)
    return Counter(
        (rule.name, fault.resource)
        for rule in RULES
        for fault in rule.check(template)
        if rule.name
        not in body["Resources"][fault.resource]
        .get("Metadata", {})
        .get("inference", {})
        .get("acknowledge", {})
    )


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_that_is_as_it_should_be_has_no_finding(name: str) -> None:
    """A rule that cries wolf is soon switched off."""
    assert judged(healthy(name)) == {}


@pytest.mark.parametrize("name", CASES)
def test_one_property_makes_a_template_break_the_rule_and_no_other(name: str) -> None:
    """The finding stands at the resource that has to change."""
    case = CASES[name]
    right = edited(healthy(case["template"]), case.get("with", []))
    wrong = edited(right, [case["wrong"]])
    assert judged(right) == {}
    assert set(judged(wrong)) == set(case["finds"].items())


@pytest.fixture(scope="module")
def changes() -> dict[str, tuple[Change, Change]]:
    """Each pair of changes, compared by one run of the differ."""
    bodies = []
    for case in CHANGES.values():
        base = edited(healthy(case["template"]), case.get("base", []))
        right = edited(base, case.get("head", []))
        bodies += [(base, right), (base, edited(right, [case["wrong"]]))]
    diffs = compare(bodies)
    read = [
        read_change("", base, head, diff, case.get("quotas", {}))
        for (base, head), diff, case in zip(
            bodies, diffs, [case for case in CHANGES.values() for _ in range(2)], strict=True
        )
    ]
    return dict(zip(CHANGES, zip(read[::2], read[1::2], strict=True), strict=True))


@pytest.mark.parametrize("name", CHANGES)
def test_one_property_makes_a_change_break_the_rule_and_no_other(
    name: str, changes: dict[str, tuple[Change, Change]]
) -> None:
    """The change without it is one that a reviewer lets pass."""
    right, wrong = changes[name]
    of_changes = {rule.name for rule in CHANGE_RULES}

    def found(change: Change) -> set[tuple[str, str]]:
        everything = find(change, None)
        return {(one.rule, one.resource) for one in everything if one.rule in of_changes}

    assert found(right) == set()
    assert found(wrong) == set(CHANGES[name]["finds"].items())


def places(value: Any, *path: str | int) -> Iterator[tuple[str | int, ...]]:
    """Every place of a template below its resources' own keys."""
    if len(path) > 2:
        yield path
    if isinstance(value, list):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, *path, key)


@pytest.mark.parametrize("odd", [[{}], 7.5], ids=["a list", "a number"])
@pytest.mark.parametrize("name", TEMPLATES)
def test_a_value_of_another_kind_is_no_crash(name: str, odd: Any) -> None:
    """Templates are written by people; what a rule cannot read it leaves to CloudFormation."""
    body = healthy(name)
    for path in places(body):
        if path[-1] == "Type" and len(path) == 3:
            continue
        changed = Template(edited(body, [{"at": "/".join(map(str, path)), "value": odd}]))
        for rule in RULES:
            list(rule.check(changed))


def test_every_rule_has_a_recorded_pair() -> None:
    """A rule without a test on both sides is not known to work."""
    shown = {rule for case in (*CASES.values(), *CHANGES.values()) for rule in case["finds"]}
    assert shown == {rule.name for rule in (*RULES, *CHANGE_RULES)}
    assert len(shown) >= 30


@pytest.mark.parametrize("rule", [*RULES, *CHANGE_RULES], ids=lambda rule: rule.name)
def test_a_rule_says_what_is_expected_what_to_change_and_who_says_so(rule: Any) -> None:
    """Its text is all that whoever meets it gets."""
    assert len(rule.description) > 40
    assert len(rule.fix) > 15
    assert rule.source.startswith("https://")
    assert rule.severity in ("error", "warning", "note")


def test_one_rule_is_one_module() -> None:
    """Named after the rule, so that a finding leads to its reason."""
    root = Path(__file__).parents[3]
    modules = {
        path.stem.replace("_", "")
        for folder in ("constructs/inference_rules/checks", "inference_ops/review/rules")
        for path in (root / folder).glob("[a-z]*.py")
    }
    assert modules == {rule.name.lower() for rule in (*RULES, *CHANGE_RULES)}
