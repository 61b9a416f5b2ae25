"""The project's handler and the trained model on both servers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xgboost
from handler_cases import CSV, JSON, MODEL, NUMBERS, REQUESTS, ROOT, TABLE
from wire import exchange, invoke

if TYPE_CHECKING:
    from conftest import Pair

SERVING = ROOT / "model_code" / "serving"


@pytest.fixture(
    scope="module", params=["plain", pytest.param("accelerated", marks=pytest.mark.long)]
)
def pair(
    request: pytest.FixtureRequest,
    start: Callable[..., Pair],
    tmp_path_factory: pytest.TempPathFactory,
) -> Pair:
    """Both servers with what is packed for an endpoint, unpacked."""
    unpacked = tmp_path_factory.mktemp("artifact")
    shutil.copy(MODEL / "xgboost-model", unpacked)
    shutil.copytree(SERVING, unpacked / "code", ignore=shutil.ignore_patterns("__pycache__"))
    if request.param == "accelerated":
        for library in _libraries():
            shutil.copy(library, unpacked / "code")
    pair = start(unpacked)
    for server in (pair.real, pair.local):
        said = "true" if request.param == "accelerated" else "false"
        assert f'"accelerated": {said}' in server.log.read_text()
    return pair


def _libraries() -> list[Path]:
    output = ROOT / "build" / "accelerator"
    build = ROOT / "model_code" / "accelerator" / "build.py"
    command = [sys.executable, str(build), "--output", str(output)]
    # Libraries of earlier sources may lie beside those that it names.
    built = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return [ROOT / line for line in built.stdout.splitlines()]


@pytest.mark.parametrize("name", REQUESTS)
def test_the_handler_answers_alike_on_both(pair: Pair, name: str) -> None:
    """Status, type, attributes and body, of good requests and of bad ones."""
    real, local = pair.exchange(REQUESTS[name])
    assert local == real


@pytest.mark.parametrize("name", REQUESTS)
def test_no_request_of_a_caller_is_a_failure_of_the_server(pair: Pair, name: str) -> None:
    """What a caller does wrong is a 4xx on the image's stack, never a 5xx."""
    assert 200 <= exchange(pair.real.port, REQUESTS[name]).status < 500


@pytest.mark.parametrize("content_type", [CSV, "text/csv; charset=utf-8", JSON])
def test_predictions_through_the_stack_are_those_of_xgboost(pair: Pair, content_type: str) -> None:
    """Read as 32-bit floats, each number is the one of `Booster.predict`, to the last bit."""
    body = json.dumps(NUMBERS) if content_type == JSON else TABLE
    answered = exchange(pair.real.port, invoke(body, content_type, CSV))
    assert answered.content_type == "text/csv; charset=utf-8"
    assert answered.body.endswith(b"\n")
    booster = xgboost.Booster(model_file=bytearray((MODEL / "xgboost-model").read_bytes()))
    expected = booster.predict(xgboost.DMatrix(np.array(NUMBERS), nthread=1))
    got: Any = np.array(answered.body.split(), dtype=np.float32)
    assert np.array_equal(got.view(np.uint32), expected.view(np.uint32))
