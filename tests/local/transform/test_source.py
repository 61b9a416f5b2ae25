"""Which objects a job reads."""

from __future__ import annotations

import io
from typing import Any

import pytest

from local_aws.transform.errors import ClientFault
from local_aws.transform.source import bucket_and_key, opened, sources


class Listing:
    """S3 with one page of objects, and a manifest."""

    def __init__(self, sizes: dict[str, int], manifest: bytes = b"") -> None:
        self.sizes = sizes
        self.manifest = manifest

    def get_paginator(self, _operation: str) -> Listing:
        """Its own paginator."""
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:
        """The objects below the prefix, on a page each."""
        del Bucket
        found = [key for key in self.sizes if key.startswith(Prefix)]
        return [{"Contents": [{"Key": key, "Size": self.sizes[key]}]} for key in found]

    def get_object(self, **_: str) -> dict[str, Any]:
        """The manifest."""
        return {"Body": io.BytesIO(self.manifest)}


def listed(uri: str, kind: str = "S3Prefix", **listing: Any) -> list[tuple[str, str]]:
    """Keys and relative paths of what a data source names."""
    found = sources(Listing(**listing), {"S3DataType": kind, "S3Uri": uri})
    return [(source.key, source.relative) for source in found]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://b/in/", [("in/a.csv", "a.csv"), ("in/sub/b.csv", "sub/b.csv")]),
        ("s3://b/in/a.csv", [("in/a.csv", "a.csv")]),
        ("s3://b/in/s", [("in/sub/b.csv", "sub/b.csv")]),
        ("s3://b", [("in/a.csv", "in/a.csv"), ("in/sub/b.csv", "in/sub/b.csv")]),
    ],
)
def test_outputs_keep_the_path_below_the_prefix(uri: str, expected: list[tuple[str, str]]) -> None:
    """Objects below a prefix, whole names or beginnings of them, without folder markers."""
    assert listed(uri, sizes={"in/": 0, "in/a.csv": 3, "in/sub/b.csv": 4}) == expected


def test_a_manifest_names_objects_in_its_own_order() -> None:
    """The prefix comes first and is put before each entry as it is."""
    manifest = b'[{"prefix": "s3://data/some/prefix/"}, "z.csv", "sub/a.csv"]'
    assert listed("s3://b/m.json", "ManifestFile", sizes={}, manifest=manifest) == [
        ("some/prefix/z.csv", "z.csv"),
        ("some/prefix/sub/a.csv", "sub/a.csv"),
    ]


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"{}",
        b'["a.csv"]',
        b'[{"prefix": "s3://data/"}, 1]',
        b'[{"prefix": "s3://data/"}, "a", "a"]',
    ],
)
def test_what_is_no_manifest_is_refused(manifest: bytes) -> None:
    """A file of another form, and one that names an object twice."""
    with pytest.raises(ClientFault):
        listed("s3://b/m.json", "ManifestFile", sizes={}, manifest=manifest)


def test_a_uri_is_taken_apart_without_reading_it_as_a_web_address() -> None:
    """Keys may hold what means something in a web address."""
    assert bucket_and_key("s3://bucket/a b/c#1.csv") == ("bucket", "a b/c#1.csv")


def test_what_is_not_gzip_is_the_callers_fault() -> None:
    """CompressionType=Gzip with a plain object says so."""
    source = sources(Listing({"a": 1}), {"S3DataType": "S3Prefix", "S3Uri": "s3://b/a"})[0]
    with (
        pytest.raises(ClientFault, match="Failed to decompress"),
        opened(Listing({}, b"plain"), source, "Gzip") as stream,
    ):
        stream.read()
