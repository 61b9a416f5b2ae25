"""What a handler costs over HTTP: ours, plain and accelerated, against the course assignment's.

The same clients ask all handlers in turns, over connections that are kept: behind the local AWS's
container, and behind the image's serving stack (nginx, gunicorn, Flask) where nginx is installed.
Prints requests per second, latencies and the server's processor time per request, on which it
depends least what else the machine does, with the ratios to the assignment's; and for a cold start
of the stack with a worker per CPU the slowest of its first requests. Everything is on loopback.

Usage: ``python benchmarks/serve.py [--seconds S]``
"""

from __future__ import annotations

import argparse
import http.client
import importlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "conformance")]
serving: Any = importlib.import_module("serving_pair")

MODEL = ROOT / "build" / "model"
SERVING = ROOT / "model_code" / "serving"
ACCELERATOR = ROOT / "build" / "accelerator"
PEER = "assignment"
HANDLERS = {
    PEER: ROOT / "tests" / "local" / "clients" / "seed",
    "ours": SERVING,
    "accelerated": SERVING,
}
ROWS = (1, 100, 1_000)
ROUNDS = 5
CLIENTS = 2
CPUS = os.cpu_count() or 1

Start = Callable[..., AbstractContextManager[Any]]


@dataclass
class Measured:
    """What the clients saw of one handler.

    Attributes:
        rates: requests per second, a number for each round.
        milliseconds: the latency of each request.
        processor: milliseconds of processor time per request, a number for each round.
    """

    rates: list[float] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def figures(self) -> list[float]:
        """Medians of the rounds, and percentiles of all latencies."""
        percentiles = statistics.quantiles(self.milliseconds, n=100, method="inclusive")
        return [
            statistics.median(self.rates),
            percentiles[49],
            percentiles[98],
            statistics.median(self.processor),
        ]


def _body(rows: int) -> str:
    lines = (MODEL / "heldout.csv").read_text().splitlines()
    repeated = (lines * (rows // len(lines) + 1))[:rows]
    return "\n".join(repeated) + "\n"


@contextmanager
def _artifacts() -> Iterator[dict[str, Path]]:
    """The model with each handler, as it is unpacked in a container."""
    build = ROOT / "model_code" / "accelerator" / "build.py"
    subprocess.run(
        [sys.executable, str(build), "--output", str(ACCELERATOR)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with tempfile.TemporaryDirectory() as name:
        made = {}
        for handler, code in HANDLERS.items():
            made[handler] = Path(name) / handler
            made[handler].mkdir()
            shutil.copy(MODEL / "xgboost-model", made[handler])
            shutil.copytree(
                code, made[handler] / "code", ignore=shutil.ignore_patterns("__pycache__")
            )
        for library in ACCELERATOR.rglob("libaccelerator-*.so"):
            shutil.copy(library, made["accelerated"] / "code")
        yield made


def _ask(port: int, body: str, until: Callable[[int], bool]) -> list[float]:
    """Ask on one connection until that many answers are enough; the latencies."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "text/csv", "Accept": "text/csv"}
    taken: list[float] = []
    while not until(len(taken)):
        began = time.perf_counter()
        connection.request("POST", "/invocations", body, headers)
        response = connection.getresponse()
        response.read()
        taken.append((time.perf_counter() - began) * 1000)
        if response.status != 200:
            raise RuntimeError(f"the server answered {response.status}")
    connection.close()
    return taken


def _round(port: int, body: str, seconds: float, clients: ThreadPoolExecutor) -> list[float]:
    end = time.perf_counter() + seconds
    asking = [
        clients.submit(_ask, port, body, lambda _: time.perf_counter() > end)
        for _ in range(CLIENTS)
    ]
    return [latency for each in asking for latency in each.result()]


def _processor_seconds(server: Any) -> float:
    """Of a server's processes, all that live."""
    first = psutil.Process(server.process.pid)
    times = [process.cpu_times() for process in (first, *first.children(recursive=True))]
    seconds: float = sum(each.user + each.system for each in times)
    return seconds


def _measure(servers: dict[str, Any], rows: int, seconds: float) -> dict[str, Measured]:
    """All handlers in turns."""
    body = _body(rows)
    found = {name: Measured() for name in servers}
    with ThreadPoolExecutor(CLIENTS) as clients:
        for _ in range(ROUNDS):
            for name, server in servers.items():
                before = _processor_seconds(server)
                taken = _round(server.port, body, seconds / ROUNDS, clients)
                spent = _processor_seconds(server) - before
                found[name].rates.append(len(taken) / (seconds / ROUNDS))
                found[name].milliseconds += taken
                found[name].processor.append(spent * 1000 / len(taken))
    return found


def _warm(table: Table, stack: str, start: Start, seconds: float) -> None:
    with _artifacts() as artifacts, ExitStack() as running, ThreadPoolExecutor() as threads:
        starting = {
            name: threads.submit(running.enter_context, start(artifact))
            for name, artifact in artifacts.items()
        }
        servers = {name: future.result() for name, future in starting.items()}
        for rows in ROWS:
            found = _measure(servers, rows, seconds)
            figures = {name: measured.figures() for name, measured in found.items()}
            for name, (rate, median, high, processor) in figures.items():
                cells = (f"{rate:,.0f}", f"{median:.1f}", f"{high:.1f}", f"{processor:.2f}")
                table.add_row(stack, f"{rows:,}", name, *cells)
            for name in (each for each in figures if each != PEER):
                pairs = zip(figures[name], figures[PEER], strict=True)
                ratios = [f"{ours / theirs:.2f}" for ours, theirs in pairs]
                table.add_row(stack, f"{rows:,}", f"{name}, ratio", *ratios)
            table.add_section()


def _cold(start: Start) -> Table:
    """The first 4 x N requests to N workers, all at once, before any ping has warmed one."""
    table = Table("cold, handler", "listening after, s", "slowest, ms", "CPU, s / worker")
    body = _body(1)
    with _artifacts() as artifacts:
        for name, artifact in artifacts.items():
            with (
                start(artifact, ping=False, SAGEMAKER_MODEL_SERVER_WORKERS=str(CPUS)) as server,
                ThreadPoolExecutor(4 * CPUS) as clients,
            ):
                before = _processor_seconds(server)
                asked = clients.map(
                    partial(_ask, server.port, body), [lambda done: done == 1] * 4 * CPUS
                )
                taken = [latency for each in asked for latency in each]
                table.add_row(
                    name,
                    f"{server.seconds:.1f}",
                    f"{max(taken):,.0f}",
                    f"{(_processor_seconds(server) - before) / CPUS:.2f}",
                )
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--seconds", type=float, default=1.5, help="time per size and handler (default: 1.5)"
    )
    seconds = parser.parse_args().seconds
    console = Console(width=110)
    figures = ("requests / s", "p50, ms", "p99, ms", "CPU, ms / request")
    table = Table("server", "rows", "handler", *figures)
    _warm(table, "local AWS", serving.local_container, seconds)
    lacking = serving.missing()
    if lacking is None:
        _warm(table, "nginx, gunicorn", serving.real_stack, seconds)
    console.print(table)
    print(f"one worker, {CLIENTS} clients, {ROUNDS} rounds in turns; medians of the rounds")
    if lacking is None:
        console.print(_cold(serving.real_stack))
        print(f"the first {4 * CPUS} requests to {CPUS} workers, all at once, before any ping")
    else:
        print(f"the image's serving stack is not measured: {lacking}")


if __name__ == "__main__":
    main()
