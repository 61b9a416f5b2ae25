"""The requests that the project's handler gets on both servers."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from wire import invoke, send

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "build" / "model"
CSV, JSON = "text/csv", "application/json"

_LINES = (MODEL / "heldout.csv").read_text().splitlines() if MODEL.exists() else [""]
_ROW = _LINES[0]
_FIELDS = _ROW.split(",")
TABLE = "\n".join(_LINES) + "\n"
NUMBERS = [[float(field) for field in line.split(",")] for line in _LINES]
_WIDTH = len(_FIELDS)


def _npy(values: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=True)
    return buffer.getvalue()


def _table() -> Any:
    columns = np.array(NUMBERS, dtype=np.float32).T
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
    "all rows": (TABLE, CSV),
    "carriage returns": (TABLE.replace("\n", "\r\n"), CSV),
    "parameters": (TABLE, "text/csv; charset=utf-8"),
    "header=present": (TABLE, "text/csv; header=present"),
    "capitals": (TABLE, "TEXT/CSV"),
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
    "6 MB": (TABLE * (6_000_000 // len(TABLE)), CSV),
    "JSON rows": (json.dumps(NUMBERS), JSON),
    "JSON without type": (json.dumps(NUMBERS), None),
    "a JSON row": (json.dumps(NUMBERS[0]), JSON),
    "JSON instances": (json.dumps({"instances": NUMBERS}), JSON),
    "JSON features": (json.dumps({"instances": [{"features": NUMBERS[0]}]}), JSON),
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
    "JSON as CSV": (json.dumps(NUMBERS), CSV),
    "JSON Lines": ("\n".join(json.dumps(row) for row in NUMBERS), "application/jsonlines"),
    "JSON Lines, a broken one": ("[1, 2\n", "application/jsonlines"),
    "LIBSVM": (" ".join(f"{n}:{field}" for n, field in enumerate(_FIELDS)), "text/libsvm"),
    "LIBSVM that is none": ("a:b", "text/libsvm"),
    "npy": (_npy(np.array(NUMBERS, dtype=np.float32)), "application/x-npy"),
    "npy of doubles": (_npy(np.array(NUMBERS)), "application/x-npy"),
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
    **{f"accept: {accept}": invoke(TABLE, CSV, accept) for accept in ACCEPTS},
    **{
        f"attributes: {attributes}": send(
            *("POST", "/invocations", f"Content-Type: {CSV}", f"Accept: {CSV}"),
            f"X-Amzn-SageMaker-Custom-Attributes: {attributes}",
            body=TABLE,
        )
        for attributes in ("output=class", "output=contributions", "output=nonsense", "é;=")
    },
    "ping": send("GET", "/ping"),
}
