"""CSV of numbers: a fast way for plain tables, and a reference that reads whatever is allowed.

A record is a line; fields may be quoted, but hold no line end. Both ways turn text into doubles,
correctly rounded, and those into 32-bit floats.
"""

import csv
import io
import math
from array import array

import numpy as np

try:
    import pyarrow as pa
    import pyarrow.compute as pc

    # Called without the wrappers of `pyarrow.compute`, which cost as much as a few rows.
    _split = pc.get_function("split_pattern")
    _cast = pc.get_function("cast")
    _AT_COMMAS = pc.SplitPatternOptions(",")
    _TO_DOUBLE = pc.CastOptions.safe(pa.float64())
except ImportError:  # an image without it: everything counts as small
    pa = None

from inference_errors import RecordError
from inference_table import MISSING, Record, Rows

# From about here on pyarrow's fixed costs are less than what it saves.
_SMALL = 3_000
_IN_NUMBERS = b"0123456789.+-eEnaN "


def parse_csv(body: str | bytes) -> Rows | None:
    """Read a plain table of numbers.

    Args:
        body: The text.

    Returns:
        The rows; None if this is no plain table, or has a fault: `read_csv` then knows more.
    """
    if len(body) < _SMALL or pa is None:
        return _parse_few(body)
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
    # Whatever is left without the numbers must be the separators of so many equal rows.
    rest = text.translate(None, _IN_NUMBERS)
    count = len(rest) // len(separators)
    if rest != separators * count:
        return None
    return _parse_many(text, (count, len(separators)))


def _parse_few(body: str | bytes) -> Rows | None:
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    # float() reads what CSV of numbers does not mean: 1_000, and digits of other scripts.
    if "_" in text or not text.isascii():
        return None
    lines = text.removesuffix("\n").split("\n")
    commas = lines[0].count(",")
    if len(lines) > 1 and any(line.count(",") != commas for line in lines):
        return None
    try:
        numbers = array("f", [*map(float, ",".join(lines).split(","))])
    except ValueError:
        return None
    # A sum in Python is cheaper than a function of numpy, and finite if all numbers are.
    if not math.isfinite(sum(numbers)) and math.inf in map(abs, numbers):
        return None
    return np.frombuffer(numbers, np.float32).reshape(len(lines), commas + 1)


def _parse_many(text: bytes, shape: tuple[int, int]) -> Rows | None:
    # One string, that is split where it is: neither a Python object nor a column per field.
    line = pa.scalar(text[:-1].replace(b"\n", b","), pa.string())
    fields = _split.call([line], _AT_COMMAS).values
    if b" " in text:
        fields = pc.ascii_trim(fields, " ")
    try:
        numbers = _cast.call([fields], _TO_DOUBLE)
    except pa.ArrowInvalid:
        try:
            numbers = _cast.call([pc.if_else(pc.equal(fields, ""), None, fields)], _TO_DOUBLE)
        except pa.ArrowInvalid:
            return None
    with np.errstate(over="ignore"):
        rows = numbers.to_numpy(zero_copy_only=False).astype(np.float32).reshape(shape)
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
