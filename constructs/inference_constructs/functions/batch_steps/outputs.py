"""Which object is the output of which input, and whether it holds as many records."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..batch_checks.locations import Location
from ..batch_checks.records import Count, Counting, count_records
from ..batch_checks.transform_job import BAD_RECORDS, CSV, Job, bare, option

SUFFIX = ".out"
# A Lambda function has 15 minutes. At 40 MB/s, less than a busy machine of two cores managed, this
# takes nine.
MOST_COUNTED_BYTES = 20 * 1024**3
_CHUNK_BYTES = 256 * 1024
_THREADS = 8
_LINE_TYPES = (CSV, "application/jsonlines")


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How the records of inputs and outputs are told."""

    inputs: Counting
    outputs: Counting


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was found of one input.

    Attributes:
        name: the input, below the base of all.
        fault: what is wrong with its output; None if it is whole.
        count: what the output holds; None if it was not counted.
        size: the bytes of the output.
    """

    name: str
    fault: str | None = None
    count: Count | None = None
    size: int = 0


def counting_rules(job: Job) -> Rules | None:
    """Says how the records of input and output are told; None where they cannot be compared.

    Args:
        job: the job's options.
    """
    sent, received = bare(option(job, "content_type")), bare(option(job, "accept"))
    # An answer of another type has one record to a line if it answers one record.
    one_by_one = option(job, "strategy") == "SingleRecord" and option(job, "assemble") == "Line"
    compressed = option(job, "compression") != "None"
    if compressed or sent not in _LINE_TYPES or not (received in _LINE_TYPES or one_by_one):
        return None
    marks = job["Environment"].get(BAD_RECORDS) == "mark" and received in _LINE_TYPES
    return Rules(
        inputs=Counting(quotes=sent == CSV),
        outputs=Counting(quotes=received == CSV, marks=marks),
    )


class Outputs:
    """The outputs of a run.

    Args:
        s3: a boto3 client.
        target: where they are.
        since: when the run began; S3 tells the time of an object in whole seconds.
    """

    def __init__(self, s3: Any, target: Location, *, since: datetime) -> None:
        self._s3 = s3
        self._target = target
        self._since = since.replace(microsecond=0)

    def find(self, names: Sequence[str], base: Location) -> tuple[list[str], dict[str, int]]:
        """Finds the outputs of inputs.

        An output is the input's name with `.out`, below the output path. How many of the input's
        folders are kept there is not the same in all of AWS's documents, but it is the same for all
        inputs of a job: the layout is taken that most outputs agree with, and the names below the
        base if any output is there.

        Args:
            names: the inputs, below the base, in their order.
            base: the folder of all inputs.

        Returns:
            The keys that the outputs have or would have, and the bytes of those that are there.
        """
        most = max(name.count("/") for name in names)
        best: tuple[list[str], dict[str, int]] | None = None
        for dropped in (0, *range(1, most + 1), *range(-1, -base.key.count("/") - 1, -1)):
            keys = [self.key(name, base, dropped) for name in names]
            sizes = self._sizes(keys)
            if dropped == 0 and sizes:
                return keys, sizes
            if best is None or len(sizes) > len(best[1]):
                best = keys, sizes
        assert best is not None
        return best

    def key(self, name: str, base: Location, dropped: int) -> str:
        """The key of an input's output.

        Args:
            name: the input, below the base.
            base: the folder of all inputs.
            dropped: how many folders of its name are lost; of those of the base, a negative number
                are kept as well.
        """
        if dropped < 0:
            name = "/".join([*base.key.rstrip("/").split("/")[dropped:], name])
            dropped = 0
        return f"{self._target.key}{name.split('/', dropped)[-1]}{SUFFIX}"

    def _sizes(self, keys: Sequence[str]) -> dict[str, int]:
        """The bytes of those outputs that are there, and of this run."""
        wanted, last = set(keys), max(keys)
        first = min(keys)[:-1]  # a listing begins after the key that it is told
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._target.bucket, Prefix=self._target.key, StartAfter=first
        )
        found: dict[str, int] = {}
        for page in pages:
            for item in page.get("Contents", ()):
                if item["Key"] > last:
                    return found
                if item["Key"] in wanted and item["LastModified"] >= self._since:
                    found[item["Key"]] = item["Size"]
        return found

    def check(
        self,
        names: Sequence[str],
        *,
        source: Location,
        base: Location,
        rules: Rules | None,
        read_bytes: Mapping[str, int],
    ) -> Iterator[Found]:
        """Looks at the output of each input, and counts while there is time for it.

        Args:
            names: the inputs, below the base.
            source: where they were read from: the base, or copies without headers.
            base: the folder of all inputs.
            rules: how records are told; None counts none.
            read_bytes: the sizes of the inputs.
        """
        keys, sizes = self.find(names, base)
        left = MOST_COUNTED_BYTES

        def look(one: tuple[str, str, bool]) -> Found:
            name, key, counted = one
            if key not in sizes:
                return Found(name=name, fault="it has no output")
            if rules is None or not counted:
                return Found(name=name, size=sizes[key])
            expected = count_records(self._read(source, name), rules.inputs)
            found = count_records(self._read(self._target, key, whole=True), rules.outputs)
            fault = None
            if expected.records != found.records:
                fault = f"its output has {found.records} records for {expected.records}"
            return Found(name=name, fault=fault, count=found, size=sizes[key])

        todo = []
        for name, key in zip(names, keys, strict=True):
            needed = read_bytes.get(name, 0) + sizes.get(key, 0)
            todo.append((name, key, needed <= left))
            left -= needed if needed <= left else 0
        with ThreadPoolExecutor(_THREADS) as threads:
            yield from threads.map(look, todo)

    def _read(self, place: Location, name: str, *, whole: bool = False) -> Iterable[bytes]:
        key = name if whole else f"{place.key}{name}"
        body = self._s3.get_object(Bucket=place.bucket, Key=key)["Body"]
        chunks: Callable[[int], Iterable[bytes]] = body.iter_chunks
        return chunks(_CHUNK_BYTES)
