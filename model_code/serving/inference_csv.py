"""CSV of numbers: a fast way for plain tables, and a reference that reads whatever is allowed.

A record is a line; fields may be quoted, but hold no line end. Both ways turn text into doubles,
correctly rounded, and those into 32-bit floats.
"""

import csv
import io
import math
from array import array

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from inference_errors import RecordError
from inference_table import MISSING, Record, Rows

# From about here on pyarrow's fixed costs are less than what it saves.
_SMALL = 5_000
_NOT_SEPARATORS = bytes(byte for byte in range(256) if byte not in b",\n")
_IN_NUMBERS = b"0123456789.+-eEnaN "
# All fields are one column: pyarrow's costs are per column, and the numbers come out in order.
_READ = pacsv.ReadOptions(use_threads=False, column_names=["field"], block_size=16 << 20)
_PARSE = pacsv.ParseOptions(
    delimiter="\t",
    quote_char=False,
    double_quote=False,
    escape_char=False,
    ignore_empty_lines=False,
)
_CONVERT = pacsv.ConvertOptions(
    column_types={"field": pa.float64()}, null_values=[""], check_utf8=False
)


def parse_csv(body: str | bytes) -> Rows | None:
    """Read a plain table of numbers.

    Args:
        body: The text.

    Returns:
        The rows; None if this is no plain table, or has a fault: `read_csv` then knows more.
    """
    if isinstance(body, str):
        # An ASCII string is copied as it is.
        if not body.isascii():
            return None
        text = body.encode()
    else:
        text = body
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    if not text.endswith(b"\n"):
        text += b"\n"
    separators = b"," * text.count(b",", 0, text.index(b"\n")) + b"\n"
    small = len(text) < _SMALL
    # Whatever is left without the numbers must be the separators of so many equal rows.
    rest = text.translate(None, _NOT_SEPARATORS if small else _IN_NUMBERS)
    count = len(rest) // len(separators)
    if rest != separators * count:
        return None
    shape = (count, len(separators))
    return _parse_few(text, shape) if small else _parse_many(text, shape)


def _parse_few(text: bytes, shape: tuple[int, int]) -> Rows | None:
    # float() reads what CSV of numbers does not mean: 1_000, and digits of other scripts.
    if b"_" in text or not text.isascii():
        return None
    fields = text[:-1].decode().replace("\n", ",").split(",")
    try:
        numbers = array("f", [*map(float, fields)])
    except ValueError:
        return None
    rows = np.frombuffer(numbers, np.float32).reshape(shape)
    # A sum in Python is cheaper than a function of numpy, and finite if all numbers are.
    if not math.isfinite(sum(numbers)) and np.isinf(rows).any():
        return None
    return rows


def _parse_many(text: bytes, shape: tuple[int, int]) -> Rows | None:
    try:
        table = pacsv.read_csv(pa.BufferReader(text.replace(b",", b"\n")), _READ, _PARSE, _CONVERT)
    except pa.ArrowInvalid:
        return None
    numbers = table.column(0).to_numpy()
    if len(numbers) != shape[0] * shape[1]:
        return None
    with np.errstate(over="ignore"):
        rows = numbers.astype(np.float32).reshape(shape)
    return None if np.isinf(rows).any() else rows


def read_csv(text: str) -> list[Record | RecordError]:
    """Read CSV record by record.

    Args:
        text: The body.

    Returns:
        The numbers of each line, or why they cannot be read.
    """
    lines = text.removesuffix("\n").replace("\r\n", "\n").removesuffix("\r").split("\n")
    return [_record(line) for line in lines]


def _record(line: str) -> Record | RecordError:
    # Where a body is not valid, there is U+FFFD now: the container decodes some itself.
    if "\ufffd" in line:
        return RecordError("the line is not valid UTF-8")
    try:
        fields = _quoted(line) if '"' in line else line.split(",")
        return [_number(column, field) for column, field in enumerate(fields, 1)]
    except RecordError as error:
        return error


def _quoted(line: str) -> list[str]:
    try:
        [fields] = csv.reader(io.StringIO(line), strict=True, skipinitialspace=True)
    except (csv.Error, ValueError):
        raise RecordError("the line has a quoted field that does not end as it should") from None
    return fields


def _number(column: int, field: str) -> float:
    # float() reads what CSV of numbers does not mean: 1_000, and digits of other scripts.
    if field.isascii() and "_" not in field:
        try:
            return float(field)
        except ValueError:
            if not field.strip():
                return MISSING
    raise RecordError(
        f"column {column}: expected a number, NaN or an empty field, found text (a header row is "
        "not read, leave it out)"
    )
