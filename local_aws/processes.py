"""Child processes that never outlive the server, whatever ends it."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from local_aws import guardian

Output = int | IO[Any] | None

_mark = f"{os.getpid()}-{secrets.token_hex(8)}"
_guard: subprocess.Popen[bytes] | None = None
_lock = threading.Lock()


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    stdout: Output = subprocess.DEVNULL,
    stderr: Output = subprocess.DEVNULL,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a child that ends with this process, even when that is killed with SIGKILL.

    The kernel's own means, ``PR_SET_PDEATHSIG``, fires when the *thread* that forked ends, and
    request threads end all the time. So a guardian process waits for this one's end instead and
    kills what carries its mark, grandchildren included.

    Args:
        argv: the command.
        env: the child's whole environment; one variable with the guardian's mark is added to it.
        cwd: the child's working directory.
        stdout: as `subprocess.Popen` takes it; nowhere by default.
        stderr: likewise.
        pass_fds: file descriptors that the child inherits.
    """
    _ensure_guardian()
    return subprocess.Popen(
        list(argv),
        env={**env, guardian.MARK: _mark},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        pass_fds=pass_fds,
        # A session of its own: Ctrl-C in the server's terminal is for the server, and the child can
        # be ended together with its workers.
        start_new_session=True,
    )


def end(process: subprocess.Popen[bytes], *, grace: float = 2.0) -> None:
    """End a child of `spawn` and its workers: SIGTERM, and SIGKILL after ``grace`` seconds."""
    _signal_group(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=grace)
    _signal_group(process, signal.SIGKILL)
    process.wait()


def _signal_group(process: subprocess.Popen[bytes], signum: signal.Signals) -> None:
    # The group outlives its leader as long as a worker lives, so it is signalled in any case.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signum)


def _ensure_guardian() -> None:
    global _guard  # noqa: PLW0603
    with _lock:
        if _guard is None or _guard.poll() is not None:
            # The pipe is held open by this object and by nobody else.
            _guard = subprocess.Popen(
                [sys.executable, "-I", guardian.__file__, _mark],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
