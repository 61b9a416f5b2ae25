"""Tells a header from a record at the beginning of a CSV file.

The models read numbers, so a header is a first row that is no record: it has a text in a column
where the next row has a number. Where there is no next row, it is a row without any number.
"""

import csv
import io
from dataclasses import dataclass

# Enough for two rows; where a row is longer, its beginning is looked at.
HEAD_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Head:
    """What stands at the beginning of a CSV file.

    Attributes:
        header: the fields of the header; None where there is none.
        length: how many bytes the header takes, with its line break.
        columns: how many columns the first row has.
    """

    header: list[str] | None
    length: int
    columns: int


def read_head(content: bytes) -> Head:
    """Looks at the beginning of a CSV file.

    Args:
        content: its first bytes, `HEAD_BYTES` at most.
    """
    # A byte order mark would make a text of the first number.
    marked = content.removeprefix(b"\xef\xbb\xbf")
    # Whatever the encoding is, a character is a byte here, so that the length is right.
    text = marked.decode("latin-1")
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines)
    first = next(reader, [])
    end = lines.tell()
    second = next((row for row in reader if row), None)
    if second is None:
        is_header = bool(first) and not any(_is_number(field) for field in first)
    else:
        pairs = zip(first, second, strict=False)
        is_header = any(field and not _is_number(field) and _is_number(e) for field, e in pairs)
    header = [field.encode("latin-1").decode(errors="replace") for field in first]
    return Head(
        header=header if is_header else None,
        length=len(content) - len(marked) + end,
        columns=len(first),
    )


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
