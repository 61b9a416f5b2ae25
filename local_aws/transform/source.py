"""Which objects a job reads, and their decompressed bytes."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast
from urllib.parse import urlparse

from botocore.exceptions import ClientError

from local_aws.transform.errors import ClientFault

READ_AHEAD = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Source:
    """One input object.

    Attributes:
        bucket: its bucket.
        key: its key.
        relative: its path below the prefix: where below the output path its result goes.
    """

    bucket: str
    key: str
    relative: str

    def __str__(self) -> str:
        return f"{self.bucket}/{self.key}"


def bucket_and_key(uri: str) -> tuple[str, str]:
    """The bucket and the key of an ``s3://`` URI."""
    parsed = urlparse(uri, allow_fragments=False)
    return parsed.netloc, parsed.path.removeprefix("/")


def sources(s3: Any, data_source: dict[str, str]) -> list[Source]:
    """The objects that ``S3DataSource`` names, by key or in the manifest's order.

    Args:
        s3: an S3 client with the execution role's session.
        data_source: ``S3DataType`` (S3Prefix or ManifestFile) and ``S3Uri``.

    Raises:
        ClientFault: the manifest is not one, or names an object twice.
        botocore.exceptions.ClientError: the role may not list or read.
    """
    bucket, key = bucket_and_key(data_source["S3Uri"])
    if data_source["S3DataType"] == "S3Prefix":
        return list(_below(s3, bucket, key))
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return _listed(body, data_source["S3Uri"])


def _below(s3: Any, bucket: str, prefix: str) -> Iterator[Source]:
    # A prefix may end within a name; outputs keep the path from the last slash before it.
    base = prefix.rpartition("/")[0]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Contents", []):
            is_folder_marker = found["Key"].endswith("/") and found["Size"] == 0
            if not is_folder_marker:
                relative = found["Key"].removeprefix(base).removeprefix("/")
                yield Source(bucket=bucket, key=found["Key"], relative=relative)


def _listed(body: bytes, uri: str) -> list[Source]:
    try:
        head, *relatives = json.loads(body)
        bucket, prefix = bucket_and_key(head["prefix"])
        if not all(isinstance(relative, str) for relative in relatives):
            raise TypeError("an entry is not a string")
    except (ValueError, KeyError, TypeError) as error:
        raise ClientFault(
            f'{uri} is not a manifest, expected [{{"prefix": "s3://..."}}, "key", ...]: {error}'
        ) from error
    if len(set(relatives)) < len(relatives):
        raise ClientFault(f"{uri} names an object twice: their outputs would overwrite each other")
    return [
        Source(bucket=bucket, key=prefix + relative, relative=relative.removeprefix("/"))
        for relative in relatives
    ]


@contextmanager
def opened(s3: Any, source: Source, compression: str) -> Iterator[BinaryIO]:
    """The object's decompressed bytes as a stream that is read as it is used.

    Raises:
        ClientFault: the object cannot be read, or is not gzip though the job says so.
    """
    try:
        body = s3.get_object(Bucket=source.bucket, Key=source.key)["Body"]
        with io.BufferedReader(_Raw(body), READ_AHEAD) as stream:
            if compression == "Gzip":
                with gzip.GzipFile(fileobj=stream) as unpacked:
                    yield cast(BinaryIO, unpacked)
            else:
                yield stream
    except ClientError as error:
        raise ClientFault(f"Failed to read the input: {error}") from error
    except (gzip.BadGzipFile, EOFError) as error:
        raise ClientFault(f"Failed to decompress the input as Gzip: {error}") from error


class _Raw(io.RawIOBase):
    """botocore's streaming body as a raw stream; it has no ``readinto`` of its own."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._body.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._body.close()
        super().close()
