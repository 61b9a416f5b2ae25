"""JSON and JSON Lines: a fast way for plain tables, and a reference that reads whatever is allowed.

A large array of arrays of numbers is rewritten as CSV, for which there is a fast parser. Since CSV
allows more than JSON does, the text is first checked to be JSON: by the pairs of neighbouring bytes
that JSON allows, and by what a number must not begin with.
"""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from inference_errors import RecordError, RequestError
from inference_table import MISSING, Record

# Below this the standard library is as fast.
_SMALL = 3_000
# Checked at once: what fits into the cache. A fault that spans two blocks is within the overlap.
_BLOCK = 1 << 16
_VALUES = "[-nN01"
_AFTER_NUMBER = ",]"
# Which byte may follow which; `1` stands for all digits but 0, `e` for E as well, and the space,
# which also stands for a line end, for the one that programs write behind a comma.
_FOLLOWERS = {
    "[": _VALUES,
    ",": _VALUES + " ",
    " ": _VALUES,
    "]": _AFTER_NUMBER,
    "0": ".e01" + _AFTER_NUMBER,
    "1": ".e01" + _AFTER_NUMBER,
    ".": "01",
    "e": "-+01",
    "-": "01",
    "+": "01",
    "n": "u",
    "u": "l",
    "l": "l" + _AFTER_NUMBER,
    "N": "a" + _AFTER_NUMBER,
    "a": "N",
}
# Four bits per class, so that a pair is a byte; 0 is whatever must not be there at all.
_CLASS = {character: number for number, character in enumerate(_FOLLOWERS, 1)}
_SAME = {"E": "e", "\n": " "} | dict.fromkeys("23456789", "1")
_CLASSES = bytes(
    _CLASS.get(_SAME.get(character, character), 0) for character in map(chr, range(256))
)


def _pair(pair: str) -> int:
    return _CLASS[pair[0]] << 4 | _CLASS[pair[1]]


_PAIRS = bytes(_pair(a + b) for a, followers in _FOLLOWERS.items() for b in followers)


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
    text = text.replace(b"\r\n", b"\n").removesuffix(b"\n")
    # Else a line that is no JSON, such as `[1],[2]`, would count as two.
    if text.count(b"]") != text.count(b"\n") + 1:
        return None
    return _plain(b"[%b]" % b"],[".join(text.split(b"]\n[")))


def _plain(text: bytes) -> bytes | None:
    if not (text.startswith(b"[[") and text.endswith(b"]]")):
        return None
    if not all(_allowed(text[start : start + _BLOCK + 3]) for start in range(0, len(text), _BLOCK)):
        return None
    rows = b"\n".join(text[2:-2].translate(None, b" \n").split(b"],["))
    if b"n" in rows:
        rows = rows.replace(b"null", b"")
    # What is left of brackets, and of letters that were no null, is no CSV.
    return None if any(left in rows for left in (b"[", b"]", b"l", b"u")) else rows


def _allowed(text: bytes) -> bool:
    """Whether JSON allows all pairs of neighbours, and the beginnings of all numbers."""
    codes = np.frombuffer(text.translate(_CLASSES), np.uint8)
    pairs: npt.NDArray[np.uint8] = np.bitwise_or(codes[:-1] << 4, codes[1:], dtype=np.uint8)
    return not (pairs.tobytes().translate(None, _PAIRS) or _leading_zero(pairs))


def _leading_zero(pairs: npt.NDArray[np.uint8]) -> bool:
    """Whether a number begins with a 0 and a further digit, as CSV allows."""
    digit = (pairs == _pair("00")) | (pairs == _pair("01"))
    zero = (pairs == _pair("[0")) | (pairs == _pair(",0")) | (pairs == _pair(" 0"))
    if (zero[:-1] & digit[1:]).any():
        return True
    minus = (pairs == _pair("[-")) | (pairs == _pair(",-")) | (pairs == _pair(" -"))
    return bool((minus[:-2] & (pairs[1:-1] == _pair("-0")) & digit[2:]).any())


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
