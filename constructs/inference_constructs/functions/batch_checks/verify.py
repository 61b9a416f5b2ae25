"""Checks that a finished job wrote a whole result: an object for each object, a record for each.

A transform job may report success and leave nothing behind, or lose records where the model's
container answers with fewer lines than it was sent. So the result is read, in constant memory.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any

import boto3

from .locations import Location, StoredObject, list_objects, shown
from .records import count_records
from .transform_job import CSV, Job, bare, option

_SUFFIX = ".out"
_CHUNK_BYTES = 1024 * 1024
_THREADS = 8
_LINE_TYPES = (CSV, "application/jsonlines")

Pairs = list[tuple[StoredObject, StoredObject]]


class OutputError(RuntimeError):
    """The job ended, but its output is not whole."""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answers the state machine's last task but the notification.

    Args:
        event: `input`, `output` and `job` as the validation gave them; `started`, when the
            execution was started, ISO 8601.
        context: Lambda's context; unused.

    Returns:
        The number of `objects`; the number of `records`, null where they cannot be counted;
        `verification`, which says what was compared: `records` or `objects`.

    Raises:
        OutputError: an output is missing, or has more or fewer records than its input.
    """
    s3 = boto3.client("s3")
    source, target = Location.parse(event["input"]), Location.parse(event["output"])
    started = datetime.fromisoformat(event["started"])
    inputs = list(list_objects(s3, source))
    pairs = pair(inputs, written_since(started, list_objects(s3, target)), target)
    rules = counting_rules(event["job"])
    if rules is None:
        return {"objects": len(pairs), "records": None, "verification": "objects"}
    return {
        "objects": len(pairs),
        "records": compare(partial(read, s3), pairs, rules),
        "verification": "records",
    }


def written_since(start: datetime, objects: Iterable[StoredObject]) -> list[StoredObject]:
    """Gives the outputs of this run, without what an earlier one left.

    Args:
        start: when the run began; S3 tells the time of an object in whole seconds.
        objects: what lies at the output.
    """
    start = start.replace(microsecond=0)
    return [item for item in objects if item.key.endswith(_SUFFIX) and item.modified >= start]


def pair(inputs: list[StoredObject], outputs: list[StoredObject], target: Location) -> Pairs:
    """Finds the output of each input.

    An output is the input's name with `.out`, below the output path. How many of the input's
    folders are kept there is not the same in all of AWS's documents, but it is the same for all
    inputs of a job: the number that most outputs agree with is taken.

    Args:
        inputs: the objects that the job read.
        outputs: the objects that it wrote.
        target: where the outputs are.

    Raises:
        OutputError: some are missing, or some belong to no input.
    """
    written = {item.key.removeprefix(target.key): item for item in outputs}
    # Of the keys' characters, not of their folders: the names of all inputs may begin alike.
    folders = os.path.commonprefix([item.key for item in inputs]).count("/")  # noqa: RUF071
    layouts = [
        {item.key.split("/", dropped)[-1] + _SUFFIX: item for item in inputs}
        for dropped in range(folders + 1)
    ]
    layout = max(layouts, key=lambda names: len(names.keys() & written.keys()))
    missing = [str(item) for name, item in layout.items() if name not in written]
    if missing:
        raise OutputError(
            f"{len(missing)} of {len(inputs)} inputs have no output below {target}: "
            f"{shown(missing)}"
        )
    surplus = [str(item) for name, item in written.items() if name not in layout]
    if surplus:
        raise OutputError(f"{len(surplus)} outputs belong to no input: {shown(surplus)}")
    return [(item, written[name]) for name, item in layout.items()]


def counting_rules(job: Job) -> tuple[bool, bool] | None:
    """Says how the records of input and output are told; None where they cannot be compared.

    Args:
        job: the job's options.

    Returns:
        For the input and for the output, whether double quotes hide line breaks.
    """
    sent, received = bare(option(job, "content_type")), bare(option(job, "accept"))
    # An answer of another type has one record to a line if it answers one record.
    one_by_one = option(job, "strategy") == "SingleRecord" and option(job, "assemble") == "Line"
    if sent not in _LINE_TYPES or not (received in _LINE_TYPES or one_by_one):
        return None
    return sent == CSV, received == CSV


def compare(
    chunks: Callable[[StoredObject], Iterable[bytes]], pairs: Pairs, rules: tuple[bool, bool]
) -> int:
    """Counts the records of all inputs, and makes sure that each output has as many.

    Args:
        chunks: opens an object.
        pairs: inputs and their outputs.
        rules: as `counting_rules` gives them.

    Raises:
        OutputError: some differ.
    """

    def counts(one: tuple[StoredObject, StoredObject]) -> tuple[int, int]:
        expected, found = (
            count_records(chunks(item), quotes=quotes)
            for item, quotes in zip(one, rules, strict=True)
        )
        return expected, found

    total = 0
    differing = []
    with ThreadPoolExecutor(_THREADS) as threads:
        for (_, output), (expected, found) in zip(pairs, threads.map(counts, pairs), strict=True):
            total += expected
            if expected != found:
                differing.append(f"{output} has {found} records for {expected}")
    if differing:
        raise OutputError(f"{len(differing)} of {len(pairs)} outputs differ: {shown(differing)}")
    return total


def read(s3: Any, item: StoredObject) -> Iterator[bytes]:
    """Streams an object.

    Args:
        s3: a boto3 client.
        item: the object.
    """
    body = s3.get_object(Bucket=item.bucket, Key=item.key)["Body"]
    yield from body.iter_chunks(_CHUNK_BYTES)
