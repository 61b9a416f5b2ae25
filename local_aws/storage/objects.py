"""Objects in files: moto keeps them there, but reads each one whole to answer a request."""

from __future__ import annotations

import hashlib
import os
import tempfile
import weakref
from collections.abc import Iterator
from typing import Any

from moto.s3.exceptions import EntityTooSmall, InvalidPart
from moto.s3.models import FakeKey, FakeMultipart, MultipartChecksumBuilder
from moto.s3.responses import S3Response
from moto.settings import S3_UPLOAD_PART_MIN_SIZE

CHUNK = 1024 * 1024
# Up to here moto's own way is as good; beyond it, an object is on disk.
SMALL = 8 * CHUNK


class Content:
    """Bytes of an object in a file: they can be measured, sliced and iterated in chunks.

    The file stays readable when its object is overwritten or deleted meanwhile.
    """

    def __init__(self, descriptor: int, start: int, end: int) -> None:
        self._descriptor = os.dup(descriptor)
        weakref.finalize(self, os.close, self._descriptor)
        self._start = start
        self._end = end

    def __len__(self) -> int:
        return self._end - self._start

    def __getitem__(self, part: slice) -> Content:
        start, end, _ = part.indices(len(self))
        return Content(self._descriptor, self._start + start, self._start + max(start, end))

    def __iter__(self) -> Iterator[bytes]:
        position = self._start
        while position < self._end:
            chunk = os.pread(self._descriptor, min(CHUNK, self._end - position), position)
            if not chunk:
                return
            yield chunk
            position += len(chunk)


class _Streamed:
    """An object whose value is `Content`; all else is moto's."""

    def __init__(self, key: Any) -> None:
        self._key = key

    def __getattr__(self, name: str) -> Any:
        return getattr(self._key, name)

    @property
    def value(self) -> Content:
        return content_of(self._key)


def content_of(key: Any) -> Content:
    """An object's content in its file."""
    with key.lock:
        key._value_buffer.flush()
        # Writes it to disk if it is not there yet.
        return Content(key._value_buffer.fileno(), 0, key.contentsize)


def install() -> None:
    """Replace how moto answers GetObject and completes an upload in parts."""
    stock_get, stock_complete = S3Response.get_object, FakeMultipart.complete
    stock_value: Any = vars(FakeKey)["value"]

    def get_object(response: Any) -> Any:
        key, not_modified = response._get_key()
        if key.contentsize > SMALL and not not_modified:
            response._get_key = lambda *_a, **_k: (_Streamed(key), not_modified)
        return stock_get(response)

    def set_value(key: Any, value: Any) -> None:
        if not isinstance(value, Content):
            stock_value.fset(key, value)
            return
        key._value_buffer.seek(0)
        key._value_buffer.truncate()
        for chunk in value:
            key._value_buffer.write(chunk)
        key.contentsize = len(value)

    def complete(upload: Any, body: Any) -> Any:
        wanted = list(body)
        size = sum(
            upload.parts[number].contentsize for number, _ in wanted if number in upload.parts
        )
        return _joined(upload, wanted) if size > SMALL else stock_complete(upload, iter(wanted))

    for owner, name, function in (
        (S3Response, "get_object", get_object),
        (FakeMultipart, "complete", complete),
        (FakeKey, "value", stock_value.setter(set_value)),
    ):
        setattr(owner, name, function)


def _joined(upload: Any, wanted: list[tuple[int, str]]) -> tuple[Content, str, Any]:
    """The parts one after the other in a file, with ETag and checksum as S3 makes them of parts."""
    algorithm = upload.metadata.get("x-amz-checksum-algorithm")
    kind = upload.metadata.get("x-amz-checksum-type") or "COMPOSITE"
    # A checksum of the whole object would need it whole; without one the object has none.
    has_checksum = algorithm not in (None, "CRC64NVME") and kind == "COMPOSITE"
    checksums = MultipartChecksumBuilder(algorithm, "COMPOSITE") if has_checksum else None
    digests = hashlib.md5(usedforsecurity=False)
    with tempfile.TemporaryFile() as file:
        for index, (number, etag) in enumerate(wanted):
            part = upload.parts.get(number)
            if part is None or part.etag.strip('"') != etag.strip('"'):
                raise InvalidPart
            if index + 1 < len(wanted) and part.contentsize < S3_UPLOAD_PART_MIN_SIZE:
                raise EntityTooSmall
            value = part.value
            file.write(value)
            digests.update(bytes.fromhex(part.etag.strip('"')))
            if checksums is not None:
                checksums.addPart(value)
        file.flush()
        content = Content(file.fileno(), 0, file.tell())
    built = None if checksums is None else checksums.build()
    return content, f"{digests.hexdigest()}-{len(wanted)}", built
