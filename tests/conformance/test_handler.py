"""The project's handler and the trained model on both servers."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import xgboost
from wire import exchange, invoke, send

if TYPE_CHECKING:
    from conftest import Pair

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "build" / "model"
SERVING = ROOT / "model_code" / "serving"
CSV, JSON = "text/csv", "application/json"

_LINES = (MODEL / "heldout.csv").read_text().splitlines() if MODEL.exists() else [""]
_ROW = _LINES[0]
_FIELDS = _ROW.split(",")
_TABLE = "\n".join(_LINES) + "\n"
_NUMBERS = [[float(field) for field in line.split(",")] for line in _LINES]
_WIDTH = len(_FIELDS)


def _npy(values: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=True)
    return buffer.getvalue()


def _table() -> Any:
    columns = np.array(_NUMBERS, dtype=np.float32).T
    return pa.table({f"f{n}": column for n, column in enumerate(columns)})


def _parquet() -> bytes:
    buffer = io.BytesIO()
    pa.parquet.write_table(_table(), buffer)
    return buffer.getvalue()


def _arrow() -> bytes:
    buffer, table = io.BytesIO(), _table()
    with pa.ipc.new_stream(buffer, table.schema) as stream:
        stream.write_table(table)
    return buffer.getvalue()


BODIES: dict[str, tuple[bytes | str, str | None]] = {
    "one row": (_ROW, CSV),
    "all rows": (_TABLE, CSV),
    "carriage returns": (_TABLE.replace("\n", "\r\n"), CSV),
    "parameters": (_TABLE, "text/csv; charset=utf-8"),
    "header=present": (_TABLE, "text/csv; header=present"),
    "capitals": (_TABLE, "TEXT/CSV"),
    "another charset": (_ROW.encode("utf-16"), "text/csv; charset=utf-16"),
    "quoted": (",".join(f'"{field}"' for field in _FIELDS), CSV),
    "missing values": ("," * (_WIDTH - 1) + "\n" + ",".join(["NaN"] * _WIDTH), CSV),
    "spaces": (_ROW.replace(",", " , "), CSV),
    "a byte order mark": (f"\ufeff{_ROW}", CSV),
    "a column too few": (",".join(_FIELDS[1:]), CSV),
    "a column too many": (f"{_ROW},1", CSV),
    "ragged rows": (f"{_ROW}\n1,2", CSV),
    "an empty line": (f"{_ROW}\n\n{_ROW}", CSV),
    "a header": (",".join(f"f{n}" for n in range(_WIDTH)) + f"\n{_ROW}", CSV),
    "text": ("hello", CSV),
    "an underscore": (_ROW.replace(_FIELDS[0], "1_0", 1), CSV),
    "infinity": (_ROW.replace(_FIELDS[0], "inf", 1), CSV),
    "beyond a float": (_ROW.replace(_FIELDS[0], "1e39", 1), CSV),
    "an open quote": (f'"{_ROW}', CSV),
    "nothing": ("", CSV),
    "white space": (" \n\n", CSV),
    "invalid UTF-8": (b"\xff" + _ROW.encode(), CSV),
    "invalid UTF-8 as bytes": (b"\xff" + _ROW.encode(), "text/csv; charset=utf-8"),
    "a NUL": (b"\x00" + _ROW.encode(), CSV),
    "6 MB": (_TABLE * (6_000_000 // len(_TABLE)), CSV),
    "JSON rows": (json.dumps(_NUMBERS), JSON),
    "JSON without type": (json.dumps(_NUMBERS), None),
    "a JSON row": (json.dumps(_NUMBERS[0]), JSON),
    "JSON instances": (json.dumps({"instances": _NUMBERS}), JSON),
    "JSON features": (json.dumps({"instances": [{"features": _NUMBERS[0]}]}), JSON),
    "JSON nulls": (json.dumps([[None] * _WIDTH]), JSON),
    "JSON NaN": (f"[[{', '.join(['NaN'] * _WIDTH)}]]", JSON),
    "JSON text": ('"hello"', JSON),
    "JSON of text": (json.dumps([["a"] * _WIDTH]), JSON),
    "JSON booleans": (json.dumps([[True] * _WIDTH]), JSON),
    "JSON object": ('{"rows": []}', JSON),
    "JSON cut off": ("[[1, 2", JSON),
    "JSON nested": ("[" * 100_000, JSON),
    "empty JSON": ("[]", JSON),
    "CSV as JSON": (_ROW, JSON),
    "JSON as CSV": (json.dumps(_NUMBERS), CSV),
    "JSON Lines": ("\n".join(json.dumps(row) for row in _NUMBERS), "application/jsonlines"),
    "JSON Lines, a broken one": ("[1, 2\n", "application/jsonlines"),
    "LIBSVM": (" ".join(f"{n}:{field}" for n, field in enumerate(_FIELDS)), "text/libsvm"),
    "LIBSVM that is none": ("a:b", "text/libsvm"),
    "npy": (_npy(np.array(_NUMBERS, dtype=np.float32)), "application/x-npy"),
    "npy of doubles": (_npy(np.array(_NUMBERS)), "application/x-npy"),
    "npy of objects": (_npy(np.array([{}])), "application/x-npy"),
    "npy that is none": (b"\x93NUMPY", "application/x-npy"),
    "Parquet": (_parquet(), "application/x-parquet"),
    "Parquet that is none": (b"PAR1", "application/x-parquet"),
    "Arrow": (_arrow(), "application/vnd.apache.arrow.stream"),
    "Arrow that is none": (b"\xff\xff\xff\xff", "application/vnd.apache.arrow.stream"),
    "an unknown type": (_ROW, "application/xml"),
    "no type of media": (_ROW, "csv"),
}
ACCEPTS = [
    *(None, CSV, JSON, "*/*", "text/*", "application/*", "TEXT/CSV", "text/csv; charset=utf-8"),
    *("text/csv;q=0.5, application/json", "application/json;q=0.1, text/csv", "application/xml"),
    *("text/csv;q=0", "*/*;q=0", "nonsense", "application/xml, */*;q=0.1"),
    *("application/jsonlines", "application/x-npy"),
]
REQUESTS = {
    **{f"body: {name}": invoke(body, kind, CSV) for name, (body, kind) in BODIES.items()},
    **{f"accept: {accept}": invoke(_TABLE, CSV, accept) for accept in ACCEPTS},
    **{
        f"attributes: {attributes}": send(
            *("POST", "/invocations", f"Content-Type: {CSV}", f"Accept: {CSV}"),
            f"X-Amzn-SageMaker-Custom-Attributes: {attributes}",
            body=_TABLE,
        )
        for attributes in ("output=class", "output=contributions", "output=nonsense", "é;=")
    },
    "ping": send("GET", "/ping"),
}


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
    subprocess.run([sys.executable, str(build), "--output", str(output)], check=True)
    return sorted(output.rglob("libaccelerator-*.so"))


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
    body = json.dumps(_NUMBERS) if content_type == JSON else _TABLE
    answered = exchange(pair.real.port, invoke(body, content_type, CSV))
    assert answered.content_type == "text/csv; charset=utf-8"
    assert answered.body.endswith(b"\n")
    booster = xgboost.Booster(model_file=bytearray((MODEL / "xgboost-model").read_bytes()))
    expected = booster.predict(xgboost.DMatrix(np.array(_NUMBERS), nthread=1))
    got: Any = np.array(answered.body.split(), dtype=np.float32)
    assert np.array_equal(got.view(np.uint32), expected.view(np.uint32))
