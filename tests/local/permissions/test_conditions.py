"""Condition operators."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.permissions.conditions import PolicyError, parse_conditions

ARN = "arn:aws:sns:us-east-1:123456789012:alarms"


def holds(block: dict[str, Any], **context: Any) -> bool:
    """Whether all conditions hold; context keys with ``__`` for a colon."""
    keys = {
        name.replace("__", ":").lower(): (value,) if isinstance(value, str) else tuple(value)
        for name, value in context.items()
    }
    return all(condition.holds(keys) for condition in parse_conditions(block))


@pytest.mark.parametrize(
    ("operator", "wanted", "given", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", ["b", "a"], "a", True),
        ("StringEquals", "a*", "ab", False),
        ("StringNotEquals", "a", "b", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringEqualsIgnoreCase", "Prod", "pROD", True),
        ("StringNotEqualsIgnoreCase", "Prod", "pROD", False),
        ("StringLike", "dev-*", "dev-1", True),
        ("StringLike", "dev-?", "dev-12", False),
        ("StringNotLike", "dev-*", "prod-1", True),
        ("ArnEquals", "arn:aws:sns:*:123456789012:*", ARN, True),
        ("ArnLike", ARN, ARN, True),
        ("ArnLike", "arn:aws:sns:*:alarms", ARN, False),
        ("ArnLike", "arn:aws:*", ARN, False),
        ("ArnLike", "*", ARN, True),
        ("ArnNotLike", "arn:aws:sqs:*:*:*", ARN, True),
        ("ArnNotEquals", ARN, ARN, False),
        ("Bool", "true", "true", True),
        ("Bool", True, "true", True),
        ("Bool", "false", "true", False),
        ("NumericLessThan", "10", "9", True),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericGreaterThan", 10, "9.5", False),
        ("NumericNotEquals", "1", "1.0", False),
        ("NumericEquals", "1", "one", False),
        ("DateGreaterThan", "2026-01-01T00:00:00Z", "2026-11-22T10:00:00Z", True),
        ("DateLessThan", "2026-01-01T00:00:00Z", "2026-11-22T10:00:00+00:00", False),
        ("IpAddress", "127.0.0.0/8", "127.0.0.1", True),
        ("NotIpAddress", "10.0.0.0/8", "127.0.0.1", True),
        ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", True),
    ],
)
def test_an_operator_compares_as_iam_does(
    operator: str, wanted: Any, given: str, expected: bool
) -> None:
    """One policy value or several, one value of the request."""
    assert holds({operator: {"aws:Key": wanted}}, aws__key=given) is expected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("StringEquals", False),
        ("StringNotEquals", True),
        ("StringEqualsIfExists", True),
        ("ArnLike", False),
        ("ArnNotLike", True),
        ("Bool", False),
        ("BoolIfExists", True),
        ("ForAllValues:StringEquals", True),
        ("ForAnyValue:StringEquals", False),
    ],
)
def test_a_key_that_is_missing_fails_all_but_negated_and_if_exists(
    operator: str, expected: bool
) -> None:
    """As the table of IAM's guide says."""
    assert holds({operator: {"aws:Key": "a"}}) is expected


def test_null_asks_whether_a_key_is_there() -> None:
    """True means missing."""
    assert holds({"Null": {"aws:Key": "true"}})
    assert not holds({"Null": {"aws:Key": "true"}}, aws__Key="a")
    assert holds({"Null": {"aws:Key": "false"}}, aws__Key="a")


@pytest.mark.parametrize(
    ("operator", "given", "expected"),
    [
        ("ForAllValues:StringEquals", ["stage", "team"], True),
        ("ForAllValues:StringEquals", ["stage", "cost"], False),
        ("ForAnyValue:StringEquals", ["cost", "team"], True),
        ("ForAnyValue:StringEquals", ["cost"], False),
        ("ForAllValues:StringNotEquals", ["cost"], True),
        ("ForAnyValue:StringNotEquals", ["stage"], False),
        ("ForAllValues:StringLike", ["team"], True),
    ],
)
def test_set_operators_look_at_every_value_of_the_request(
    operator: str, given: list[str], expected: bool
) -> None:
    """ForAllValues and ForAnyValue over tag keys."""
    assert holds({operator: {"aws:TagKeys": ["stage", "team"]}}, aws__TagKeys=given) is expected


def test_every_operator_and_every_key_must_hold() -> None:
    """Conditions are joined by AND, values of one key by OR."""
    block = {
        "StringEquals": {"aws:A": ["1", "2"], "aws:B": "3"},
        "Bool": {"aws:SecureTransport": "true"},
    }
    full = {"aws__A": "2", "aws__B": "3", "aws__SecureTransport": "true"}
    assert holds(block, **full)
    for name in full:
        assert not holds(block, **(full | {name: "x"}))


def test_a_value_may_hold_a_variable() -> None:
    """The variable is replaced before comparing, without becoming a pattern."""
    block = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    tags = {"aws__ResourceTag/team": "ml", "aws__PrincipalTag/team": "ml"}
    assert holds(block, **tags)
    assert not holds(block, **(tags | {"aws__PrincipalTag/team": "*"}))


@pytest.mark.parametrize("operator", ["StringMatches", "ForSome:StringEquals", "Equals"])
def test_an_operator_that_does_not_exist_is_an_error(operator: str) -> None:
    """IAM would not have taken the policy."""
    with pytest.raises(PolicyError, match=operator):
        parse_conditions({operator: {"aws:Key": "a"}})
