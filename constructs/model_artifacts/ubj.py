"""Reads what little is needed of a UBJSON document, as XGBoost writes it.

See https://ubjson.org/type-reference/ and XGBoost's `src/common/json.cc`: integers are big-endian,
arrays may be typed (`$`) and counted (`#`), keys of objects are strings without their marker.
"""

import struct
from collections.abc import Iterator

_NUMBERS = {"i": "b", "U": "B", "I": ">h", "l": ">i", "L": ">q", "d": ">f", "D": ">d"}
_SIZES = {marker: struct.calcsize(layout) for marker, layout in _NUMBERS.items()}
_CONSTANTS = {"Z": None, "T": True, "F": False}
_MAX_DEPTH = 64


class UbjError(ValueError):
    """The bytes are not a UBJSON document, or only the beginning of one."""


class UbjReader:
    """Walks over a document without building it.

    Args:
        data: The document: bytes, or a memory map of them.
    """

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def top_level(self) -> Iterator[tuple[str, str]]:
        """Go over the members of the outermost object.

        Yields:
            The key and the marker of each value. Either `value` or `skip` has to be called with the
            marker before the next one is asked for.
        """
        self._expect("{")
        while self._peek() != "}":
            key = self._string()
            yield key, self._marker()
        self._at += 1
        if self._at != len(self._data):
            raise UbjError(f"{len(self._data) - self._at} bytes follow the document")

    def integers(self, marker: str) -> list[int]:
        """Read an array of integers whose marker has been read."""
        if marker != "[":
            raise UbjError(f"an array was expected, not {marker!r}")
        kind, count = self._header()
        numbers: list[int] = []
        while count is None or len(numbers) < count:
            if count is None and self._peek() == "]":
                self._at += 1
                break
            numbers.append(self._integer(kind or self._marker()))
        return numbers

    def skip(self, marker: str, depth: int = 0) -> None:
        """Pass over a value whose marker has been read."""
        if depth > _MAX_DEPTH:
            raise UbjError("it is nested too deeply")
        if marker in _SIZES:
            self._take(_SIZES[marker])
        elif marker in "SH":
            self._string()
        elif marker == "C":
            self._take(1)
        elif marker == "[":
            self._skip_array(depth)
        elif marker == "{":
            while self._peek() != "}":
                self._string()
                self.skip(self._marker(), depth + 1)
            self._at += 1
        elif marker not in _CONSTANTS:
            raise UbjError(f"byte {self._at - 1} is no marker: {marker!r}")

    def _skip_array(self, depth: int) -> None:
        kind, count = self._header()
        if kind is not None and count is not None and kind in _SIZES:
            self._take(_SIZES[kind] * count)
        elif count is not None:
            for _ in range(count):
                self.skip(kind or self._marker(), depth + 1)
        else:
            while (marker := self._marker()) != "]":
                self.skip(marker, depth + 1)

    def _header(self) -> tuple[str | None, int | None]:
        kind = count = None
        if self._peek() == "$":
            self._at += 1
            kind = self._marker()
        if self._peek() == "#":
            self._at += 1
            count = self._length()
        elif kind is not None:
            raise UbjError("a typed array without a count")
        return kind, count

    def _length(self) -> int:
        length = self._integer(self._marker())
        if length < 0:
            raise UbjError(f"a length of {length}")
        return length

    def _integer(self, marker: str) -> int:
        if marker not in "iUIlL":
            raise UbjError(f"an integer was expected, not {marker!r}")
        (number,) = struct.unpack(_NUMBERS[marker], self._take(_SIZES[marker]))
        return int(number)

    def _string(self) -> str:
        length = self._length()
        try:
            return bytes(self._take(length)).decode()
        except UnicodeDecodeError as error:
            raise UbjError("a string is not UTF-8") from error

    def _expect(self, marker: str) -> None:
        found = self._marker()
        if found != marker:
            raise UbjError(f"{marker!r} was expected, not {found!r}")

    def _peek(self) -> str:
        if self._at >= len(self._data):
            raise UbjError("it ends too early")
        return chr(self._data[self._at])

    def _marker(self) -> str:
        marker = self._peek()
        self._at += 1
        return marker

    def _take(self, count: int) -> memoryview:
        end = self._at + count
        if end > len(self._data):
            raise UbjError("it ends too early")
        taken = self._data[self._at : end]
        self._at = end
        return taken
