"""Answers to response bodies: CSV, JSON, JSON Lines, and NumPy arrays.

A 32-bit float has as many digits as it takes to read it back as the same float, written as NumPy
writes it, whether there is one or a million of them.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

try:
    import pyarrow as pa
    import pyarrow.compute as pc
except ImportError:  # an image without it: everything counts as small
    pa = None

from inference_binary import write_npy
from inference_errors import RequestError

Values = npt.NDArray[Any]

# From about here on pyarrow's fixed costs are less than what it saves.
_SMALL = 100
CSV_MARK = "error"


def format_csv(values: Values) -> str:
    """Write answers as CSV, a line per row, each with its line end.

    Without the last line end, batch transform would fuse the last row of one mini-batch with the
    first of the next.

    Args:
        values: Answers in one dimension or more; all of a row stand on its line.

    Returns:
        The text.
    """
    if values.ndim == 1 and values.size <= _SMALL and values.dtype.kind != "U":
        return "".join([f"{value!s}\n" for value in values])
    if values.ndim > 2:
        values = values.reshape(len(values), -1)
    return _join(values, between=",", row=("", "\n", ""), quote=_csv_field) + "\n"


def format_json(values: Values) -> str:
    """Write answers as a JSON array, of values or of arrays of values.

    Args:
        values: Answers in one dimension or more.

    Returns:
        The text.

    Raises:
        ValueError: An answer is NaN or infinite, which JSON cannot hold.
    """
    _check_finite(values)
    if values.ndim > 2:
        return f"[{', '.join(format_json(value) for value in values)}]"
    row = ("[", ", ", "]") if values.ndim == 2 else ("", ", ", "")
    return f"[{_join(values, between=', ', row=row, quote=json.dumps)}]"


def format_jsonlines(values: Values) -> str:
    """Write answers as JSON Lines, a line per row, each with its line end.

    Args:
        values: Answers in one dimension or more.

    Returns:
        The text.

    Raises:
        ValueError: An answer is NaN or infinite, which JSON cannot hold.
    """
    _check_finite(values)
    if values.ndim > 2:
        return "".join(f"{format_json(value)}\n" for value in values)
    row = ("[", "\n", "]") if values.ndim == 2 else ("", "\n", "")
    return _join(values, between=", ", row=row, quote=json.dumps) + "\n"


def _check_finite(values: Values) -> None:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError("the model's answer is not finite, which JSON cannot hold")


def _csv_field(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"' if any(character in text for character in ',"\r\n') else text


def _join(
    values: Values, *, between: str, row: tuple[str, str, str], quote: Callable[[str], str]
) -> str:
    begin, separator, end = row
    if values.dtype.kind == "U":
        return separator.join(map(quote, values.tolist()))
    if values.size <= _SMALL or pa is None:
        lines = values.astype(str).tolist()
        if values.ndim == 2:
            lines = [between.join(line) for line in lines]
        return f"{begin}{f'{end}{separator}{begin}'.join(lines)}{end}"
    texts = _texts(values.reshape(-1))
    if values.ndim == 2:
        starts = np.arange(0, values.size + 1, values.shape[1], dtype=np.int32)
        texts = pc.binary_join(pa.ListArray.from_arrays(starts, texts), between)
    whole = pa.ListArray.from_arrays(np.array([0, len(texts)], np.int32), texts)
    joined = pc.binary_join(whole, f"{end}{separator}{begin}")[0].as_py()
    return f"{begin}{joined}{end}"


def _texts(values: Values) -> "pa.StringArray":
    texts = pa.array(values).cast(pa.string())
    if values.dtype.kind != "f":
        return texts
    # Arrow writes 1 for 1.0 and has its own limits of scientific notation.
    size = np.abs(values)
    other = ~((size > np.float32(1e-4)) & (size < np.float32(1e9))) | (values == np.trunc(values))
    if not other.any():
        return texts
    return pc.replace_with_mask(texts, pa.array(other), pa.array(values[other].astype(str)))


FORMATTERS: dict[str, Callable[[Values], str | bytes]] = {
    "application/json": format_json,
    "text/csv": format_csv,
    "application/jsonlines": format_jsonlines,
    "application/x-npy": write_npy,
}


def format_marked(values: Values, marks: Mapping[int, str], media_type: str) -> str:
    """Write answers with a mark in place of each record that could not be read.

    Args:
        values: The answers of all other records.
        marks: By the position of its record in the request, why there is no answer.
        media_type: Of the response.

    Returns:
        The text, with one answer or mark per record.

    Raises:
        RequestError: The type cannot hold marks.
    """
    if media_type == "application/x-npy":
        raise RequestError(
            f"record {min(marks) + 1} cannot be read, and application/x-npy has no mark for it"
        )
    if media_type == "text/csv":
        marked = dict.fromkeys(marks, CSV_MARK)
        lines = format_csv(values).splitlines() if len(values) else []
    else:
        marked = {index: json.dumps({"error": reason}) for index, reason in marks.items()}
        lines = format_jsonlines(values).splitlines() if len(values) else []
    answers = iter(lines)
    merged = [marked[i] if i in marked else next(answers) for i in range(len(lines) + len(marked))]
    if media_type == "application/json":
        return f"[{', '.join(merged)}]"
    return "".join(f"{line}\n" for line in merged)
