"""What does not start, what ends and what takes too long, on both servers."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from serving_pair import ROOT, SERVING_PYTHON, real_stack
from wire import Answered, exchange, invoke, send

if TYPE_CHECKING:
    from conftest import Pair, Start

pytestmark = pytest.mark.long

Artifact = Callable[[str], Path]
PING = send("GET", "/ping")
MODEL = ROOT / "build" / "model" / "xgboost-model"
HELDOUT = ROOT / "build" / "model" / "heldout.csv"
MODEL_ONLY = """
import xgboost

def model_fn(model_dir):
    return xgboost.Booster(model_file=model_dir + "/xgboost-model")
"""
SLOW = """
import os, time

def model_fn(model_dir):
    with open(os.path.join(model_dir, "loads"), "a") as file:
        file.write("1")

def transform_fn(model, body, content_type, accept):
    if body == "exit":
        os._exit(1)
    if body.startswith("sleep"):
        time.sleep(float(body.split()[1]))
    loads = os.path.getsize(os.path.join(os.environ["SM_MODEL_DIR"], "loads"))
    return str(loads), "text/plain"
"""


@pytest.mark.parametrize(
    "source",
    [
        "def model_fn(model_dir):\n    raise ValueError('unreadable')",
        "def transform_fn(*a): ...\ndef input_fn(*a): ...\ndef model_fn(d): ...",
        "",
    ],
    ids=["model_fn fails", "handlers exclude each other", "no handler at all"],
)
def test_a_worker_that_cannot_load_answers_each_ping_with_the_same_page(
    start: Start, artifact: Artifact, source: str
) -> None:
    """Gunicorn's 500, and the server goes on."""
    pair = start(artifact(source), ping=False)
    for _ in range(2):
        real, local = pair.exchange(PING)
        assert local == real
        assert real.status == 500
        assert b"<h1><p>Internal Server Error</p></h1>" in real.body


@pytest.fixture(scope="module")
def defaults(start: Start, artifact: Artifact) -> Pair:
    """Servers whose module has `model_fn` alone."""
    directory = artifact(MODEL_ONLY)
    shutil.copy(MODEL, directory)
    return start(directory)


@pytest.mark.parametrize("accept", [None, "application/json", "text/csv", "application/x-npy"])
def test_the_defaults_read_csv_and_write_three_types(defaults: Pair, accept: str | None) -> None:
    """Rows without a last line end, as the image's decoder wants them."""
    body = HELDOUT.read_text().strip()
    real, local = defaults.exchange(invoke(body, "text/csv", accept))
    assert local == real
    assert real.status == 200


@pytest.mark.parametrize(
    ("content_type", "accept"),
    [("application/json", None), ("text/csv", "text/plain"), ("application/xml", "text/csv")],
)
def test_the_defaults_fail_on_other_types(
    defaults: Pair, content_type: str, accept: str | None
) -> None:
    """500 for all of them: the library's 415 and 406 do not get through."""
    real, local = defaults.exchange(invoke("1,2", content_type, accept))
    assert local == real
    assert real.status == 500


def test_each_worker_loads_the_model_in_its_first_request(start: Start, artifact: Artifact) -> None:
    """A ping warms one of two workers; busy with one request, the other loads for the next."""
    pair = start(artifact(SLOW), SAGEMAKER_MODEL_SERVER_WORKERS="2")
    for port in (pair.real.port, pair.local.port):
        # Mostly the worker that answered the ping; else the other one has loaded just now.
        loads = [exchange(port, invoke("x", "text/csv"))]
        assert loads[0].body in {b"1", b"2"}

        def ask(port: int = port, loads: list[Answered] = loads) -> None:
            loads.append(exchange(port, invoke("sleep 0.5", "text/csv")))

        while max(int(answer.body) for answer in loads) < 2:
            threads = [threading.Thread(target=ask) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(loads) < 100, "the second worker never got a request"


def test_a_worker_that_ends_is_a_bad_gateway_and_comes_back(
    start: Start, artifact: Artifact
) -> None:
    """502 for its request; a new worker answers the next one."""
    pair = start(artifact(SLOW))
    real, local = pair.exchange(invoke("exit", "text/csv"))
    assert local == real
    assert real.status == 502
    for port in (pair.real.port, pair.local.port):
        answers = [exchange(port, invoke("x", "text/csv")).status for _ in range(100)]
        assert answers[-1] == 200


def test_an_answer_that_takes_too_long_is_a_gateway_timeout(
    start: Start, artifact: Artifact
) -> None:
    """504 after SAGEMAKER_MODEL_SERVER_TIMEOUT seconds."""
    pair = start(artifact(SLOW), SAGEMAKER_MODEL_SERVER_TIMEOUT="2")
    real, local = pair.exchange(invoke("sleep 30", "text/csv"))
    assert local == real
    assert real.status == 504


def test_a_module_that_does_not_import_ends_the_server(artifact: Artifact, start: Start) -> None:
    """The real server does not come up either; its log names the module."""
    with (
        pytest.raises(RuntimeError, match="No module named 'nothing_here'"),
        real_stack(artifact("import nothing_here"), python=SERVING_PYTHON),
    ):
        pass
