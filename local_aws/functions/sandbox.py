"""One execution environment: a process with a function's code, and the socket to it."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from local_aws.cloud import Cloud
from local_aws.functions import report
from local_aws.functions.function import LiveFunction
from local_aws.functions.log import LogStream, Output
from local_aws.functions.package import command, environment, unpack
from local_aws.permissions.sessions import assume
from local_aws.processes import end, spawn

# On AWS; a start that takes longer is repeated within the function's own timeout.
INIT_SECONDS = 10
# A role's session lasts an hour: an environment that is reused must not outlive it.
LIFETIME_SECONDS = 45 * 60


@dataclass(frozen=True, kw_only=True)
class Run:
    """How one run of a function ended.

    Attributes:
        request_id: the run's id.
        payload: the response, or the error, as JSON.
        failed: whether it is an error.
        events: the run's log.
        duration_ms: how long the handler took.
    """

    request_id: str
    payload: bytes
    failed: bool
    events: list[dict[str, Any]]
    duration_ms: float


class Sandbox:
    """A process that runs one version of one function, one event at a time."""

    def __init__(self, cloud: Cloud, function: LiveFunction) -> None:
        self.arn = function.qualified_arn
        self.revision = function.revision
        self._function = function
        self._born = time.monotonic()
        self._init_ms: float | None = None
        self._peak_bytes = 0
        credentials = assume(
            function.role,
            service="lambda.amazonaws.com",
            session_name=function.function_name[:64],
        )
        stream = f"{datetime.now(UTC):%Y/%m/%d}/[{function.version}]{uuid.uuid4().hex}"
        self._log = LogStream(cloud.client("logs", credentials), function.log_group, stream)
        self._home = Path(tempfile.mkdtemp(dir=cloud.directory("functions")))
        own, theirs = socket.socketpair()
        try:
            unpack(function, self._home / "task")
            (self._home / "tmp").mkdir()
            self._process = spawn(
                command(function, theirs.fileno()),
                env=environment(cloud, function, credentials, home=self._home, stream=stream),
                cwd=self._home / "task",
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
            )
        except Exception:
            own.close()
            shutil.rmtree(self._home, ignore_errors=True)
            raise
        finally:
            theirs.close()
        assert self._process.stdout is not None
        self._output = Output(self._process.stdout)
        self._socket = own
        self._reader = own.makefile("r", encoding="utf-8")

    @property
    def usable(self) -> bool:
        """Whether another event may be sent."""
        young = time.monotonic() - self._born < LIFETIME_SECONDS
        return young and self._process.poll() is None

    def run(self, event: str, function_arn: str, request_id: str) -> Run:
        """Run the function on one event; after a timeout or a crash the process has ended."""
        timeout = float(self._function.timeout)
        cold = self._init_ms is None
        reply = self._initialised(timeout) if cold else None
        self._output.write(
            report.start(request_id, str(self._function.version), as_json=self._function.logs_json)
        )
        started = time.monotonic()
        if reply is None:
            self._send(event, function_arn, request_id, timeout)
            reply = self._receive(timeout)
        duration = (time.monotonic() - started) * 1000
        failed, payload = self._outcome(request_id, reply)
        usage = report.Usage(
            duration_ms=duration,
            init_ms=self._init_ms if cold else None,
            memory_mb=int(self._function.memory_size),
            peak_mb=self._peak_mb(),
        )
        events = self._output.take(request_id)
        for line in report.finish(
            request_id, usage, failed=failed, as_json=self._function.logs_json
        ):
            events.append({"timestamp": int(time.time() * 1000), "message": line})
        self._log.put(events)
        return Run(
            request_id=request_id,
            payload=payload,
            failed=failed,
            events=events,
            duration_ms=duration,
        )

    def close(self) -> None:
        """End the process and remove what it left on disk."""
        end(self._process, grace=0)
        self._reader.close()
        self._socket.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def _initialised(self, timeout: float) -> dict[str, Any] | None:
        reply = self._receive(INIT_SECONDS + timeout)
        self._init_ms = (time.monotonic() - self._born) * 1000
        return None if "ready" in reply else reply

    def _send(self, event: str, function_arn: str, request_id: str, timeout: float) -> None:
        message = {
            "event": event,
            "request_id": request_id,
            "function_arn": function_arn,
            "deadline_ms": int((time.time() + timeout) * 1000),
            "trace_id": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0",
        }
        # A process that has ended meanwhile is found out when its answer is missing.
        with contextlib.suppress(OSError):
            self._socket.sendall(json.dumps(message).encode() + b"\n")

    def _receive(self, seconds: float) -> dict[str, Any]:
        """The process's next message; ``timeout`` or ``exit`` where there is none."""
        self._socket.settimeout(seconds)
        line = ""
        try:
            line = self._reader.readline()
        except TimeoutError:
            end(self._process, grace=0)
            return {"timeout": float(self._function.timeout)}
        except OSError:
            pass
        if line:
            reply: dict[str, Any] = json.loads(line)
            return reply
        status = self._process.wait()
        end(self._process, grace=0)
        return {"exit": status}

    def _outcome(self, request_id: str, reply: dict[str, Any]) -> tuple[bool, bytes]:
        if "result" in reply:
            return False, reply["result"].encode()
        if "timeout" in reply:
            error = report.timed_out(request_id, reply["timeout"])
            words = error["errorMessage"].partition("Error: ")[2]
            self._output.write(f"{report.now()} {request_id} {words}")
        elif "exit" in reply:
            error = report.exited(request_id, reply["exit"])
            self._output.write(f"{error['errorMessage']}\n{error['errorType']}")
        else:
            error = reply["error"]
        return True, json.dumps(error).encode()

    def _peak_mb(self) -> int:
        with contextlib.suppress(psutil.Error):
            used = psutil.Process(self._process.pid).memory_info().rss
            self._peak_bytes = max(self._peak_bytes, used)
        return round(self._peak_bytes / 2**20)
