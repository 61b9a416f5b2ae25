"""Request bodies to rows of numbers, and answers to response bodies."""

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from inference_errors import UNSUPPORTED_MEDIA_TYPE, RequestError

Rows = npt.NDArray[np.float32]

_CHARSETS = {"utf-8", "utf8", "us-ascii", "ascii"}
_MISSING = math.nan
_LARGEST = float(np.finfo(np.float32).max)


def parse(body: str | bytes | bytearray, content_type: str | None) -> Rows:
    """Read a request body.

    Args:
        body: As the container hands it over: `str` for exactly `text/csv` and `application/json`,
            bytes for any other spelling of them.
        content_type: The header, with its parameters. None or empty counts as JSON, as
            in the image.

    Returns:
        One row per record, NaN where a value is missing.

    Raises:
        RequestError: With 415 for a type that is not read, with 400 for a body that is not of its
            type, or not a table of numbers.
    """
    media_type, _, parameters = (content_type or "application/json").partition(";")
    parser = PARSERS.get(media_type.strip().lower())
    if parser is None:
        raise RequestError(
            f"unsupported content type: expected one of {', '.join(PARSERS)}",
            UNSUPPORTED_MEDIA_TYPE,
        )
    _check_charset(parameters)
    text = _decode(body)
    if not text.strip():
        raise RequestError("the body is empty: expected at least one row")
    return _table(parser(text))


def format_csv(values: npt.NDArray[Any]) -> str:
    """Write answers as CSV, a line per row, each with its line end.

    Without the last line end, batch transform would fuse the last row of one mini-batch with the
    first of the next.
    """
    lines = values.astype(str).tolist()
    return "".join(f"{line if values.ndim == 1 else ','.join(line)}\n" for line in lines)


def format_json(values: npt.NDArray[Any]) -> str:
    """Write answers as a JSON array, of numbers or of arrays of numbers.

    Numbers have as many digits as a 32-bit float needs, the same as in CSV.

    Raises:
        ValueError: An answer is NaN or infinite, which JSON cannot hold.
    """
    if not np.isfinite(values).all():
        raise ValueError("the model's answer is not finite")
    lines = values.astype(str).tolist()
    if values.ndim == 1:
        return f"[{', '.join(lines)}]"
    rows = (f"[{', '.join(line)}]" for line in lines)
    return f"[{', '.join(rows)}]"


def _check_charset(parameters: str) -> None:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        charset = value.strip().strip('"').lower()
        if name.strip().lower() == "charset" and charset not in _CHARSETS:
            raise RequestError("unsupported charset: expected utf-8", UNSUPPORTED_MEDIA_TYPE)


def _decode(body: str | bytes | bytearray) -> str:
    if not isinstance(body, str):
        try:
            body = body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise RequestError(f"the body is not valid UTF-8 (byte {error.start})") from None
    # The container decodes some bodies itself, and puts U+FFFD where they are not valid.
    if "\ufffd" in body:
        raise RequestError("the body is not valid UTF-8")
    return body.removeprefix("\ufeff")


def _table(records: Sequence[Sequence[float]]) -> Rows:
    width = len(records[0])
    for number, record in enumerate(records, 1):
        if len(record) != width:
            raise RequestError(
                f"row {number} has {len(record)} columns, and row 1 has {width}: all must be alike"
            )
    if width == 0:
        raise RequestError("row 1 is empty: expected numbers")
    wide = np.array(records, dtype=np.float64)
    # XGBoost fails on infinity, and a double beyond the range of a float would become one.
    out_of_range = np.abs(wide) > _LARGEST
    if out_of_range.any():
        row, column = np.argwhere(out_of_range)[0] + 1
        raise RequestError(f"row {row}, column {column}: the number is not a finite 32-bit float")
    return wide.astype(np.float32)


def _parse_csv(text: str) -> list[list[float]]:
    return [_numbers(number, fields) for number, fields in enumerate(_records(text), 1)]


def _records(text: str) -> Iterable[list[str]]:
    if '"' not in text:
        lines = text.removesuffix("\n").replace("\r\n", "\n").removesuffix("\r").split("\n")
        return [line.split(",") for line in lines]
    try:
        # An empty line is a row with one missing value, which csv would leave out.
        return [
            fields or [""]
            for fields in csv.reader(io.StringIO(text), strict=True, skipinitialspace=True)
        ]
    except csv.Error:
        raise RequestError("the CSV has a quoted field that does not end as it should") from None


def _numbers(number: int, fields: list[str]) -> list[float]:
    try:
        # float() reads what CSV of numbers does not mean: 1_000, and digits of other scripts.
        if all(field.isascii() and "_" not in field for field in fields):
            return [float(field) for field in fields]
    except ValueError:
        pass
    return [_number(number, column, field) for column, field in enumerate(fields, 1)]


def _number(row: int, column: int, field: str) -> float:
    field = field.strip()
    if not field:
        return _MISSING
    if field.isascii() and "_" not in field:
        try:
            return float(field)
        except ValueError:
            pass
    header = "; a header row is not read, leave it out" if row == 1 else ""
    raise RequestError(
        f"row {row}, column {column}: expected a number, NaN or an empty field, found text{header}"
    )


def _parse_json(text: str) -> list[list[float]]:
    try:
        # Numbers without a point are floats as well; and no limit on the digits of an int applies.
        document = json.loads(text, parse_int=float)
    except RecursionError:
        raise RequestError("the JSON is nested too deeply") from None
    except ValueError as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise RequestError(f"the body is not valid JSON{where}") from None
    if isinstance(document, dict):
        if "instances" not in document:
            raise RequestError(
                'the JSON object has no "instances": expected {"instances": [[…], …]}'
            )
        document = document["instances"]
    if not isinstance(document, list) or not document:
        raise RequestError("expected a JSON array with at least one row")
    if not any(isinstance(item, list | dict) for item in document):
        document = [document]
    return [_json_row(number, row) for number, row in enumerate(document, 1)]


def _json_row(number: int, row: object) -> list[float]:
    if isinstance(row, dict) and list(row) == ["features"]:
        row = row["features"]
    if not isinstance(row, list):
        raise RequestError(f"row {number} is not an array of numbers")
    for column, value in enumerate(row, 1):
        if not (value is None or type(value) is float):
            raise RequestError(
                f"row {number}, column {column}: expected a number or null, found something else"
            )
    return [_MISSING if value is None else value for value in row]


PARSERS: dict[str, Callable[[str], list[list[float]]]] = {
    "text/csv": _parse_csv,
    "application/json": _parse_json,
}
FORMATTERS: dict[str, Callable[[npt.NDArray[Any]], str]] = {
    "application/json": format_json,
    "text/csv": format_csv,
}
