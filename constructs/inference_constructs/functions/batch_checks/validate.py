"""Checks a request for a batch run before a job is started for it.

What an execution may ask for:

    input                      required: s3://bucket/key-or-prefix, within what the workflow reads
    output                     where the results go; default: <output of the workflow>/<execution>/
    content_type, split        of the input: a media type; None, Line, RecordIO or TFRecord
    accept, assemble           of the output: a media type; None or Line
    strategy                   MultiRecord or SingleRecord
    join                       Input: each prediction beside its record; or None
    input_filter, output_filter  JSONPath
    max_payload_mb, max_concurrent_transforms  whole numbers

What is not given is as the workflow was deployed.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from .locations import Location, StoredObject, list_objects, shown
from .transform_job import OVERRIDES, Job, job_faults, option, with_overrides

_NAME_DIGITS = 16
_ARCHIVE_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_BYTES_PER_MB = 1024 * 1024


class RequestError(ValueError):
    """The request cannot be run; whoever made it has to change it or its input."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A request, understood.

    Attributes:
        source: where the input is.
        target: where the output goes.
        job: the options of the job.
    """

    source: Location
    target: Location
    job: Job


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answers the state machine's first task.

    Args:
        event: `request` (the execution's input), `execution` (`Id`, `Name`), and what the workflow
            was deployed with: `job`, `inputs`, `output`, `job_name_prefix`.
        context: Lambda's context; unused.

    Returns:
        `name` for the job, without the attempt's number; `job`, `input` and `output`; the number of
        `objects` and their size in `bytes`.

    Raises:
        RequestError: with everything that is wrong.
    """
    run = understand(event)
    s3 = boto3.client("s3")
    objects = check_input(s3, run)
    check_output(s3, run.target)
    return {
        "name": job_name(event["job_name_prefix"], event["execution"]["Id"]),
        "job": run.job,
        "input": str(run.source),
        "output": str(run.target),
        "objects": len(objects),
        "bytes": sum(item.size for item in objects),
    }


def job_name(prefix: str, execution_id: str) -> str:
    """Names the job of an execution: the same execution gets the same name.

    Args:
        prefix: how the name begins.
        execution_id: the execution's ARN, which may be longer than a job's name and hold characters
            that it cannot.
    """
    digest = hashlib.sha256(execution_id.encode()).hexdigest()
    return f"{prefix}-{digest[:_NAME_DIGITS]}"


def understand(event: Mapping[str, Any]) -> Run:
    """Reads a request on top of what the workflow was deployed with, without looking into S3.

    Args:
        event: as `handler` gets it.

    Raises:
        RequestError: with everything that is wrong.
    """
    request = event["request"]
    if not isinstance(request, dict):
        raise RequestError(f'expected an object such as {{"input": "s3://…"}}, got {request!r}')
    faults = []
    known = {"input", "output", *OVERRIDES}
    if unknown := sorted(set(request) - known):
        faults.append(f"unknown fields {shown(unknown)}; known are {', '.join(sorted(known))}")
    overrides = {name: value for name, value in request.items() if name in OVERRIDES}
    job = with_overrides(event["job"], overrides)
    faults += job_faults(job)

    source = target = None
    try:
        source = Location.parse(request.get("input"))
    except ValueError as error:
        faults.append(f"input: {error}")
    try:
        default = f"{event['output']}{event['execution']['Name']}/"
        target = Location.parse(request.get("output", default)).as_folder
    except ValueError as error:
        faults.append(f"output: {error}")

    if source is not None and not any(
        source.within(Location.parse(place)) for place in event["inputs"]
    ):
        faults.append(f"input {source} is not within {shown(event['inputs'])}")
    if target is not None and not target.within(Location.parse(event["output"])):
        faults.append(f"output {target} is not within {event['output']}")
    if source is not None and target is not None and source.overlaps(target):
        faults.append(f"output {target} and input {source} overlap: results would be read as input")
    if faults or source is None or target is None:
        raise RequestError("; ".join(faults))
    job["TransformInput"]["DataSource"] = {
        "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": str(source)}
    }
    job["TransformOutput"]["S3OutputPath"] = str(target)
    return Run(source=source, target=target, job=job)


def check_input(s3: Any, run: Run) -> list[StoredObject]:
    """Gives the objects that the job will read.

    Args:
        s3: a boto3 client.
        run: the request.

    Raises:
        RequestError: there are none, or the job could not read them.
    """
    with _refusals("input", run.source):
        objects = list(list_objects(s3, run.source))
        if not objects:
            raise RequestError(f"input {run.source}: no object's key begins so")
        _refuse("empty", objects, [item for item in objects if item.size == 0])
        archived = [item for item in objects if item.storage_class in _ARCHIVE_CLASSES]
        _refuse("archived", objects, archived)
        if option(run.job, "split") == "None":
            limit = option(run.job, "max_payload_mb")
            _refuse(
                f"larger than max_payload_mb ({limit}), and split None sends them whole",
                objects,
                [item for item in objects if item.size > limit * _BYTES_PER_MB],
            )
        # Listing needs no right to the objects or to their key; reading a byte needs both.
        first = objects[0]
        s3.get_object(Bucket=first.bucket, Key=first.key, Range="bytes=0-0")["Body"].read()
    return objects


def check_output(s3: Any, target: Location) -> None:
    """Makes sure that the results of another run are neither mixed with this one's nor replaced.

    Args:
        s3: a boto3 client.
        target: where the output goes.

    Raises:
        RequestError: something lies there.
    """
    with _refusals("output", target):
        present = next(list_objects(s3, target), None)
    if present is not None:
        raise RequestError(f"output {target} already holds {present}: choose another place")


def _refuse(fault: str, objects: list[StoredObject], found: list[StoredObject]) -> None:
    if found:
        names = shown([str(item) for item in found])
        raise RequestError(f"{len(found)} of {len(objects)} objects are {fault}: {names}")


@contextmanager
def _refusals(what: str, place: Location) -> Iterator[None]:
    """Turns S3's refusals into errors of the request; what may pass by itself stays as it is."""
    try:
        yield
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            raise
        details = error.response["Error"]
        raise RequestError(
            f"{what} {place} cannot be read: {details['Code']}: {details['Message']}"
        ) from error
