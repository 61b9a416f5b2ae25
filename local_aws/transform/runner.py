"""Runs the files of a job through its instances, in constant memory."""

from __future__ import annotations

import queue
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from local_aws.transform.batching import Batch, assembled, line_batches, mini_batches
from local_aws.transform.errors import AlgorithmFault, ClientFault, TransformError
from local_aws.transform.settings import Settings
from local_aws.transform.source import Source, opened
from local_aws.transform.split import split

IN_MEMORY = 1024 * 1024
RETRY_SECONDS = 0.2
# Each part under way is in memory.
_UPLOADS = TransferConfig(max_concurrency=2)


class Answer(Protocol):
    """What a container answered."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def body(self) -> bytes:
        """The whole body."""


class Instance(Protocol):
    """A container that can be asked, such as `local_aws.sagemaker.instances.ModelInstance`."""

    @property
    def alive(self) -> bool:
        """Whether its process runs."""

    def invoke(self, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Answer:
        """Send one request and wait for the answer."""


class Stopped(Exception):
    """The job was stopped while a file was under way."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where results go.

    Attributes:
        s3: an S3 client with the execution role's session.
        bucket: the output path's bucket.
        prefix: the output path's key, without a slash at its end.
        encryption: arguments of the upload that name the KMS key.
    """

    s3: Any
    bucket: str
    prefix: str
    encryption: Mapping[str, str]

    def key(self, relative: str) -> str:
        """Where the result of an input goes."""
        return "/".join(part for part in (self.prefix, f"{relative}.out") if part)

    def upload(self, result: IO[bytes], relative: str) -> None:
        """Write a whole file's result; multipart when it is large."""
        key = self.key(relative)
        result.seek(0)
        try:
            self.s3.upload_fileobj(
                result, self.bucket, key, ExtraArgs=dict(self.encryption), Config=_UPLOADS
            )
        except (ClientError, S3UploadFailedError, BotoCoreError) as error:
            raise ClientFault(f"Failed to write s3://{self.bucket}/{key}: {error}") from error


class Worker:
    """One instance and the requests that are in flight to it.

    Files are taken from a queue that all workers share. Requests of several files run at the same
    time, never more than ``settings.concurrency``; answers are written in the records' order.
    """

    def __init__(
        self, instance: Instance, settings: Settings, target: Target, scratch: Path
    ) -> None:
        self._instance = instance
        self._settings = settings
        self._target = target
        self._scratch = scratch
        self._changed = threading.Condition()
        self._permits = settings.concurrency
        self._pool = ThreadPoolExecutor(settings.concurrency, thread_name_prefix="transform")
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Begin nothing more; what is in flight ends when the instance does."""
        self._stopping.set()

    def run(self, files: queue.SimpleQueue[Source], failed: Failures) -> None:
        """Transform files until there are none left."""
        feeders = [
            threading.Thread(target=self._feed, args=(files, failed), daemon=True)
            for _ in range(min(self._settings.concurrency, files.qsize()))
        ]
        for feeder in feeders:
            feeder.start()
        for feeder in feeders:
            feeder.join()
        self._pool.shutdown(cancel_futures=True)

    def _feed(self, files: queue.SimpleQueue[Source], failed: Failures) -> None:
        while not self._stopping.is_set():
            try:
                source = files.get_nowait()
            except queue.Empty:
                return
            try:
                self._transform(source)
            except Stopped:
                return
            except TransformError as error:
                failed.add(source, error)
            except Exception as error:  # a fault of this program must fail the job, not hang it
                failed.add(source, TransformError(f"{type(error).__name__}: {error}"))

    def _transform(self, source: Source) -> None:
        with (
            tempfile.SpooledTemporaryFile(max_size=IN_MEMORY, dir=str(self._scratch)) as result,
            opened(self._target.s3, source, self._settings.compression) as stream,
        ):
            self._write_answers(self._batches(stream), result)
            if self._stopping.is_set():
                raise Stopped
            # Only now: a file that failed half-way leaves nothing.
            self._target.upload(result, source.relative)

    def _batches(self, stream: Any) -> Iterator[Batch]:
        processing, multi = self._settings.processing, self._settings.multi_record
        looks_into = processing.join or not processing.input_filter.is_root
        if self._settings.split_type == "Line" and multi and not looks_into:
            return line_batches(stream, self._settings.limit)
        records = split(stream, self._settings.split_type)
        return mini_batches(
            (processing.unit(record, framed=multi) for record in records),
            multi_record=multi,
            limit=self._settings.limit,
            keep_originals=processing.join,
        )

    def _write_answers(self, batches: Iterator[Batch], result: IO[bytes]) -> None:
        in_flight: deque[tuple[Batch, Future[bytes]]] = deque()
        try:
            for batch in batches:
                while not self._permitted(in_flight):
                    self._write_oldest(in_flight, result)
                future = self._pool.submit(self._ask, batch.body)
                in_flight.append((batch, future))
                future.add_done_callback(self._notify)
            while in_flight:
                self._write_oldest(in_flight, result)
        finally:
            for _, future in in_flight:
                if not future.cancel():
                    future.exception()
                self._release()

    def _write_oldest(
        self, in_flight: deque[tuple[Batch, Future[bytes]]], result: IO[bytes]
    ) -> None:
        batch, future = in_flight.popleft()
        try:
            answer = future.result()
            if self._settings.processing.changes_output:
                answer = self._settings.processing.output(batch, answer)
            result.write(assembled(answer, self._settings.assemble_with))
        finally:
            self._release()

    def _permitted(self, in_flight: deque[tuple[Batch, Future[bytes]]]) -> bool:
        """Wait for a permit, or for the file's oldest answer, which holds one until it is written.

        Returns:
            True with a permit taken; False when there is an answer to write first.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._permits or (in_flight and in_flight[0][1].done()) or False
            )
            if self._permits:
                self._permits -= 1
                return True
            return False

    def _release(self) -> None:
        with self._changed:
            self._permits += 1
            self._changed.notify_all()

    def _notify(self, _future: Future[bytes]) -> None:
        with self._changed:
            self._changed.notify_all()

    def _ask(self, body: bytes) -> bytes:
        attempts = self._settings.retries + 1
        for attempt in range(attempts):
            if self._stopping.is_set():
                raise Stopped
            try:
                return self._ask_once(body)
            except AlgorithmFault:
                if self._stopping.is_set():
                    raise Stopped from None
                if attempt + 1 == attempts or not self._instance.alive:
                    raise
                time.sleep(RETRY_SECONDS * 2**attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _ask_once(self, body: bytes) -> bytes:
        headers, timeout = self._settings.headers, self._settings.timeout
        try:
            answer = self._instance.invoke(body, headers, timeout=timeout)
        except TimeoutError as error:
            raise AlgorithmFault(f"Model server did not respond within {timeout:g}s") from error
        except Exception as error:
            raise AlgorithmFault(f"Unable to get response from algorithm: {error}") from error
        text = answer.body.decode(errors="replace")
        if 400 <= answer.status < 500:
            # The caller's fault: the same request would fail the same way.
            raise ClientFault(f"ClientError: {answer.status}\n\nMessage:\n{text}")
        if answer.status != 200:
            raise AlgorithmFault(
                f"Bad HTTP status received from algorithm: {answer.status}\n{text}"
            )
        return answer.body


class Failures:
    """The files of a job that failed, in the order in which they did."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.found: list[tuple[Source, TransformError]] = []

    def add(self, source: Source, error: TransformError) -> None:
        """Note that ``source`` failed."""
        with self._lock:
            self.found.append((source, error))
