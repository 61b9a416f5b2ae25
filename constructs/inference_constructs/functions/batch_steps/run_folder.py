"""What the workflow keeps of a run in S3: `<output>/_runs/<run>/`.

plan.json              what is to be done
shards.json            the jobs, which the distributed map reads
shards/00000.json      the objects of a job, as a manifest of SageMaker's
sizes/00000.json       their bytes
inputs/                copies without a header
reports/00000.json     what became of a job
summary.json           how the run ended
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..batch_checks.locations import Location, list_objects
from ..batch_checks.request import RUNS_FOLDER

NAME_DIGITS = 16


def run_id(execution: str) -> str:
    """Names a run after its execution.

    Args:
        execution: the execution's ARN.
    """
    return digest(execution)


def digest(*parts: object) -> str:
    """Gives 16 hexadecimal digits of the SHA-256 of some values.

    Args:
        parts: the values.
    """
    text = "\n".join(map(str, parts))
    return hashlib.sha256(text.encode()).hexdigest()[:NAME_DIGITS]


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run.

    Attributes:
        s3: a boto3 client.
        place: the folder.
    """

    s3: Any
    place: Location

    @classmethod
    def of(cls, s3: Any, output: str, execution: str) -> "RunFolder":
        """The folder of an execution.

        Args:
            s3: a boto3 client.
            output: the workflow's output.
            execution: the execution's ARN.
        """
        root = Location.parse(output)
        return cls(s3, Location(root.bucket, f"{root.key}{RUNS_FOLDER}{run_id(execution)}/"))

    def location(self, name: str) -> Location:
        """The place of a file.

        Args:
            name: the file, below the folder.
        """
        return Location(self.place.bucket, f"{self.place.key}{name}")

    def write(self, name: str, content: Any) -> str:
        """Writes a file and gives its URI.

        Args:
            name: the file, below the folder.
            content: what is written, as JSON.
        """
        place = self.location(name)
        write_json(self.s3, place, content)
        return str(place)

    def read(self, name: str) -> Any:
        """Reads a file; None if there is none.

        Args:
            name: the file, below the folder.
        """
        return read_json(self.s3, self.location(name))

    def reports(self) -> Iterator[dict[str, Any]]:
        """Yields what became of each job that has ended."""
        for item in list_objects(self.s3, self.location("reports/")):
            yield read_json(self.s3, Location(item.bucket, item.key))


def shard_file(number: int) -> str:
    """Names the manifest of a job.

    Args:
        number: the job's number within the run.
    """
    return f"shards/{number:05}.json"


def sizes_file(number: int) -> str:
    """Names the sizes of the objects of a job.

    Args:
        number: the job's number within the run.
    """
    return f"sizes/{number:05}.json"


def report_file(number: int) -> str:
    """Names the report of a job.

    Args:
        number: the job's number within the run.
    """
    return f"reports/{number:05}.json"


def write_json(s3: Any, place: Location, content: Any) -> None:
    """Writes an object.

    Args:
        s3: a boto3 client.
        place: the object.
        content: what is written.
    """
    body = json.dumps(content, indent=1).encode()
    s3.put_object(Bucket=place.bucket, Key=place.key, Body=body, ContentType="application/json")


def read_json(s3: Any, place: Location) -> Any:
    """Reads an object; None if there is none.

    Args:
        s3: a boto3 client.
        place: the object.
    """
    if not exists(s3, place):
        return None
    return json.loads(s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read())


def exists(s3: Any, place: Location) -> bool:
    """Tells whether there is an object.

    It is looked for in a listing: asked for an object that is not there, S3 says so only to those
    who may list the whole bucket.

    Args:
        s3: a boto3 client.
        place: the object.
    """
    found = s3.list_objects_v2(Bucket=place.bucket, Prefix=place.key, MaxKeys=1)
    # The key itself comes before all that it begins.
    return any(item["Key"] == place.key for item in found.get("Contents", ()))
