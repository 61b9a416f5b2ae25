"""The description of a request and its check agree with what JSON Schema means."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_constructs import RunOptions, TransformOptions
from inference_constructs.batch_run_options import request_defaults
from inference_constructs.functions.batch_checks.request import RequestError, checked
from inference_constructs.functions.batch_checks.request_schema import PROPERTIES, request_schema

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = request_schema(request_defaults(TransformOptions(), RunOptions()))

# Near the limits, and of each type; without 1.0, which the schema takes for a whole number and the
# API does not.
VALUES = st.one_of(
    st.sampled_from([0, 1, 2, 3, 4, 100, 101, 3600, 3601, 10_000, 10_001, 0.5, -1, True]),
    st.sampled_from(
        ["", "x", "Line", "None", "refuse", "mark", "S3Prefix", "s3://b/k", "x" * 1025]
    ),
    st.none(),
    st.lists(st.integers(), max_size=1),
    st.dictionaries(st.sampled_from(["A", ""]), st.sampled_from(["b", 1, None]), max_size=2),
)


def test_the_schema_is_one() -> None:
    """Of the draft that it names."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@given(st.dictionaries(st.sampled_from([*PROPERTIES, "input", "other"]), VALUES, max_size=4))
def test_a_request_is_refused_exactly_where_the_schema_refuses_it(request_: dict[str, Any]) -> None:
    """The function has no library for it, so it is compared with one here."""
    valid = jsonschema.Draft202012Validator(SCHEMA).is_valid(request_)
    if valid:
        assert checked(request_) == request_
    else:
        with pytest.raises(RequestError):
            checked(request_)


def test_the_defaults_are_what_the_schema_allows() -> None:
    """With an input they are a request."""
    defaults = request_defaults(TransformOptions(), RunOptions())
    jsonschema.validate({"input": "s3://bucket/key", **defaults}, SCHEMA)
    assert defaults["max_concurrent_transforms"] == 4
    assert "max_cost_usd" not in defaults


def test_the_schema_in_the_documents_is_this_one() -> None:
    """`python docs/draw_batch.py` writes it anew."""
    file = ROOT / "docs" / "batch-request.schema.json"
    assert json.loads(file.read_text()) == SCHEMA
