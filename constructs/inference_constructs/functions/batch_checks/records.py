"""Counts the records of an object without holding it in memory.

How a record is told, by media type:

- `text/csv`: a row that is not blank. A line break between double quotes belongs to the row.
- `application/jsonlines`, and every other type that is written line by line: a line that is not
  blank.

How a record is told that the handler marked as bad:

- `text/csv`: the last field of the row is the word `error`.
- `application/jsonlines`: an object with the field `error`, itself or below `SageMakerOutput`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

_CSV_MARK = b"error"
# A line with a mark is short, unless it is joined with a long record.
_LONGEST_MARKED_LINE = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Counting:
    """How the records of an object are told.

    Attributes:
        quotes: whether double quotes hide line breaks, as in CSV (RFC 4180).
        marks: whether to look for marks of bad records.
    """

    quotes: bool
    marks: bool = False


@dataclass(frozen=True, kw_only=True)
class Count:
    """What an object holds.

    Attributes:
        records: how many records.
        marked: how many of them are marked as bad.
    """

    records: int
    marked: int = 0


class RecordCounter:
    """Counts records chunk by chunk; a chunk may end anywhere, also within a line.

    Args:
        counting: how they are told.
    """

    def __init__(self, counting: Counting) -> None:
        self._counting = counting
        self._records = 0
        self._marked = 0
        self._blank = True
        self._quoted = False
        self._kept = b""

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes.

        Args:
            chunk: the bytes.
        """
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            self._read(line)
            if not self._quoted:
                self._end_line()
        self._read(rest)

    def finish(self) -> Count:
        """Ends the last line, also one without a line break, and gives what was counted."""
        self._end_line()
        return Count(records=self._records, marked=self._marked)

    def _read(self, text: bytes) -> None:
        if self._blank and text.strip():
            self._blank = False
        # A quote within a quoted field is written twice, which leaves the parity as it was.
        if self._counting.quotes and text.count(b'"') % 2:
            self._quoted = not self._quoted
        if self._counting.marks and len(self._kept) <= _LONGEST_MARKED_LINE:
            self._kept += text[: _LONGEST_MARKED_LINE + 1]

    def _end_line(self) -> None:
        if not self._blank:
            self._records += 1
            self._marked += self._is_marked()
        self._blank = True
        self._kept = b""

    def _is_marked(self) -> bool:
        line = self._kept.strip()
        if len(line) > _LONGEST_MARKED_LINE or _CSV_MARK not in line:
            return False
        if self._counting.quotes:
            return line.rpartition(b",")[2].strip(b'"') == _CSV_MARK
        try:
            found = json.loads(line)
        except ValueError:
            return False
        if isinstance(found, dict) and "SageMakerOutput" in found:
            found = found["SageMakerOutput"]
        return isinstance(found, dict) and "error" in found


def count_records(chunks: Iterable[bytes], counting: Counting) -> Count:
    """Counts the records of a stream.

    Args:
        chunks: its bytes.
        counting: how records are told.
    """
    counter = RecordCounter(counting)
    for chunk in chunks:
        counter.feed(chunk)
    return counter.finish()
