"""CSV of numbers: a fast way for plain tables, and a reference that reads whatever is allowed.

A record is a line; fields may be quoted, but hold no line end. Both ways turn text into doubles,
correctly rounded, and those into 32-bit floats.
"""

import csv
import io
import math
from array import array

import numpy as np

from inference_errors import RecordError
from inference_fields import HAS_ARROW, SMALL, parse_in_blocks, read_fields
from inference_table import MISSING, Record, Rows


def parse_csv(body: str | bytes) -> Rows | None:
    """Read a plain table of numbers.

    Args:
        body: The text.

    Returns:
        The rows; None if this is no plain table, or has a fault: `read_csv` then knows more.
    """
    if len(body) < SMALL or not HAS_ARROW:
        return _parse_few(body)
    if not body.isascii():
        return None
    text = body.encode() if isinstance(body, str) else body
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    return parse_in_blocks(text.removesuffix(b"\n"), b"\n", _parse_lines)


def _parse_lines(text: bytes) -> Rows | None:
    text += b"\n"
    separators = b"," * text.count(b",", 0, text.index(b"\n")) + b"\n"
    width = len(separators)
    codes = np.frombuffer(text, np.uint8)
    ends = ((codes == ord(",")) | (codes == ord("\n"))).nonzero()[0]
    # The separators must be those of so many equal rows.
    if codes.take(ends).tobytes() != separators * (len(ends) // width):
        return None
    # Without separators, each field ends earlier by as many as there were before.
    places = (ends - np.arange(len(ends))).reshape(-1, width)
    fields = text.translate(None, b",\n")
    return read_fields(fields, places, missing="", spaces=b" " in fields)


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
