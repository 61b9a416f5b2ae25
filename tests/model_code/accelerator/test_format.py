"""Answers as text by the accelerator: numpy's own text, byte for byte."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model_code.accelerator.oracle import write_csv, write_json

_EDGES = np.array(
    [
        *(0.0, -0.0, 1.0, -1.0, 0.1, 0.5, 1 / 3, 1e-4, 1.0000001e-4, 9.9999994e-5, 1e-5, 1e16),
        *(9.999999e15, 1e15, 16777216, 16777218, 123456789, 1e7, 33554432, 8388608.5, 2**-24),
        *(3.4028235e38, 1.1754944e-38, 1.1754942e-38, 1.4e-45, 9.8e-45, 9.5367431640625e-7),
        *(np.float32(2) ** power for power in range(-149, 128)),
    ],
    dtype=np.float32,
)


def _check(accelerator: Any, values: np.ndarray) -> None:
    assert accelerator.format_csv(values).decode() == write_csv(values)
    assert accelerator.format_json(values).decode() == write_json(values)


def test_floats_at_the_edges_are_written_as_by_numpy(accelerator: Any) -> None:
    """Powers of two, whose lower neighbour is nearer, and where numpy changes its notation."""
    for values in (_EDGES, -_EDGES, np.nextafter(_EDGES, np.float32(0)), _EDGES.reshape(-1, 4)[:9]):
        _check(accelerator, values)


def test_a_hundred_thousand_floats_are_written_as_by_numpy(accelerator: Any) -> None:
    """Half of them probabilities, half any bits at all."""
    random = np.random.default_rng(5)
    bits = random.integers(0, 2**32, 60_000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    probabilities = (1 / (1 + np.exp(random.normal(size=60_000) * 8))).astype(np.float32)
    values = np.concatenate([bits[np.isfinite(bits)], probabilities])
    assert accelerator.format_csv(values).decode().split() == values.astype(str).tolist()


@given(
    st.lists(
        st.tuples(*[st.floats(width=32, allow_nan=False, allow_infinity=False)] * 3), min_size=1
    )
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_rows_of_several_answers_are_written_as_by_numpy(
    accelerator: Any, rows: list[tuple[float, float, float]]
) -> None:
    """Probabilities of classes: a line or an array for each row."""
    values = np.array(rows, dtype=np.float32)
    _check(accelerator, values)
    _check(accelerator, values[:, 0])
    _check(accelerator, values.T)


@pytest.mark.parametrize(
    "values",
    [
        np.array([1.0, np.nan], np.float32),
        np.array([[1.0], [-np.inf]], np.float32),
        np.array([1.0]),
        np.array([1]),
        np.zeros((0,), np.float32),
        np.zeros((2, 0), np.float32),
        np.zeros((1, 1, 1), np.float32),
    ],
)
def test_what_is_no_table_of_finite_floats_is_left_to_the_reference(
    accelerator: Any, values: np.ndarray
) -> None:
    """Classes, labels and contributions have a shape or a type of their own."""
    assert accelerator.format_csv(values) is None
    assert accelerator.format_json(values) is None
