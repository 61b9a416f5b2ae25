"""Runs the pure part of a transform job, with a function in the container's place."""

from __future__ import annotations

import io
import queue
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local_aws.transform.runner import Failures, Target, Worker
from local_aws.transform.settings import settings
from local_aws.transform.source import Source

Handler = Callable[[bytes], bytes]


@dataclass
class Container:
    """A container whose answer is computed by ``handler``; remembers what it was sent."""

    handler: Callable[[bytes], Any]
    alive: bool = True
    requests: list[bytes] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    def invoke(self, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Any:
        """Answer one request; a handler may return an answer or just its body."""
        del timeout
        self.requests.append(body)
        self.headers.append(headers)
        answer = self.handler(body)
        return answer if isinstance(answer, Reply) else Reply(body=answer)


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    body: bytes
    status: int = 200


class MemoryS3:
    """Objects in memory, behind the two S3 calls that a runner makes."""

    def __init__(self, objects: Mapping[str, bytes]) -> None:
        self.objects = dict(objects)
        self.written: dict[str, bytes] = {}
        self.arguments: dict[str, Any] = {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        """The object's body."""
        del Bucket
        return {"Body": io.BytesIO(self.objects[Key])}

    def upload_fileobj(self, file: Any, bucket: str, key: str, ExtraArgs: Any) -> None:
        """Keep what is written."""
        del bucket
        self.written[key] = file.read()
        self.arguments[key] = ExtraArgs


@dataclass
class Outcome:
    """What a run left behind."""

    container: Container
    s3: MemoryS3
    failures: Failures

    @property
    def written(self) -> dict[str, bytes]:
        """Output objects by key."""
        return self.s3.written

    @property
    def errors(self) -> list[str]:
        """The messages of the files that failed."""
        return [str(error) for _, error in self.failures.found]


@pytest.fixture
def transform(tmp_path: Path) -> Callable[..., Outcome]:
    """Transform objects with a job's settings, against a function."""

    def run(
        objects: Mapping[str, bytes] | bytes,
        handler: Callable[[bytes], Any],
        execution_parameters: Mapping[str, Any] | None = None,
        **request: Any,
    ) -> Outcome:
        given = {"data.csv": objects} if isinstance(objects, bytes) else dict(objects)
        s3 = MemoryS3(given)
        container = Container(handler)
        chosen = settings(
            {
                "TransformInput": request.pop("source", {}),
                "TransformOutput": request.pop("output", {}),
                **request,
            },
            execution_parameters,
        )
        target = Target(s3=s3, bucket="out", prefix="results", encryption={})
        worker = Worker(container, chosen, target, tmp_path)
        files: queue.SimpleQueue[Source] = queue.SimpleQueue()
        for key in given:
            files.put(Source(bucket="in", key=key, relative=key))
        failures = Failures()
        worker.run(files, failures)
        return Outcome(container, s3, failures)

    return run


@pytest.fixture
def reply() -> type[Reply]:
    """An answer with a status of its own."""
    return Reply
