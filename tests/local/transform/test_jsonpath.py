"""The JSONPath subset: what it selects, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.transform.jsonpath import JsonPathError, parse

ROW = ["a", "b", "c", "d"]
OBJECT = {"id": 7, "features": [1, 2, 3], "nested": {"a": {"b": "deep"}, "c": 5}}


@pytest.mark.parametrize(
    ("expression", "value", "selected"),
    [
        ("$", ROW, ROW),
        ("$[0]", ROW, "a"),
        ("$[-1]", ROW, "d"),
        ("$[1,3]", ROW, ["b", "d"]),
        ("$[1:]", ROW, ["b", "c", "d"]),
        ("$[-2:]", ROW, ["c", "d"]),
        ("$[:]", ROW, ROW),
        ("$[0,2:]", ROW, ["a", "c", "d"]),
        ("$[ 0 , -1 ]", ROW, ["a", "d"]),
        ("$[*]", ROW, ROW),
        ("$.id", OBJECT, 7),
        ("$['id']", OBJECT, 7),
        ('$["id"]', OBJECT, 7),
        ("$.features[1:]", OBJECT, [2, 3]),
        ("$.nested.a.b", OBJECT, "deep"),
        ("$['id','nested']", OBJECT, {"id": 7, "nested": OBJECT["nested"]}),
        ("$.nested.['a','c']", OBJECT, {"a": {"b": "deep"}, "c": 5}),
        ("$.nested.*", OBJECT, [{"b": "deep"}, 5]),
    ],
)
def test_an_expression_selects(expression: str, value: Any, selected: Any) -> None:
    """Each documented operator selects what the guide says."""
    assert parse(expression).select(value) == selected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("features", "must start with"),
        ("", "must start with"),
        ("$[", "is not supported"),
        ("$..id", "is not supported"),
        ("$[?(@.a>1)]", "is not supported"),
        ("$.a[]", "is not an index"),
        ("$[1:4]", "inclusive"),
        ("$[:5]", "inclusive"),
        ("$[0,1:3]", "inclusive"),
    ],
)
def test_an_expression_is_refused(expression: str, message: str) -> None:
    """What batch transform does not take, or documents in two ways, is refused with the reason."""
    with pytest.raises(JsonPathError, match=message):
        parse(expression)


@pytest.mark.parametrize(
    ("expression", "value"),
    [("$[4]", ROW), ("$[-5]", ROW), ("$[4:]", ROW), ("$.no", OBJECT), ("$[0]", OBJECT)],
)
def test_what_is_not_there_is_an_error(expression: str, value: Any) -> None:
    """An index out of range or a missing attribute never selects nothing in silence."""
    with pytest.raises(JsonPathError):
        parse(expression).select(value)
