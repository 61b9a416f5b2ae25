"""Which object is the output of which input, and whether it holds as many records."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from ..batch_checks.locations import Location
from ..batch_checks.records import Count, Counting, count_records
from ..batch_checks.transform_job import BAD_RECORDS, CSV, Job, bare, option

SUFFIX = ".out"
# A Lambda function has 15 minutes. At 60 MB/s, below what was measured, this takes six.
MOST_COUNTED_BYTES = 20 * 1024**3
_CHUNK_BYTES = 1024 * 1024
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

    def layout(self, names: Sequence[str], base: Location) -> int:
        """Tells how many folders of an input's name its output has lost.

        An output is the input's name with `.out`, below the output path. How many of the input's
        folders are kept there is not the same in all of AWS's documents, but it is the same for all
        inputs of a job; so the first output that is found decides. Negative numbers stand for
        folders of the base, which are kept as well.

        Args:
            names: the inputs, below the base.
            base: the folder of all inputs.
        """
        above = base.key.count("/")
        for name in names:
            for dropped in (*range(name.count("/") + 1), *range(-1, -above - 1, -1)):
                if self._size(self.key(name, base, dropped)) is not None:
                    return dropped
        return 0

    def key(self, name: str, base: Location, dropped: int) -> str:
        """The key of an input's output.

        Args:
            name: the input, below the base.
            base: the folder of all inputs.
            dropped: as `layout` gives it.
        """
        if dropped < 0:
            name = "/".join([*base.key.rstrip("/").split("/")[dropped:], name])
            dropped = 0
        return f"{self._target.key}{name.split('/', dropped)[-1]}{SUFFIX}"

    def _size(self, key: str) -> int | None:
        """The bytes of an output of this run; None if there is none."""
        try:
            found = self._s3.head_object(Bucket=self._target.bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise
        size: int = found["ContentLength"]
        return size if found["LastModified"] >= self._since else None

    def check(
        self, names: Sequence[str], *, source: Location, base: Location, rules: Rules | None
    ) -> Iterator[Found]:
        """Looks at the output of each input, and counts while there is time for it.

        Args:
            names: the inputs, below the base.
            source: where they were read from: the base, or copies without headers.
            base: the folder of all inputs.
            rules: how records are told; None counts none.
        """
        dropped = self.layout(names, base)
        left = MOST_COUNTED_BYTES if rules is not None else 0

        def look(name: str) -> tuple[str, str, int | None, int]:
            key = self.key(name, base, dropped)
            size = self._size(key)
            if size is None or rules is None:
                return name, key, size, 0
            item = self._s3.head_object(Bucket=source.bucket, Key=f"{source.key}{name}")
            return name, key, size, item["ContentLength"]

        def compare(one: tuple[str, str, int | None, int, bool]) -> Found:
            name, key, size, _, counted = one
            if size is None:
                return Found(name=name, fault="it has no output")
            if rules is None or not counted:
                return Found(name=name, size=size)
            expected = count_records(
                self._read(source.bucket, f"{source.key}{name}"), rules.inputs
            )
            found = count_records(self._read(self._target.bucket, key), rules.outputs)
            fault = None
            if expected.records != found.records:
                fault = f"its output has {found.records} records for {expected.records}"
            return Found(name=name, fault=fault, count=found, size=size)

        with ThreadPoolExecutor(_THREADS) as threads:
            pairs = []
            for name, key, size, read in threads.map(look, names):
                needed = read + (size or 0)
                counted = needed <= left
                left -= needed if counted else 0
                pairs.append((name, key, size, read, counted))
            yield from threads.map(compare, pairs)

    def _read(self, bucket: str, key: str) -> Iterable[bytes]:
        body = self._s3.get_object(Bucket=bucket, Key=key)["Body"]
        chunks: Callable[[int], Iterable[bytes]] = body.iter_chunks
        return chunks(_CHUNK_BYTES)
