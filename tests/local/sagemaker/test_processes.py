"""Child processes end with the process that started them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from local_aws.processes import end, spawn

ROOT = Path(__file__).parents[3]
# A "server" that starts a child from a short-lived thread; the child has a child of its own.
SERVER = """
import os, sys, threading, time
from pathlib import Path
from local_aws.processes import spawn
child = ("import subprocess, sys, time; "
         "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
         "print(p.pid, flush=True); time.sleep(600)")
def start():
    argv = [sys.executable, "-c", child]
    process = spawn(argv, env=dict(os.environ), cwd=Path("/"), stdout=sys.stdout)
    print(process.pid, flush=True)
thread = threading.Thread(target=start)
thread.start()
thread.join()
time.sleep(600)
"""


def gone(pids: list[int], *, within: float) -> bool:
    """Whether all of ``pids`` end (or are zombies) before ``within`` seconds are over."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if not any(psutil.pid_exists(pid) and running(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def running(pid: int) -> bool:
    """Whether ``pid`` is a process that has not ended."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_children_and_grandchildren_end_with_a_killed_server(signum: signal.Signals) -> None:
    """Neither SIGKILL nor SIGTERM of the server leaves a process behind."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    pids = [int(server.stdout.readline()) for _ in range(2)]
    # The thread that started them has ended; they must not have ended with it.
    time.sleep(0.3)
    assert all(running(pid) for pid in pids)
    os.kill(server.pid, signum)
    server.wait()
    assert gone(pids, within=5)


def test_end_takes_the_workers_of_a_child_along(tmp_path: Path) -> None:
    """`end` kills a child that ignores SIGTERM, and the child's own child."""
    script = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(p.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    process = spawn(
        [sys.executable, "-c", script], env=dict(os.environ), cwd=tmp_path, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    worker = int(process.stdout.readline())
    end(process, grace=0.2)
    assert process.returncode == -signal.SIGKILL
    assert gone([worker], within=2)
