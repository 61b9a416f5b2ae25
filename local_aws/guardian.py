"""Ends what a dead server left running: ``python guardian.py MARK``, a pipe of the server as stdin.

It blocks on the pipe, which nobody writes to: the kernel closes it when the server ends, however
it ended. Whatever then still carries the mark in its environment is killed.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time

import psutil

MARK = "LOCAL_AWS_PROCESS_OF"
# Seconds that a killed process may take to go, e.g. while the kernel writes for it.
_PATIENCE = 30


def kill_marked(mark: str) -> int:
    """Kill every process whose environment carries ``mark``; returns how many."""
    killed = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                process.kill()
                killed += 1
    return killed


def main() -> None:
    """Wait for the server's end, then kill until nothing is left."""
    mark = sys.argv[1]
    sys.stdin.buffer.read()
    # A second look finds a child that had been forked but not yet executed at the first one.
    clean = 0
    deadline = time.monotonic() + _PATIENCE
    while clean < 2 and time.monotonic() < deadline:
        clean = 0 if kill_marked(mark) else clean + 1
        time.sleep(0.1)


if __name__ == "__main__":
    main()
