"""Objects that are larger than what the server keeps in memory."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import psutil
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

MIB = 1024 * 1024
BUCKET = "large-objects"


@pytest.fixture(scope="module")
def s3(local_aws: Any) -> Any:
    """S3 with a bucket."""
    client = local_aws.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture(scope="module")
def body() -> bytes:
    """20 MiB and 3 bytes, no two blocks alike."""
    blocks = (hashlib.sha256(number.to_bytes(4)).digest() for number in range(20 * MIB // 32))
    return b"".join(blocks) + b"end"


def test_an_object_of_many_parts_reads_back_as_it_was(s3: Any, body: bytes) -> None:
    """Whole, from within, from its end; with the ETag that S3 makes of parts."""
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_fileobj(io.BytesIO(body), BUCKET, "parts", Config=config)
    found = s3.get_object(Bucket=BUCKET, Key="parts")
    parts = [body[start : start + 5 * MIB] for start in range(0, len(body), 5 * MIB)]
    digests = b"".join(hashlib.md5(part, usedforsecurity=False).digest() for part in parts)
    digest = hashlib.md5(digests, usedforsecurity=False).hexdigest()
    assert found["ETag"] == f'"{digest}-5"'
    assert found["ContentLength"] == len(body)
    assert found["Body"].read() == body
    for given, expected in (
        ("bytes=0-0", body[:1]),
        ("bytes=9999999-12000000", body[9_999_999:12_000_001]),
        ("bytes=20971520-", b"end"),
        ("bytes=-5", body[-5:]),
        (f"bytes=5-{len(body) * 2}", body[5:]),
    ):
        part = s3.get_object(Bucket=BUCKET, Key="parts", Range=given)
        assert part["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert part["Body"].read() == expected
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket=BUCKET, Key="parts", Range=f"bytes={len(body)}-")
    assert refused.value.response["Error"]["Code"] == "InvalidRange"


def test_a_read_goes_on_though_the_object_is_replaced(s3: Any, body: bytes) -> None:
    """Who has begun to read gets the object as it was."""
    s3.put_object(Bucket=BUCKET, Key="replaced", Body=body)
    stream = s3.get_object(Bucket=BUCKET, Key="replaced")["Body"]
    first = stream.read(MIB)
    s3.put_object(Bucket=BUCKET, Key="replaced", Body=b"new")
    s3.delete_object(Bucket=BUCKET, Key="replaced")
    assert first + stream.read() == body


def test_parts_that_are_wrong_are_refused(s3: Any, body: bytes) -> None:
    """An unknown part, and one that is too small, by S3's names."""
    place = {"Bucket": BUCKET, "Key": "wrong"}
    place["UploadId"] = s3.create_multipart_upload(**place)["UploadId"]
    tags = [
        s3.upload_part(**place, PartNumber=number, Body=part)["ETag"]
        for number, part in enumerate((body, b"small", body), start=1)
    ]
    parts = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, start=1)]
    for wrong, code in (
        ([*parts[:1], {"PartNumber": 9, "ETag": tags[0]}], "InvalidPart"),
        ([parts[0], {"PartNumber": 3, "ETag": tags[1]}], "InvalidPart"),
        (parts, "EntityTooSmall"),
    ):
        with pytest.raises(ClientError) as refused:
            s3.complete_multipart_upload(**place, MultipartUpload={"Parts": wrong})
        assert refused.value.response["Error"]["Code"] == code


@pytest.mark.long
def test_a_gigabyte_goes_through_in_constant_memory(launch: Any, tmp_path: Path) -> None:
    """Written and read in parts, the server stays far below the object's size."""
    running = launch(tmp_path / "state")
    s3, server = running.client("s3"), psutil.Process(running.process.pid)
    s3.create_bucket(Bucket=BUCKET)
    before = server.memory_info().rss
    block = bytes(range(256)) * 4096
    with (tmp_path / "big").open("wb") as file:
        for _ in range(1024):
            file.write(block)
    config = TransferConfig(max_concurrency=2)
    s3.upload_file(str(tmp_path / "big"), BUCKET, "big", Config=config)
    stream, highest, size = s3.get_object(Bucket=BUCKET, Key="big")["Body"], 0, 0
    while chunk := stream.read(8 * MIB):
        size += len(chunk)
        highest = max(highest, server.memory_info().rss)
    assert size == 1024 * MIB
    assert highest - before < 256 * MIB
