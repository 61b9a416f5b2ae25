"""How long `inference review` and `inference --help` take.

Each is a process of its own, from the start of the interpreter to its end. What counts is processor
time, on which it depends least what else the machine does; of a review its own, and beside it that
of the differ's Node. Prints the medians in seconds, and fails where one is beyond its limit.

- review: two templates of 204 resources of which each model, config, endpoint and alarm changes,
  told as a page with its pictures and costs, which is the format that takes longest.

Usage: ``python benchmarks/review.py [--rounds N]``
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "tests" / "unit" / "review" / "templates" / "realtime.yaml"
sys.path[:0] = [str(ROOT), str(ROOT / "constructs")]

COPIES = 17
MOST_FOR_REVIEW, MOST_FOR_HELP = 2.0, 0.3
# Runs the command and tells at its end what it and its children took.
RUN = """
import atexit, resource, sys
from inference_ops.cli import main
def tell():
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        print(usage.ru_utime + usage.ru_stime, file=sys.stderr)
atexit.register(tell)
main()
"""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Seconds that a command took.

    Attributes:
        own: processor time of its process.
        node: that of its children.
        wall: from its start to its end.
    """

    own: float
    node: float
    wall: float


def run(*arguments: str) -> Taken:
    """Runs the command once.

    Args:
        arguments: after `inference`.
    """
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "constructs")]),
        "JSII_NODE": os.environ.get("JSII_NODE", str(ROOT / ".venv" / "bin" / "node")),
    }
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    wall = time.perf_counter() - began
    lines = done.stderr.splitlines()
    if done.returncode != 0:
        sys.exit(f"inference {' '.join(arguments)} ended with {done.returncode}: {lines[:1]}")
    return Taken(own=float(lines[-2]), node=float(lines[-1]), wall=wall)


def write_templates(directory: Path) -> tuple[list[str], int]:
    """Writes the two templates; their paths, and how many resources each has.

    Args:
        directory: where to.
    """
    from inference_ops.templates import load_templates

    (loaded,) = load_templates(TEMPLATE)
    resources: dict[str, Any] = {}
    for number in range(COPIES):
        text = json.dumps(loaded.content["Resources"])
        for logical_id in loaded.content["Resources"]:
            text = text.replace(f'"{logical_id}"', f'"{logical_id}{number}"')
            text = text.replace(f"${{{logical_id}.", f"${{{logical_id}{number}.")
        resources |= json.loads(text.replace("churn-${Stage}", f"churn{number}-${{Stage}}"))
    paths = []
    for version in ("1", "2"):
        path = directory / f"{version}.json"
        text = json.dumps({**loaded.content, "Resources": resources})
        path.write_text(text.replace("/1/model", f"/{version}/model"))
        paths.append(str(path))
    return paths, len(resources)


def median(taken: Sequence[Taken], of: str) -> float:
    """The median of one of the times."""
    return float(statistics.median(getattr(each, of) for each in taken))


def main() -> None:
    """Measures and prints."""
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="runs of each (default: 5)")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as directory:
        paths, count = write_templates(Path(directory))
        page = ("--format", "html", "--output", str(Path(directory, "review.html")))
        commands = {
            f"review of {count} resources": ("review", *paths, "--region", "us-east-1", *page),
            "--help": ("--help",),
        }
        run("--help")
        taken: dict[str, list[Taken]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, arguments in commands.items():
                taken[name].append(run(*arguments))
    table = Table("inference", "own processor seconds", "at most", "Node's", "wall")
    exceeded = False
    for (name, times), limit in zip(taken.items(), (MOST_FOR_REVIEW, MOST_FOR_HELP), strict=True):
        own, node, wall = (median(times, of) for of in ("own", "node", "wall"))
        table.add_row(name, f"{own:.2f}", f"{limit:.1f}", f"{node:.2f}", f"{wall:.2f}")
        exceeded = exceeded or own > limit
    console = Console()
    console.print(table)
    load = os.getloadavg()[0]
    console.print(f"medians of {rounds} processes each, in turns; load of the machine {load:.1f}")
    if exceeded:
        sys.exit("a limit is exceeded")


if __name__ == "__main__":
    main()
