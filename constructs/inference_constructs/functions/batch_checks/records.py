"""Counts the records of an object without holding it in memory.

How a record is told, by media type:

- `text/csv`: a row that is not blank. A line break between double quotes belongs to the row.
- `application/jsonlines`, and every other type that is written line by line: a line that is not
  blank.
"""

from collections.abc import Iterable


class RecordCounter:
    """Counts records chunk by chunk; a chunk may end anywhere, also within a line.

    Args:
        quotes: whether double quotes hide line breaks, as in CSV (RFC 4180).
    """

    def __init__(self, *, quotes: bool) -> None:
        self._quotes = quotes
        self._records = 0
        self._blank = True
        self._quoted = False

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

    def finish(self) -> int:
        """Ends the last line, also one without a line break, and gives the number of records."""
        self._end_line()
        return self._records

    def _read(self, text: bytes) -> None:
        if self._blank and text.strip():
            self._blank = False
        # A quote within a quoted field is written twice, which leaves the parity as it was.
        if self._quotes and text.count(b'"') % 2:
            self._quoted = not self._quoted

    def _end_line(self) -> None:
        if not self._blank:
            self._records += 1
        self._blank = True


def count_records(chunks: Iterable[bytes], *, quotes: bool) -> int:
    """Counts the records of a stream.

    Args:
        chunks: its bytes.
        quotes: whether double quotes hide line breaks, as in CSV.
    """
    counter = RecordCounter(quotes=quotes)
    for chunk in chunks:
        counter.feed(chunk)
    return counter.finish()
