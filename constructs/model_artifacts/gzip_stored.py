"""Gzip whose bytes depend on its input only."""

import struct
import zlib
from typing import BinaryIO

# ID1 ID2, CM=deflate, FLG=0 (no name), MTIME=0, XFL=0, OS=255 (unknown): RFC 1952, section 2.3.
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_BLOCK = 0xFFFF


class StoredGzipWriter:
    """A write-only gzip stream made of stored (uncompressed) deflate blocks.

    What a compressor makes of its input changes with its implementation and release (zlib,
    zlib-ng, zlib-rs, Intel's and Cloudflare's forks all differ), and so would the digest of an
    artifact with the machine that packed it. Stored blocks have one spelling only. They are larger,
    and faster to unpack when an instance starts.

    Args:
        raw: Where the bytes go. It is left open by `close`.
    """

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._pending = bytearray()
        self._crc = 0
        self._size = 0
        raw.write(_HEADER)

    def write(self, data: bytes) -> int:
        """Append `data`."""
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)
        self._pending += data
        # Always keep a byte back: only `close` knows which block is the last.
        while len(self._pending) > _BLOCK:
            self._block(self._pending[:_BLOCK], last=False)
            del self._pending[:_BLOCK]
        return len(data)

    def close(self) -> None:
        """Write the last block and the trailer (CRC-32 and size)."""
        self._block(self._pending, last=True)
        self._pending = bytearray()
        self._raw.write(struct.pack("<II", self._crc, self._size & 0xFFFFFFFF))

    def _block(self, data: bytes | bytearray, *, last: bool) -> None:
        self._raw.write(struct.pack("<BHH", last, len(data), len(data) ^ 0xFFFF))
        self._raw.write(data)
