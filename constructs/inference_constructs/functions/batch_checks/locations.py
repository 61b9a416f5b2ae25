"""Places in S3, and what lies below them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_URI = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<key>.*)", re.DOTALL)
_MAX_URI_LENGTH = 1024


@dataclass(frozen=True)
class Location:
    """A bucket and the beginning of a key: every object whose key begins so belongs to it.

    Attributes:
        bucket: the bucket's name.
        key: a key or a prefix of keys; may be empty.
    """

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: object) -> "Location":
        """Reads an S3 URI.

        Args:
            uri: `s3://bucket/key`.

        Raises:
            ValueError: it is none, or longer than SageMaker takes.
        """
        match = _URI.fullmatch(uri) if isinstance(uri, str) else None
        if not isinstance(uri, str) or match is None:
            raise ValueError(f"expected an S3 URI such as s3://bucket/prefix/, got {uri!r}")
        if len(uri) > _MAX_URI_LENGTH:
            raise ValueError(f"expected an S3 URI of at most {_MAX_URI_LENGTH} characters: {uri}")
        return cls(match["bucket"], match["key"])

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def as_folder(self) -> "Location":
        """The same place with a final slash, which is where SageMaker puts outputs."""
        if not self.key or self.key.endswith("/"):
            return self
        return Location(self.bucket, f"{self.key}/")

    def within(self, other: "Location") -> bool:
        """Tells whether all that belongs to this place belongs to another, too.

        Args:
            other: the other place.
        """
        return self.bucket == other.bucket and self.key.startswith(other.key)

    def overlaps(self, other: "Location") -> bool:
        """Tells whether an object can belong to both places.

        Args:
            other: the other place.
        """
        return self.within(other) or other.within(self)


@dataclass(frozen=True)
class StoredObject:
    """An object as S3 lists it."""

    bucket: str
    key: str
    size: int
    modified: datetime
    storage_class: str
    etag: str = ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def list_objects(s3: Any, location: Location) -> Iterator[StoredObject]:
    """Yields what lies at a place, in the order of the keys.

    The empty objects that consoles make to show a folder (`prefix/`) are left out.

    Args:
        s3: a boto3 client.
        location: the place.
    """
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=location.bucket, Prefix=location.key
    )
    for page in pages:
        for entry in page.get("Contents", ()):
            if entry["Key"].endswith("/") and entry["Size"] == 0:
                continue
            yield StoredObject(
                location.bucket,
                entry["Key"],
                entry["Size"],
                entry["LastModified"],
                entry.get("StorageClass", "STANDARD"),
                entry["ETag"].strip('"'),
            )


def shown(items: list[str], limit: int = 5) -> str:
    """Writes the first items of a list, and how many more there are.

    Args:
        items: what to write.
        limit: how many to write.
    """
    rest = len(items) - limit
    return ", ".join(items[:limit]) + (f" and {rest} more" if rest > 0 else "")
