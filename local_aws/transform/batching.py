"""Puts records together into requests, and answers together into the output object.

See https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from local_aws.transform.errors import ClientFault

MEGABYTE = 1024 * 1024
NEWLINE = b"\n"


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One request to the container.

    Attributes:
        body: what is sent.
        originals: the records it was made of, before the input filter; empty without a join.
    """

    body: bytes
    originals: tuple[bytes, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A record that is ready to be sent.

    Attributes:
        sent: its share of a request's body.
        original: the record before the input filter, when it is joined with the answer; else empty.
    """

    sent: bytes
    original: bytes = b""


def mini_batches(
    units: Iterable[Unit], *, multi_record: bool, limit: int, keep_originals: bool = False
) -> Iterator[Batch]:
    """Requests of at most ``limit`` bytes each, in the records' order.

    Args:
        units: the records of one input object.
        multi_record: as many records in a request as fit (MultiRecord), or one (SingleRecord).
        limit: bytes of a request's body, from MaxPayloadInMB; 0 means no limit.
        keep_originals: whether the batches carry their records for a join.

    Raises:
        ClientFault: a single record is over the limit.
    """
    gathered: list[Unit] = []
    size = 0
    for unit in units:
        if limit and len(unit.sent) > limit:
            raise _too_large(len(unit.sent), limit)
        full = limit and size + len(unit.sent) > limit
        if gathered and (not multi_record or full):
            yield _batch(gathered, keep_originals)
            gathered, size = [], 0
        gathered.append(unit)
        size += len(unit.sent)
    if gathered:
        yield _batch(gathered, keep_originals)


def line_batches(stream: BinaryIO, limit: int) -> Iterator[Batch]:
    """What `mini_batches` makes of the lines of a stream, cut without looking at each of them.

    Args:
        stream: the decompressed object.
        limit: bytes of a request's body; 0 means no limit.

    Raises:
        ClientFault: a single line is over the limit.
    """
    if not limit:
        body = stream.read()
        if body:
            yield Batch(body=body)
        return
    block = b""
    # One byte more than fits tells whether anything comes after.
    while block := block + stream.read(limit + 1 - len(block)):
        if len(block) <= limit:
            yield Batch(body=block)
            return
        end = block.rfind(NEWLINE, 0, limit) + 1
        if not end:
            line = block if block.endswith(NEWLINE) else block + stream.readline()
            raise _too_large(len(line), limit)
        yield Batch(body=block[:end])
        block = block[end:]


def _too_large(size: int, limit: int) -> ClientFault:
    return ClientFault(
        f"Too much data for max payload size: a record has {size} bytes, "
        f"MaxPayloadInMB allows {limit}"
    )


def _batch(units: list[Unit], keep_originals: bool) -> Batch:
    return Batch(
        body=b"".join(unit.sent for unit in units),
        originals=tuple(unit.original for unit in units) if keep_originals else (),
    )


def assembled(answer: bytes, assemble_with: str) -> bytes:
    """An answer as it stands in the output object, which is all of them in the records' order.

    ``None`` concatenates; ``Line`` ends what every request returned with a newline, which is not
    doubled.
    """
    if assemble_with == "Line":
        return answer.removesuffix(NEWLINE) + NEWLINE
    return answer
