"""Starts a model behind the image's serving stack, and behind the local AWS's container."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from local_aws.processes import end, spawn

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SERVING_PYTHON = ROOT / ".venv-serving" / "bin" / "python"
# Debian has nginx where only root's PATH leads.
PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/usr/local/sbin"])
START_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server.

    Attributes:
        port: where it listens, on loopback.
        log: what it and its workers wrote.
        process: its first process.
        seconds: from its start until it was ready.
    """

    port: int
    log: Path
    process: subprocess.Popen[bytes]
    seconds: float


def missing() -> str | None:
    """What the image's serving stack lacks on this machine; None if it can be started."""
    if shutil.which("nginx", path=PATH) is None:
        return "nginx is not installed: on Debian and Ubuntu, `apt-get install nginx-light`"
    if not SERVING_PYTHON.exists():
        return f"{SERVING_PYTHON.parents[1].name} is missing: `make install` makes it"
    return None


@contextmanager
def real_stack(
    artifact: Path, *, python: Path = SERVING_PYTHON, ping: bool = True, **environment: str
) -> Iterator[Server]:
    """Nginx, gunicorn and Flask as in the image.

    Args:
        artifact: the unpacked artifact, with the code in ``code/``; it is copied.
        python: of the environment with the stack.
        ping: whether to wait for a ping, which loads the model in the worker that answers it;
            otherwise until gunicorn listens.
        environment: further environment variables of the container.
    """
    with _base(artifact) as base:
        run, packages = base / "run", base / "site-packages"
        run.mkdir()
        packages.mkdir()
        # As the container's user: nginx's workers are nobody, and go through to the socket.
        base.chmod(0o755)
        run.chmod(0o755)
        port = _unused_port()
        variables = {
            "PATH": f"{python.parent}{os.pathsep}{PATH}",
            "PYTHONPATH": os.pathsep.join([str(HERE / "stack"), str(packages)]),
            "SAGEMAKER_BIND_TO_PORT": f"127.0.0.1:{port}",
            "SAGEMAKER_SUBMIT_DIRECTORY": str(base / "model" / "code"),
            # `pip install .` on the code, without network and not into the environment itself.
            "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_NO_INDEX": "1",
            "PIP_TARGET": str(packages),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_CONFIG_FILE": os.devnull,
        }
        command = [str(python), str(HERE / "stack" / "serve.py")]
        ready = partial(_pings, port) if ping else partial(_connects, run / "gunicorn.sock")
        with _served(command, run, port, variables | _common(base) | environment, ready) as server:
            yield server


@contextmanager
def local_container(artifact: Path, *, ping: bool = True, **environment: str) -> Iterator[Server]:
    """The local AWS's container, of which each instance of an endpoint is one.

    Args:
        artifact: the unpacked artifact, with the code in ``code/``; it is copied.
        ping: whether to wait for a ping.
        environment: further environment variables of the container.
    """
    with _base(artifact) as base:
        port = _unused_port()
        variables = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        }
        module = "local_aws.sagemaker.container"
        command = [sys.executable, "-P", "-m", module, "--port", str(port)]
        ready = partial(_pings, port) if ping else partial(_connects, port)
        with _served(command, base, port, variables | _common(base) | environment, ready) as server:
            yield server


def _common(base: Path) -> dict[str, str]:
    return {
        "HOME": str(base),
        "SAGEMAKER_BASE_DIR": str(base),
        "SM_MODEL_DIR": str(base / "model"),
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
        "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
    }


@contextmanager
def _base(artifact: Path) -> Iterator[Path]:
    """A directory of a short name, which a socket's path must have, in the place of /opt/ml."""
    with tempfile.TemporaryDirectory(prefix="serving-", ignore_cleanup_errors=True) as name:
        base = Path(name)
        shutil.copytree(artifact, base / "model")
        yield base


@contextmanager
def _served(
    command: Sequence[str],
    cwd: Path,
    port: int,
    variables: Mapping[str, str],
    ready: Callable[[], bool],
) -> Iterator[Server]:
    log = cwd / "log"
    began = time.monotonic()
    # Appended to: nginx opens the same file once more.
    with log.open("ab") as output:
        process = spawn(command, env=variables, cwd=cwd, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait(process, log, ready)
        yield Server(port=port, log=log, process=process, seconds=time.monotonic() - began)
    finally:
        end(process)


def _wait(process: subprocess.Popen[bytes], log: Path, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not done():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the server did not start:\n{log.read_text()[-4000:]}")
        time.sleep(0.05)


def _pings(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _connects(where: int | Path) -> bool:
    """Whether somebody listens on a port of loopback, or on a socket's path."""
    family = socket.AF_UNIX if isinstance(where, Path) else socket.AF_INET
    address = str(where) if isinstance(where, Path) else ("127.0.0.1", where)
    with socket.socket(family) as client:
        return client.connect_ex(address) == 0


def _unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
