"""The objects that a run reads: which they are, and whether the jobs can read them."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from ..batch_checks.headers import HEAD_BYTES, Head, read_head
from ..batch_checks.locations import Location, StoredObject, list_objects, shown
from ..batch_checks.request import Request, RequestError
from ..batch_checks.transform_job import CSV, bare, largest_index, option

_ARCHIVE_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_BYTES_PER_MB = 1024 * 1024
_LARGEST_MANIFEST = 64 * _BYTES_PER_MB
THREADS = 16


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a run reads.

    Attributes:
        base: the folder below which all objects are; outputs keep the rest of the key.
        objects: the objects, in the order of their keys.
        headers: how many bytes of each object are its header, by key; nothing where none is.
    """

    base: Location
    objects: list[StoredObject]
    headers: Mapping[str, int]

    @property
    def size(self) -> int:
        """The bytes of all objects."""
        return sum(item.size for item in self.objects)

    def relative(self, item: StoredObject) -> str:
        """The key of an object below the base.

        Args:
            item: one of the objects.
        """
        return item.key.removeprefix(self.base.key)


def find_inputs(s3: Any, request: Request) -> Inputs:
    """Gives the objects that a run will read, after a look at what they are.

    Args:
        s3: a boto3 client.
        request: the request.

    Raises:
        RequestError: there are none, or no job could read them.
    """
    source = request.source
    with refusals("input", source):
        if request.manifest:
            inputs = _listed(s3, source)
        else:
            base = Location(source.bucket, source.key[: source.key.rfind("/") + 1])
            inputs = Inputs(base=base, objects=list(list_objects(s3, source)), headers={})
        return checked_inputs(s3, request, inputs)


def stored(s3: Any, base: Location, names: list[str]) -> Inputs:
    """Looks up objects whose keys are known.

    Args:
        s3: a boto3 client.
        base: the folder below which they are.
        names: the rest of the keys.

    Raises:
        RequestError: there is no such object.
    """

    def look(name: str) -> StoredObject | None:
        key = f"{base.key}{name}"
        try:
            found = s3.head_object(Bucket=base.bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise
        return StoredObject(
            base.bucket,
            key,
            found["ContentLength"],
            found["LastModified"],
            found.get("StorageClass", "STANDARD"),
            found["ETag"].strip('"'),
        )

    with ThreadPoolExecutor(THREADS) as threads:
        found = list(threads.map(look, names))
    missing = [f"{base}{name}" for name, item in zip(names, found, strict=True) if item is None]
    if missing:
        raise RequestError(
            f"{len(missing)} of {len(names)} objects are not there: {shown(missing)}"
        )
    objects = sorted((item for item in found if item is not None), key=lambda item: item.key)
    return Inputs(base=base, objects=objects, headers={})


def _listed(s3: Any, source: Location) -> Inputs:
    """Reads a manifest: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html."""
    body = s3.get_object(Bucket=source.bucket, Key=source.key)["Body"].read(_LARGEST_MANIFEST)
    try:
        first, *names = json.loads(body)
        base = Location.parse(first["prefix"])
        if not all(isinstance(name, str) and name for name in names):
            raise TypeError("an entry is no key")
    except (ValueError, KeyError, TypeError) as error:
        raise RequestError(
            f'input {source}: expected a manifest [{{"prefix": "s3://…/"}}, "key", …]: {error}'
        ) from error
    if len(set(names)) < len(names):
        raise RequestError(f"input {source} lists an object twice")
    return stored(s3, base, names)


def checked_inputs(s3: Any, request: Request, inputs: Inputs) -> Inputs:
    """Looks at objects, also into them, and tells their headers.

    Args:
        s3: a boto3 client.
        request: the request.
        inputs: the objects.

    Raises:
        RequestError: there are none, or no job could read them.
    """
    objects, job = inputs.objects, request.job
    if not objects:
        raise RequestError(f"input {request.source}: no object's key begins so")
    _refuse("empty", objects, [item for item in objects if item.size == 0])
    archived = [item for item in objects if item.storage_class in _ARCHIVE_CLASSES]
    _refuse("archived", objects, archived)
    if option(job, "split") == "None":
        limit = option(job, "max_payload_mb")
        _refuse(
            f"larger than max_payload_mb ({limit}), and split None sends them whole",
            objects,
            [item for item in objects if item.size > limit * _BYTES_PER_MB],
        )
    is_csv = bare(option(job, "content_type")) == CSV and option(job, "compression") == "None"
    if not is_csv or request.options["header"] == "none":
        # Listing needs no right to the objects or to their key; reading a byte needs both.
        _begin(s3, objects[0], 1)
        return inputs
    with ThreadPoolExecutor(THREADS) as threads:
        heads = list(threads.map(lambda item: read_head(_begin(s3, item, HEAD_BYTES)), objects))
    _check_columns(request, objects[0], heads[0])
    headed = [(item, head) for item, head in zip(objects, heads, strict=True) if head.header]
    if headed and request.options["header"] == "refuse":
        first = ",".join(headed[0][1].header or ())
        raise RequestError(
            f"{len(headed)} of {len(objects)} objects begin with a header, which the service "
            f"would send to the model as a record ({headed[0][0]}: {first[:80]}): ask for "
            '{"header": "strip"}, or for "none" if it is none'
        )
    only = [item for item, head in headed if head.length >= item.size]
    _refuse("nothing but a header", objects, only)
    return replace(inputs, headers={item.key: head.length for item, head in headed})


def _check_columns(request: Request, item: StoredObject, head: Head) -> None:
    path = option(request.job, "input_filter")
    index = largest_index(path)
    if index is not None and index >= head.columns:
        raise RequestError(
            f"input_filter {path} names column {index}, counted from 0, and {item} has "
            f"{head.columns} columns"
        )


def _begin(s3: Any, item: StoredObject, size: int) -> bytes:
    found = s3.get_object(Bucket=item.bucket, Key=item.key, Range=f"bytes=0-{size - 1}")
    content: bytes = found["Body"].read()
    return content


def _refuse(fault: str, objects: list[StoredObject], found: list[StoredObject]) -> None:
    if found:
        names = shown([str(item) for item in found])
        raise RequestError(f"{len(found)} of {len(objects)} objects are {fault}: {names}")


def check_target(s3: Any, request: Request) -> None:
    """Makes sure that the results of another run are neither mixed with this one's nor replaced.

    Args:
        s3: a boto3 client.
        request: the request.

    Raises:
        RequestError: something lies there.
    """
    if request.overwrite:
        return
    with refusals("output", request.target):
        present = next(list_objects(s3, request.target), None)
    if present is not None:
        raise RequestError(
            f"output {request.target} already holds {present}: choose another place, or ask for "
            '{"overwrite": true}'
        )


@contextmanager
def refusals(what: str, place: Location) -> Iterator[None]:
    """Turns S3's refusals into errors of the request; what may pass by itself stays as it is.

    Args:
        what: the field of the request.
        place: what it names.
    """
    try:
        yield
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            raise
        details = error.response["Error"]
        raise RequestError(
            f"{what} {place} cannot be read: {details['Code']}: {details['Message']}"
        ) from error
