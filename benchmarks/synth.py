"""How long a synth takes: the canary example against the same deployment in level-1 constructs.

Each synth is a process of its own, as under `cdk synth`: interpreter, imports, Node and templates.
Both sides take turns. What counts is the processor time of Python and Node, on which it depends
least what else the machine does. Prints the medians in seconds and their ratios, and fails where
one is beyond its limit.

- ours and raw: `examples/canary/app.py` and `benchmarks/raw_canary`, of which a test asserts that
  they define the same, the keys, log groups, roles and functions included.
- validation on: the CDK's validator, both packs of cdk-nag and the rules of this library.
- 50 endpoints: in stacks of ten, which share a key, a topic, a model and the owner of the scaling.
  A stack holds at most 500 resources. Without validation they have no limit: the same in bare
  level-1 constructs took 0.9 of ours, which is twice the time of one endpoint already.

Usage: ``python benchmarks/synth.py [--rounds N]``
"""

from __future__ import annotations

import argparse
import ast
import compileall
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
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
MANY, IN_A_STACK = 50, 10
MOST_AGAINST_RAW, MOST_FOR_MANY, MOST_FOR_IMPORT = 1.15, 2.0, 0.15


@dataclass(frozen=True)
class Synth:
    """What a process synthesizes.

    Attributes:
        side: `ours`, `raw` or `many`.
        endpoints: how many.
        validation: whether the templates are checked.
    """

    side: str
    endpoints: int
    validation: bool

    def seconds(self) -> float:
        """Runs it in a process of its own; the processor time that it and its Node took."""
        environment = {
            **os.environ,
            "CDK_VALIDATION": "true" if self.validation else "false",
            "JSII_NODE": os.environ.get("JSII_NODE", str(ROOT / ".venv" / "bin" / "node")),
        }
        arguments = [self.side, str(self.endpoints), "on" if self.validation else "off"]
        began = _children_seconds()
        subprocess.run(
            [sys.executable, __file__, "--synthesize", *arguments], env=environment, check=True
        )
        return _children_seconds() - began


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


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
        {"ours": _ours, "raw": _raw, "many": _many}[side](app, endpoints)
        app.synth()


def _ours(app: Any, endpoints: int) -> None:
    """Runs the example's own lines, in this app and with a number after the stack's name."""
    for number in range(endpoints):
        tree = ast.parse(EXAMPLE.read_text())
        tree.body = [
            node for node in tree.body if ast.unparse(node) not in {"app = App()", "app.synth()"}
        ]
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and node.value == "example-canary":
                node.value = f"example-canary-{number}"
        exec(compile(tree, str(EXAMPLE), "exec"), {"app": app})


def _raw(app: Any, endpoints: int) -> None:
    from benchmarks.raw_canary.stack import RawCanary

    for number in range(endpoints):
        name = f"example-canary-{number}"
        RawCanary(app, name, endpoint_name=name, model_version=VERSION)


def _many(app: Any, endpoints: int) -> None:
    """Endpoints like the example's, in stacks of ten that share what can be shared."""
    from aws_cdk import Stack

    from inference_constructs import (
        EncryptionKey,
        EndpointAlarms,
        FleetShare,
        InferenceModel,
        ModelArtifact,
        Notifications,
        ProductionVariant,
        RealtimeEndpoint,
        Rollout,
        Scaling,
        TargetTracking,
    )

    artifact = ModelArtifact.from_source(MODEL)
    alarms, rollout = EndpointAlarms(), Rollout.canary(size=FleetShare.percent(10))
    target = TargetTracking.invocations_per_instance(6000)
    scaling = Scaling(min_capacity=2, max_capacity=6, policies=[target])
    for number in range(endpoints):
        if number % IN_A_STACK == 0:
            stack = Stack(app, f"many-{number // IN_A_STACK}")
            encryption = EncryptionKey(stack, "Encryption")
            notifications = Notifications(stack, "Notifications", encryption=encryption)
            model = InferenceModel(stack, "Model", artifact=artifact)
        variant = ProductionVariant(model=model, instance_type="ml.m5.large", scaling=scaling)
        endpoint = RealtimeEndpoint(
            stack,
            f"Endpoint{number}",
            variants=[variant],
            rollout=rollout,
            encryption=encryption,
        )
        endpoint.add_alarms(alarms, notifications)


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
        for validation in (False, True)
        for side, endpoints in (("raw", 1), ("ours", 1), ("many", 1), ("many", MANY))
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
    # As pip does with what it installs, the CDK among it: else each process would compile our side.
    for directory in ("benchmarks", "constructs"):
        compileall.compile_dir(ROOT / directory, quiet=1)
    medians = measure(rounds)
    table = Table("processor seconds", "validation", "of", "to", "ratio", "at most")
    exceeded = False
    for subject, limit, base, compared in (
        ("raw to ours", MOST_AGAINST_RAW, ("raw", 1), ("ours", 1)),
        (f"1 to {MANY} endpoints", MOST_FOR_MANY, ("many", 1), ("many", MANY)),
    ):
        for validation in (False, True):
            of, to = (medians[Synth(*key, validation)] for key in (base, compared))
            limited = validation or base[0] != "many"
            table.add_row(
                subject,
                "on" if validation else "off",
                f"{of:.2f}",
                f"{to:.2f}",
                f"{to / of:.2f}",
                f"{limit:.2f}" if limited else "",
            )
            exceeded = exceeded or (limited and to / of > limit)
    seconds = statistics.median(import_seconds() for _ in range(rounds))
    console = Console()
    console.print(table)
    console.print(f"import inference_constructs: {seconds:.3f} s, at most {MOST_FOR_IMPORT} s")
    console.print(f"medians of {rounds} processes each, in turns; Python {sys.version.split()[0]}")
    if exceeded or seconds > MOST_FOR_IMPORT:
        sys.exit("a limit is exceeded")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--synthesize"]:
        synthesize(sys.argv[2], int(sys.argv[3]), validation=sys.argv[4] == "on")
    else:
        main()
