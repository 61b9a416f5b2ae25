"""What text means and how floats are written, in as plain a way as there is."""

import json
import math

import numpy as np
import numpy.typing as npt

_BLANKS = " \t\n\r\x0b\x0c"


def read_csv(text: str) -> npt.NDArray[np.float32] | None:
    """Read a table of numbers by Python's own float, one after the other.

    Args:
        text: The body of a request.

    Returns:
        The rows; None if it is no table of finite 32-bit numbers.
    """
    if not text.strip():
        return None
    if text.endswith("\n"):
        text = text[:-1]
    if text.endswith("\r"):
        text = text[:-1]
    rows = [
        [_number(field) for field in line.split(",")]
        for line in text.replace("\r\n", "\n").split("\n")
    ]
    if any(len(row) != len(rows[0]) or None in row for row in rows):
        return None
    return np.array([[np.float32(number) for number in row] for row in rows], np.float32)


def _number(field: str) -> float | None:
    field = field.strip(_BLANKS)
    if not field:
        return math.nan
    if "_" in field or not field.isascii():
        return None
    try:
        number = float(field)
    except ValueError:
        return None
    return None if abs(number) > float(np.finfo(np.float32).max) else number


def read_json(text: str) -> npt.NDArray[np.float32] | None:
    """Read an array of arrays of numbers by Python's own json, also under `instances`.

    Args:
        text: The body of a request.

    Returns:
        The rows; None if it is no table of finite 32-bit numbers.
    """
    try:
        document = json.loads(text, parse_int=float)
    except (ValueError, RecursionError):
        return None
    if isinstance(document, dict):
        document = document.get("instances")
    return _table(document)


def read_jsonlines(text: str) -> npt.NDArray[np.float32] | None:
    """Read an array of numbers on each line; see `read_json`."""
    text = text.removesuffix("\n").replace("\r\n", "\n").removesuffix("\r")
    try:
        return _table([json.loads(line, parse_int=float) for line in text.split("\n")])
    except (ValueError, RecursionError):
        return None


def _table(rows: object) -> npt.NDArray[np.float32] | None:
    if not isinstance(rows, list) or not rows:
        return None
    largest = float(np.finfo(np.float32).max)
    table = []
    for row in rows:
        if not isinstance(row, list) or len(row) != len(rows[0]) or not row:
            return None
        for value in row:
            if not (value is None or type(value) is float) or abs(value or 0) > largest:
                return None
        table.append([np.float32(math.nan if value is None else value) for value in row])
    return np.array(table, np.float32)


def write_csv(values: npt.NDArray[np.float32]) -> str:
    """Write answers by numpy's own text, a line per row."""
    return "".join(",".join(map(_text, np.atleast_1d(row))) + "\n" for row in values)


def write_json(values: npt.NDArray[np.float32]) -> str:
    """Write answers by numpy's own text, as an array or an array of arrays."""
    rows = [_text(row) if row.ndim == 0 else f"[{', '.join(map(_text, row))}]" for row in values]
    return f"[{', '.join(rows)}]"


def _text(value: np.float32) -> str:
    return str(np.asarray(value).astype(str))
