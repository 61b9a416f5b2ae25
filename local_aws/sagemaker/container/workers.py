"""The worker processes: gunicorn's part."""

from __future__ import annotations

import queue
import signal
import socket
import subprocess
import sys
import time

from local_aws.sagemaker.container import wire
from local_aws.sagemaker.container.wire import Head


class WorkerFailedError(Exception):
    """The worker ended before it answered."""


class WorkerTimeoutError(Exception):
    """No worker answered in time."""


class Worker:
    """One process that answers one request at a time."""

    def __init__(self, *, eager: bool = False) -> None:
        """Start it.

        Args:
            eager: import the user's module at once, instead of within the first request.
        """
        self._channel, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "local_aws.sagemaker.container.worker",
                    str(theirs.fileno()),
                    *(["--eager"] if eager else []),
                ],
                pass_fds=[theirs.fileno()],
            )

    def ready(self) -> bool:
        """Wait until an eager worker has imported the user's module; False if that failed."""
        return wire.receive(self._channel) is not None

    def answer(self, head: Head, body: bytes, *, timeout: float) -> tuple[Head, bytes]:
        """Have one request answered.

        Raises:
            WorkerTimeoutError: it did not answer within ``timeout`` seconds.
            WorkerFailedError: it ended.
        """
        self._channel.settimeout(timeout)
        try:
            wire.send(self._channel, head, body)
            frame = wire.receive(self._channel)
        except TimeoutError as error:
            raise WorkerTimeoutError from error
        except OSError as error:
            raise WorkerFailedError from error
        if frame is None:
            raise WorkerFailedError
        return frame

    def kill(self) -> None:
        """End it at once."""
        self._channel.close()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class WorkerPool:
    """Workers that wait for requests; the last one that answered comes first.

    With a single client one warm worker answers everything, as epoll's order has it in the image.
    Every other worker loads the model within its first request.
    """

    def __init__(self, count: int, *, timeout: float, eager: bool) -> None:
        self._timeout = timeout
        self._idle: queue.LifoQueue[Worker] = queue.LifoQueue()
        self._first = Worker(eager=eager)
        self._eager = eager
        for _ in range(count - 1):
            self._idle.put(Worker())

    def ready(self) -> bool:
        """Wait for the first worker; False if the user's module does not import."""
        if self._eager and not self._first.ready():
            return False
        self._idle.put(self._first)
        return True

    def answer(self, head: Head, body: bytes) -> tuple[Head, bytes]:
        """Have one request answered by the next idle worker.

        Raises:
            WorkerTimeoutError: no answer in time, waiting for a worker included.
            WorkerFailedError: the worker ended; another one has taken its place.
        """
        deadline = time.monotonic() + self._timeout
        try:
            worker = self._idle.get(timeout=self._timeout)
        except queue.Empty as error:
            raise WorkerTimeoutError from error
        try:
            answer = worker.answer(head, body, timeout=max(0.001, deadline - time.monotonic()))
        except (WorkerTimeoutError, WorkerFailedError) as error:
            what = "WORKER TIMEOUT" if isinstance(error, WorkerTimeoutError) else "Worker exiting"
            print(f"[CRITICAL] {what} (pid:{worker.process.pid})", file=sys.stderr, flush=True)
            worker.kill()
            self._idle.put(Worker())
            raise
        self._idle.put(worker)
        return answer
