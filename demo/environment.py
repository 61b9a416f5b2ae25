"""The local AWS that the demo deploys to, and the programs that talk to it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from demo.console import dim

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "build" / "demo"
STATE = ROOT / ".local-aws"
REGION = "us-east-1"
# Waits of AWS (alarm periods, cooldowns) pass this many times faster.
SPEED = 60
# stack | done/all | time | status | resource type | path (logical id)
EVENT = re.compile(r"\S+ +\|[^|]+\|[^|]+\| (\w+) +\| (\S+) +\| (\S+)")


class DemoError(Exception):
    """A step did not do what it promises."""


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class LocalAwsProcess:
    """`python -m local_aws serve` as a child process."""

    def __init__(self, port: int) -> None:
        self.url = f"http://localhost:{port}"
        self._port = port
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """The server's process id; 0 before `start`."""
        return self._process.pid if self._process else 0

    def start(self, log: Path) -> None:
        """Start it and return when it is ready; its log goes to ``log``.

        Raises:
            DemoError: it ended before it was ready.
        """
        with log.open("w") as stderr:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "local_aws", "serve", "--port", str(self._port)),
                    *("--state", str(STATE), "--speed", str(SPEED)),
                ],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                start_new_session=True,  # Ctrl-C ends the demo, which then stops the server
            )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            dim(line.rstrip())
            if line.startswith("local AWS ready"):
                return
        self._process.wait()
        self._process = None
        raise DemoError(f"the local AWS did not start, see {log}: {log.read_text().strip()[-500:]}")

    def stop(self) -> None:
        """Stop it, and with it every model process.

        Raises:
            DemoError: it did not end cleanly.
        """
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(timeout=30)
        except subprocess.TimeoutExpired as error:
            self._process.kill()
            raise DemoError("the local AWS did not stop within 30 s of SIGTERM") from error
        finally:
            self._process = None
        if code != 0:
            raise DemoError(f"the local AWS ended with exit code {code}")

    @property
    def variables(self) -> dict[str, str]:
        """What a client needs in its environment to talk to it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        """A boto3 client of it."""
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    def run(
        self, *command: str, log: Path, shown: Callable[[str], str | None] = str.rstrip
    ) -> list[str]:
        """Run a program against it, show its lines as they come and keep them in ``log``.

        Args:
            command: the program and its arguments.
            log: the file for everything that it prints.
            shown: what to show of a line; None or nothing shows nothing.

        Returns:
            The lines that the program printed.

        Raises:
            DemoError: its exit code is not 0.
        """
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CDK_"))}
        path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
        environment = kept | self.variables | {"PATH": path, "NO_COLOR": "1"}
        environment["SAGEMAKER_SUPPRESS_V2_WARNING"] = "1"
        lines = []
        with (
            log.open("w") as sink,
            subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ) as process,
        ):
            assert process.stdout is not None
            for line in process.stdout:
                sink.write(line)
                lines.append(line.rstrip())
                if text := shown(line):
                    dim(text)
        if process.returncode != 0:
            raise DemoError(
                f"`{' '.join(command)}` ended with exit code {process.returncode}, see {log}"
            )
        return lines

    def cdk(self, *arguments: str) -> None:
        """Run the CDK CLI on this project's app, stage dev.

        Raises:
            DemoError: its exit code is not 0.
        """
        self.run(
            *("cdk", *arguments, "-c", "stage=dev", "--output", str(OUTPUT / "cdk.out")),
            *("--ci", "--no-notices"),
            *(("--progress", "events") if arguments[0] in ("deploy", "destroy") else ()),
            log=OUTPUT / f"cdk-{arguments[0]}.log",
            shown=_cdk_line,
        )


def _cdk_line(line: str) -> str | None:
    """What is worth showing of the CDK CLI's output: of the events, those that end something."""
    event = EVENT.match(line)
    if event is None:
        return line.rstrip()
    status, kind, path = event.groups()
    if status.endswith("_IN_PROGRESS"):
        return None
    return f"{status:<16} {kind.removeprefix('AWS::'):<40} {path}"
