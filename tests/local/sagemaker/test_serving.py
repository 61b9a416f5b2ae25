"""Endpoints serve real predictions of a real process."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="module")
def endpoint(hosting: Any) -> str:
    """An endpoint with one instance."""
    name: str = hosting.serve("live")
    return name


def test_predictions_are_those_of_xgboost_itself(hosting: Any, endpoint: str) -> None:
    """What comes over the endpoint equals `Booster.predict` in float32, bit for bit."""
    answer = hosting.runtime.invoke_endpoint(
        EndpointName=endpoint, ContentType="text/csv", Body=hosting.model.csv
    )
    found = np.array(answer["Body"].read().decode().split(), dtype=np.float32)
    assert np.array_equal(found, hosting.model.expected)
    assert answer["ContentType"] == "text/csv; charset=utf-8"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
