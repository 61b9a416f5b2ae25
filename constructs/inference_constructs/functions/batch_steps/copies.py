"""Copies of CSV objects without their header, made within S3."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..batch_checks.locations import Location, StoredObject
from .inputs import THREADS, Inputs

# S3 copies a range only of an object that is larger, and every part but the last has so many bytes:
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
SMALLEST_PART = 5 * 1024 * 1024
LARGEST_PART = 1024 * 1024 * 1024


def without_headers(s3: Any, inputs: Inputs, place: Location) -> Location:
    """Copies all objects of a run, those with a header without it.

    Args:
        s3: a boto3 client.
        inputs: the objects.
        place: where the copies go, under the same keys below it.
    """

    def copy(item: StoredObject) -> None:
        target = {"Bucket": place.bucket, "Key": f"{place.key}{inputs.relative(item)}"}
        start = inputs.headers.get(item.key, 0)
        if item.size - start > SMALLEST_PART:
            _copy_in_parts(s3, item, start, target)
        else:
            given = {"Range": f"bytes={start}-"} if start else {}
            body = s3.get_object(Bucket=item.bucket, Key=item.key, IfMatch=item.etag, **given)
            s3.put_object(**target, Body=body["Body"].read())

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(copy, inputs.objects))
    return place


def _copy_in_parts(s3: Any, item: StoredObject, start: int, target: dict[str, str]) -> None:
    upload = s3.create_multipart_upload(**target)["UploadId"]
    source = {"Bucket": item.bucket, "Key": item.key}
    parts = []
    try:
        for number, (first, last) in enumerate(ranges(start, item.size), 1):
            copied = s3.upload_part_copy(
                **target,
                UploadId=upload,
                PartNumber=number,
                CopySource=source,
                CopySourceIfMatch=item.etag,
                CopySourceRange=f"bytes={first}-{last}",
            )
            parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})
        s3.complete_multipart_upload(**target, UploadId=upload, MultipartUpload={"Parts": parts})
    except BaseException:
        s3.abort_multipart_upload(**target, UploadId=upload)
        raise


def ranges(start: int, size: int) -> list[tuple[int, int]]:
    """Cuts the bytes from a place on into parts that S3 copies; both ends belong to a part.

    Args:
        start: the first byte.
        size: the bytes of the whole object.
    """
    cuts = list(range(start, size, LARGEST_PART))
    return [(first, min(first + LARGEST_PART, size) - 1) for first in cuts]
