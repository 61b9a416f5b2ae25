"""Cuts an input object into records, as ``TransformInput.SplitType`` says.

See https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformInput.html.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from local_aws.transform.errors import ClientFault

RECORD_IO_MAGIC = struct.pack("<I", 0xCED7230A)


@dataclass(frozen=True, kw_only=True)
class Record:
    """One record of an input object.

    Attributes:
        framed: the bytes as they stand in the object, with newline, header, padding: what a
            mini-batch of several records carries.
        payload: the bare record: what a request for a single record carries.
    """

    framed: bytes
    payload: bytes


def split(stream: BinaryIO, split_type: str) -> Iterator[Record]:
    """The records of ``stream`` in order, read as they are asked for.

    Args:
        stream: the decompressed object.
        split_type: ``None``, ``Line``, ``RecordIO`` or ``TFRecord``.

    Raises:
        ClientFault: the object is not in the format that the split type names.
    """
    return _SPLITTERS[split_type](stream)


def _whole(stream: BinaryIO) -> Iterator[Record]:
    body = stream.read()
    yield Record(framed=body, payload=body)


def _lines(stream: BinaryIO) -> Iterator[Record]:
    # An empty line is a record too: skipping it would shift what follows against the input.
    for line in stream:
        yield Record(framed=line, payload=line.removesuffix(b"\n"))


def _record_io(stream: BinaryIO) -> Iterator[Record]:
    """MXNet's format: magic, 3 bits of flag and 29 of length, data padded to 4 bytes."""
    framed, parts = b"", []
    while header := stream.read(8):
        if len(header) < 8 or not header.startswith(RECORD_IO_MAGIC):
            raise ClientFault("Failed to split the input as RecordIO: no record header found")
        (word,) = struct.unpack("<I", header[4:])
        flag, length = word >> 29, word & (1 << 29) - 1
        data = _exactly(stream, length + (-length) % 4, "RecordIO")
        framed += header + data
        parts.append(data[:length])
        if flag in (0, 3):
            # A record that contained the magic number was cut there when it was written.
            yield Record(framed=framed, payload=RECORD_IO_MAGIC.join(parts))
            framed, parts = b"", []
    if parts:
        raise ClientFault("Failed to split the input as RecordIO: the last record is incomplete")


def _tf_record(stream: BinaryIO) -> Iterator[Record]:
    """TensorFlow's format: 8 bytes of length, 4 of checksum, the data, 4 of checksum."""
    while header := stream.read(12):
        if len(header) < 12:
            raise ClientFault("Failed to split the input as TFRecord: a header is incomplete")
        (length,) = struct.unpack("<Q", header[:8])
        data = _exactly(stream, length + 4, "TFRecord")
        yield Record(framed=header + data, payload=data[:length])


def _exactly(stream: BinaryIO, size: int, split_type: str) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise ClientFault(f"Failed to split the input as {split_type}: a record is incomplete")
    return data


_SPLITTERS: dict[str, Callable[[BinaryIO], Iterator[Record]]] = {
    "None": _whole,
    "Line": _lines,
    "RecordIO": _record_io,
    "TFRecord": _tf_record,
}
