"""JSON and JSON Lines: a fast way for plain tables, and a reference that reads whatever is allowed.

A large array of arrays of numbers is rewritten as CSV, for which there is a fast parser. Since CSV
allows more than JSON does, the text is first checked to be JSON: by the pairs of neighbouring bytes
that JSON allows, and by what a number must not begin with.
"""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from inference_errors import RecordError, RequestError
from inference_table import MISSING, Record

# Below this the standard library is as fast.
_SMALL = 5_000
_DIGITS = "01"
_AFTER_NUMBER = ",]"
# Which byte may follow which; `1` stands for all digits but 0, `e` for E as well.
_FOLLOWERS = {
    "[": "[-nN" + _DIGITS,
    ",": "[-nN" + _DIGITS,
    "]": _AFTER_NUMBER,
    "0": ".e" + _DIGITS + _AFTER_NUMBER,
    "1": ".e" + _DIGITS + _AFTER_NUMBER,
    ".": _DIGITS,
    "e": "-+" + _DIGITS,
    "-": _DIGITS,
    "+": _DIGITS,
    "n": "u",
    "u": "l",
    "l": "l" + _AFTER_NUMBER,
    "N": "a",
    "a": "N" + _AFTER_NUMBER,
}
# Four bits per class, so that a pair is a byte; 0 is whatever must not be there at all.
_CLASS = {character: number for number, character in enumerate(_FOLLOWERS, 1)}
_CLASSES = bytes(
    _CLASS.get({"E": "e"}.get(chr(byte), "1" if chr(byte) in "23456789" else chr(byte)), 0)
    for byte in range(256)
)
_PAIRS = bytes(
    _CLASS[first] << 4 | _CLASS[second]
    for first, followers in _FOLLOWERS.items()
    for second in followers
)
# A 0 in front of a digit, at the beginning of a number.
_LEADING_ZEROS = [
    bytes(_CLASS[character] for character in begin + "0" + digit)
    for begin in ("[", ",", "[-", ",-")
    for digit in _DIGITS
]


def json_as_csv(body: str | bytes) -> bytes | None:
    """Rewrite a large plain JSON array of arrays of numbers, or the same under `instances`.

    Args:
        body: The text.

    Returns:
        CSV of the same numbers; None if it is small, not plain, or not JSON. The rows may still be
        of different lengths.
    """
    if len(body) < _SMALL or (isinstance(body, str) and not body.isascii()):
        return None
    text = body.encode() if isinstance(body, str) else body
    text = text.strip(b" \t\r\n")
    if text.startswith(b"{"):
        head, bracket, rest = text.partition(b"[")
        if b"".join(head.split()) != b'{"instances":' or not rest.endswith(b"}"):
            return None
        text = bracket + rest[:-1].rstrip(b" \t\r\n")
    # The two ways in which programs write arrays, and a line per row.
    text = text.replace(b",\n", b",").replace(b", ", b",")
    return _plain(text)


def jsonlines_as_csv(body: str | bytes) -> bytes | None:
    """Do for JSON Lines what `json_as_csv` does for JSON.

    Args:
        body: The text.

    Returns:
        CSV of the same numbers, or None.
    """
    if len(body) < _SMALL or (isinstance(body, str) and not body.isascii()):
        return None
    text = body.encode() if isinstance(body, str) else body
    text = text.replace(b"\r\n", b"\n").removesuffix(b"\n").replace(b", ", b",")
    if b"],[" in text:
        return None
    return _plain(b"[%b]" % text.replace(b"]\n[", b"],["))


def _plain(text: bytes) -> bytes | None:
    if not (text.startswith(b"[[") and text.endswith(b"]]")):
        return None
    classes = text.translate(_CLASSES)
    codes = np.frombuffer(classes, np.uint8)
    pairs = (codes[:-1] << 4) | codes[1:]
    if pairs.tobytes().translate(None, _PAIRS):
        return None
    if any(zeros in classes for zeros in _LEADING_ZEROS):
        return None
    rows = text[2:-2].replace(b"],[", b"\n").replace(b"null", b"")
    # What is left of brackets, and of letters that were no null, is no CSV.
    return None if b"[" in rows or b"]" in rows or b"l" in rows or b"u" in rows else rows


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
