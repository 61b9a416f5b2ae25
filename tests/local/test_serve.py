"""The command `python -m local_aws serve`."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]


def _serve(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "local_aws", "serve", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_it_says_one_line_when_ready_and_stops_cleanly(
    launch: Callable[..., Any], tmp_path: Path, name: signal.Signals
) -> None:
    """SIGTERM and Ctrl-C end it with exit code 0, and no child is left."""
    running = launch(tmp_path / "state")
    assert running.said == (f"local AWS ready at {running.url}",)
    assert running.client("sts").get_caller_identity()["Account"] == "123456789012"
    children = psutil.Process(running.process.pid).children(recursive=True)
    running.process.send_signal(name)
    assert running.process.wait(timeout=60) == 0
    assert [child for child in children if child.is_running()] == []


def test_it_listens_on_loopback_only(launch: Callable[..., Any], tmp_path: Path) -> None:
    """Nobody else on the network can reach it."""
    running = launch(tmp_path / "state")
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(running.process.pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert set(listening) == {"127.0.0.1"}


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    """The second start on a port names the port and the option; its state is not touched."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ended = _serve("--port", str(port), "--state", str(tmp_path / "state"))
    assert ended.returncode == 2
    assert ended.stderr == f"local_aws: port {port} is taken: choose another with --port\n"
    assert not (tmp_path / "state").exists()


def test_a_directory_of_somebody_else_is_never_emptied(tmp_path: Path) -> None:
    """A state directory with other files is refused, and the files stay."""
    (tmp_path / "thesis.txt").write_text("years of work")
    ended = _serve("--port", "1", "--state", str(tmp_path))
    assert ended.returncode == 2
    assert "thesis.txt" in ended.stderr
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_state_directory_in_use_is_left_alone(launch: Callable[..., Any], tmp_path: Path) -> None:
    """A second server on the same directory is refused; the first one goes on."""
    running = launch(tmp_path / "state")
    (tmp_path / "state" / "object").write_text("of the first")
    ended = _serve("--port", "1", "--state", str(tmp_path / "state"))
    assert ended.returncode == 2
    assert f"in use (Written by `python -m local_aws`, process {running.process.pid}.)" in (
        ended.stderr
    )
    assert (tmp_path / "state" / "object").read_text() == "of the first"
    assert running.client("sts").get_caller_identity()["Account"] == "123456789012"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("--port", "0"), "from 1 to 65535"), (("--speed", "0.5"), "from 1 to 1000")],
)
def test_bad_arguments_are_usage_errors(arguments: tuple[str, str], said: str) -> None:
    """The message says what is allowed and what was given."""
    ended = _serve(*arguments)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert arguments[1] in ended.stderr


def test_after_a_crash_it_starts_empty_and_says_so(
    launch: Callable[..., Any], tmp_path: Path
) -> None:
    """Killed in the middle, it never comes back with half a state."""
    state = tmp_path / "state"
    first = launch(state)
    first.client("s3").create_bucket(Bucket="before-the-crash")
    (state / "leftover").write_text("half written")
    first.process.kill()
    first.process.wait()
    second = launch(state)
    assert second.said[0] == f"state of an earlier run in {state} removed: starting empty"
    assert second.client("s3").list_buckets()["Buckets"] == []
    assert not (state / "leftover").exists()


def test_an_operation_that_is_missing_is_told_by_its_name(local_aws: Any) -> None:
    """A client gets an error that names the operation, not a traceback."""
    sagemaker = local_aws.client("sagemaker")
    with pytest.raises(sagemaker.exceptions.ClientError, match=r"(?i)create_?hub"):
        sagemaker.create_hub(HubName="hub", HubDescription="none here")
