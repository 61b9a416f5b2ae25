"""JSON and JSON Lines: a fast way for plain tables, and a reference that reads whatever is allowed.

Programs write an array of arrays of numbers regularly: everywhere the same separators. So a few
bytes per number tell whether all brackets, commas and spaces are where they belong, and how each
number begins and ends. That is checked, since what then reads the numbers reads more than JSON has.
"""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from inference_errors import RecordError, RequestError
from inference_fields import HAS_ARROW, SMALL, Places, parse_in_blocks, read_fields
from inference_table import MISSING, Record, Rows

_MINUS, _POINT, _SPACE = b"-. "
_DIGITS = "0123456789"
# What may follow what at the beginning of a number, of `null` or of `NaN`.
_FOLLOWERS = {
    **dict.fromkeys("123456789", f"{_DIGITS}.eE,]"),
    "0": ".eE,]",
    "-": _DIGITS,
    "n": "u",
    "N": "a",
}


def _pairs(followers: dict[str, str]) -> npt.NDArray[np.bool_]:
    allowed = np.zeros((256, 256), np.bool_)
    for first, seconds in followers.items():
        allowed[ord(first), [ord(second) for second in seconds]] = True
    return allowed.reshape(-1)


_BEGINNINGS = _pairs(_FOLLOWERS)
_DIGIT_BEHIND_ZERO = _pairs({"0": _DIGITS})


def parse_json(body: str | bytes) -> Rows | None:
    """Read a plain JSON array of arrays of numbers, or the same under `instances`.

    Args:
        body: The text.

    Returns:
        The rows; None if it is small, not plain, or has a fault: `read_json` then knows more.
    """
    if len(body) < SMALL or not HAS_ARROW or not body.isascii():
        return None
    text = body.encode() if isinstance(body, str) else body
    text = text.strip(b" \t\r\n")
    if text.startswith(b"{"):
        head, bracket, rest = text.partition(b"[")
        if b"".join(head.split()) != b'{"instances":' or not rest.endswith(b"}"):
            return None
        text = bracket + rest[:-1].rstrip(b" \t\r\n")
    if not (text.startswith(b"[") and text.endswith(b"]")):
        return None
    text = text[1:-1].replace(b"\n", b" ")
    return parse_in_blocks(text, b"],", lambda rows: _parse_rows(rows.lstrip(b" "), b","))


def parse_jsonlines(body: str | bytes) -> Rows | None:
    """Do for JSON Lines what `parse_json` does for JSON.

    Args:
        body: The text.

    Returns:
        The rows; None if it is small, not plain, or has a fault: `read_jsonlines` then knows more.
    """
    if len(body) < SMALL or not HAS_ARROW or not body.isascii():
        return None
    text = body.encode() if isinstance(body, str) else body
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    return parse_in_blocks(text.removesuffix(b"\n"), b"\n", lambda lines: _parse_rows(lines, b"\n"))


def _parse_rows(text: bytes, between: bytes) -> Rows | None:
    """Read arrays of numbers; between two of them is a comma or a line end."""
    if not (text.startswith(b"[") and text.endswith(b"]")):
        return None
    columns = text.count(b",", 0, text.index(b"]")) + 1
    codes = np.frombuffer(text, np.uint8)
    separator = codes == ord(",")
    if between != b",":
        separator |= codes == ord(between)
    # A field ends at a separator, or where the text does.
    ends = np.append(separator.nonzero()[0], len(text))
    rows = len(ends) // columns
    if len(ends) != rows * columns:
        return None
    # Behind a separator there is a space or none: within a row as in the first, and between rows.
    inner = int(columns > 1 and text[ends[0] + 1] == _SPACE)
    outer = int(rows > 1 and text[ends[columns - 1] + 1] == _SPACE)
    begins = np.zeros_like(ends)
    np.add(ends[:-1], 1 + inner, out=begins[1:])
    begins[columns::columns] += outer - inner
    begins[::columns] += 1  # the bracket
    before = b"[" + (b" " if inner else b",") * (columns - 1)
    if not (
        _at(codes, begins - 1) == before * rows
        and _at(codes, ends[columns - 1 :: columns] - 1) == b"]" * rows
        and (not outer or _at(codes, begins[columns::columns] - 2) == b" " * (rows - 1))
    ):
        return None
    if between != b"," and (
        text.count(between) != rows - 1
        or _at(codes, ends[columns - 1 : -1 : columns]) != between * (rows - 1)
    ):
        return None
    fields = text.translate(None, b"[], " + between)
    # What was removed before the end of each field, of which there is nothing but that.
    removed = np.arange(len(ends)) * (1 + inner) + 1
    places = (ends - removed).reshape(rows, columns)
    places -= np.arange(rows)[:, np.newaxis] * (2 + outer - inner)
    places[:, -1] -= 1
    if places[-1, -1] != len(fields) or not _are_json(codes, begins, fields, places):
        return None
    return read_fields(fields, places, missing="null")


def _at(codes: npt.NDArray[np.uint8], places: Places) -> bytes:
    # A place beyond the end is none that is looked for.
    return codes.take(places, mode="clip").tobytes()


def _are_json(codes: npt.NDArray[np.uint8], begins: Places, fields: bytes, places: Places) -> bool:
    """Whether numbers, if they are any, are some of JSON; and nothing else is `null` or `NaN`."""
    first = codes.take(begins)
    if not _BEGINNINGS.take(_pair(first, codes, begins + 1)).all():
        return False
    minus = begins[first == _MINUS] + 1
    if _DIGIT_BEHIND_ZERO.take(_pair(codes.take(minus), codes, minus + 1)).any():
        return False
    if b"N" in fields and fields.count(b"N") != 2 * fields.count(b"NaN"):
        return False
    within = np.frombuffer(fields, np.uint8)
    last = [places - 1]
    last += [(within == ord(e)).nonzero()[0] - 1 for e in "eE" if e.encode() in fields]
    return not any((within.take(end) == _POINT).any() for end in last)


def _pair(
    first: npt.NDArray[np.uint8], codes: npt.NDArray[np.uint8], second: Places
) -> npt.NDArray[np.uint16]:
    pair: npt.NDArray[np.uint16] = first * np.uint16(256) + codes.take(second, mode="clip")
    return pair


def read_json(text: str) -> list[Record | RecordError]:
    """Read a JSON document record by record.

    Args:
        text: An array of records, one record alone as an array of numbers, or an object that holds
            the array of records as `instances`, or one record as `features` or by name.

    Returns:
        The numbers of each record, or why they cannot be read.

    Raises:
        RequestError: The document is not JSON, or of another shape.
    """
    try:
        document = _loads(text)
    except RecordError as error:
        raise RequestError(f"the body is {error}") from None
    if isinstance(document, dict):
        if "instances" not in document:
            return [_record(document)]
        document = document["instances"]
    if not isinstance(document, list) or not document:
        raise RequestError(
            "expected a JSON array with at least one record, or an object with such an array as "
            '"instances"'
        )
    if not any(isinstance(item, list | dict) for item in document):
        document = [document]
    return [_record(record) for record in document]


def read_jsonlines(text: str) -> list[Record | RecordError]:
    """Read JSON Lines record by record.

    Args:
        text: On each line an array of numbers, or an object with such an array as `features`, or
            with numbers by name.

    Returns:
        The numbers of each line, or why they cannot be read.
    """
    lines = text.removesuffix("\n").replace("\r\n", "\n").removesuffix("\r").split("\n")
    return [_line(line) for line in lines]


def _line(line: str) -> Record | RecordError:
    if "\ufffd" in line:
        return RecordError("the line is not valid UTF-8")
    try:
        return _record(_loads(line))
    except RecordError as error:
        return error


def _loads(text: str) -> Any:
    try:
        # Numbers without a point are floats as well; and no limit on the digits of an int applies.
        return json.loads(text, parse_int=float)
    except RecursionError:
        raise RecordError("JSON that is nested too deeply") from None
    except ValueError as error:
        where = ""
        if isinstance(error, json.JSONDecodeError) and "\n" in text:
            where = f" (line {error.lineno})"
        raise RecordError(f"not valid JSON{where}") from None


def _record(record: object) -> Record | RecordError:
    if isinstance(record, dict) and list(record) == ["features"]:
        features = record["features"]
        record = features if isinstance(features, list | dict) else record
    if isinstance(record, dict):
        fault = _fault(record.values())
        return fault or {name: _number(value) for name, value in record.items()}
    if isinstance(record, list):
        if not record:
            return RecordError("no numbers: expected at least one")
        return _fault(record) or [_number(value) for value in record]
    return RecordError("no record: expected an array of numbers, or an object of them by name")


def _fault(values: Iterable[object]) -> RecordError | None:
    for column, value in enumerate(values, 1):
        if not (value is None or type(value) is float):
            return RecordError(f"column {column}: expected a number or null, found something else")
    return None


def _number(value: float | None) -> float:
    return MISSING if value is None else value
