"""How long a synth takes: the canary example against the same deployment in level-1 constructs.

Each synth is a process of its own, as under `cdk synth`: interpreter, imports, Node and templates.
Both sides take turns. Prints the medians in seconds and their ratios, and fails where one is beyond
its limit.

- ours and raw: `examples/canary/app.py` and `benchmarks/raw_canary`, of which a test asserts that
  they define the same, the keys, log groups, roles and functions included.
- validation on: the CDK's validator, both packs of cdk-nag and the rules of this library.
- 50 endpoints: 50 stacks in one app.

Usage: ``python benchmarks/synth.py [--rounds N]``
"""

from __future__ import annotations

import argparse
import ast
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "canary" / "app.py"
sys.path[:0] = [str(ROOT), str(ROOT / "constructs")]

MODEL = "s3://example-models/churn/model.tar.gz"
VERSION = "9b2c0de4"
PIN = {
    f"inference:model:{MODEL}": {
        "source": MODEL,
        "region": "us-east-1",
        "artifact": {"uri": MODEL, "etag": VERSION},
        "model": {"format": "ubj", "version": "3.2.0"},
    }
}
MANY = 50
MOST_AGAINST_RAW, MOST_FOR_MANY, MOST_FOR_IMPORT = 1.15, 2.0, 0.15


@dataclass(frozen=True)
class Synth:
    """What a process synthesizes.

    Attributes:
        side: `ours` or `raw`.
        endpoints: how many.
        validation: whether the templates are checked.
    """

    side: str
    endpoints: int
    validation: bool

    def seconds(self) -> float:
        """Runs it in a process of its own, and takes the time."""
        environment = {
            **os.environ,
            "CDK_VALIDATION": "true" if self.validation else "false",
            "JSII_NODE": os.environ.get("JSII_NODE", str(ROOT / ".venv" / "bin" / "node")),
        }
        arguments = [self.side, str(self.endpoints), "on" if self.validation else "off"]
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, __file__, "--synthesize", *arguments], env=environment, check=True
        )
        return time.perf_counter() - began


def synthesize(side: str, endpoints: int, *, validation: bool) -> None:
    """Synthesizes an app into a directory that is thrown away."""
    import json

    import aws_cdk

    context = {**json.loads((ROOT / "cdk.json").read_text())["context"], **PIN}
    with tempfile.TemporaryDirectory() as directory:
        app = aws_cdk.App(outdir=directory, context=context)
        if validation:
            from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks

            from inference_constructs.rules import InferenceChecks

            aws_cdk.Validations.of(app).add_plugins(
                AwsSolutionsChecks(app), NIST80053R5Checks(app), InferenceChecks()
            )
        define = _example(app) if side == "ours" else _raw(app)
        for number in range(endpoints):
            define(number)
        app.synth()


def _example(app: Any) -> Callable[[int], None]:
    """The example's own lines, in one app and with a number after the stack's name."""

    def define(number: int) -> None:
        tree = ast.parse(EXAMPLE.read_text())
        tree.body = [
            node for node in tree.body if ast.unparse(node) not in {"app = App()", "app.synth()"}
        ]
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and node.value == "example-canary":
                node.value = f"example-canary-{number}"
        exec(compile(tree, str(EXAMPLE), "exec"), {"app": app})

    return define


def _raw(app: Any) -> Callable[[int], None]:
    from benchmarks.raw_canary.stack import RawCanary

    def define(number: int) -> None:
        name = f"example-canary-{number}"
        RawCanary(app, name, endpoint_name=name, model_version=VERSION)

    return define


def import_seconds() -> float:
    """Processor time that `import inference_constructs` adds to `import aws_cdk`."""
    code = (
        "import time, aws_cdk\n"
        "began = time.process_time()\n"
        "import inference_constructs\n"
        "print(time.process_time() - began)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT / "constructs")},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def measure(rounds: int) -> Mapping[Synth, float]:
    """The median of each synth, all of them taking turns."""
    synths = [
        Synth(side, endpoints, validation)
        for endpoints in (1, MANY)
        for validation in (False, True)
        for side in ("raw", "ours")
    ]
    taken: dict[Synth, list[float]] = {synth: [] for synth in synths}
    for _ in range(rounds):
        for synth in synths:
            taken[synth].append(synth.seconds())
    return {synth: statistics.median(times) for synth, times in taken.items()}


def main() -> None:
    """Measures and prints."""
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="synths of each kind (default: 7)")
    rounds = parser.parse_args().rounds
    medians = measure(rounds)
    table = Table("endpoints", "validation", "raw, s", "ours, s", "ratio", "at most")
    ratios = []
    for endpoints in (1, MANY):
        for validation in (False, True):
            raw, ours = (medians[Synth(side, endpoints, validation)] for side in ("raw", "ours"))
            limit = MOST_AGAINST_RAW if endpoints == 1 else None
            ratios.append((ours / raw, limit))
            table.add_row(
                str(endpoints),
                "on" if validation else "off",
                f"{raw:.2f}",
                f"{ours:.2f}",
                f"{ours / raw:.2f}",
                "" if limit is None else f"{limit:.2f}",
            )
    growth = Table(f"ours, {MANY} endpoints against one", "ratio", "at most")
    for validation in (False, True):
        many, one = (medians[Synth("ours", number, validation)] for number in (MANY, 1))
        ratios.append((many / one, MOST_FOR_MANY))
        growth.add_row(
            f"validation {'on' if validation else 'off'}",
            f"{many / one:.2f}",
            f"{MOST_FOR_MANY:.2f}",
        )
    seconds = statistics.median(import_seconds() for _ in range(rounds))
    ratios.append((seconds, MOST_FOR_IMPORT))
    console = Console()
    console.print(table)
    console.print(growth)
    console.print(f"import inference_constructs: {seconds:.3f} s, at most {MOST_FOR_IMPORT} s")
    console.print(f"medians of {rounds} processes each, in turns; Python {sys.version.split()[0]}")
    if any(limit is not None and found > limit for found, limit in ratios):
        sys.exit("a limit is exceeded")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--synthesize"]:
        synthesize(sys.argv[2], int(sys.argv[3]), validation=sys.argv[4] == "on")
    else:
        main()
