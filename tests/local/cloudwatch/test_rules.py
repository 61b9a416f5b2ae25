"""Rules of composite alarms."""

from __future__ import annotations

import pytest

from local_aws.cloudwatch.rules import RuleError, parse_rule

STATES = {"red": "ALARM", "green": "OK", "grey": "INSUFFICIENT_DATA", "with space": "ALARM"}


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("ALARM(red)", True),
        ('ALARM("with space")', True),
        ("OK(red)", False),
        ("INSUFFICIENT_DATA(grey)", True),
        ("NOT ALARM(red)", False),
        ("ALARM(red) AND ALARM(green)", False),
        ("ALARM(red) OR ALARM(green)", True),
        ("ALARM(green) AND ALARM(green) OR ALARM(red)", True),
        ("ALARM(green) AND (ALARM(green) OR ALARM(red))", False),
        ("NOT ALARM(green) AND NOT ALARM(grey)", True),
        ("TRUE AND NOT FALSE", True),
        ("( ALARM ( red ) )", True),
    ],
)
def test_a_rule_follows_the_states_of_its_alarms(rule: str, holds: bool) -> None:
    """NOT binds closest, then AND, then OR."""
    assert parse_rule(rule).holds(STATES.__getitem__) is holds


def test_a_rule_tells_which_alarms_it_looks_at() -> None:
    """Names and ARNs, each once, in their order."""
    arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:b"
    assert parse_rule(f"ALARM(a) OR OK({arn}) OR OK(a)").alarms == ("a", arn)


@pytest.mark.parametrize(
    "rule", ["", "ALARM(a", "ALARM(a) ALARM(b)", "AND ALARM(a)", "MAYBE(a)", "(ALARM(a)"]
)
def test_a_rule_with_a_fault_is_refused(rule: str) -> None:
    """The error speaks of the rule's syntax."""
    with pytest.raises(RuleError, match="syntax error"):
        parse_rule(rule)
