"""How long a request takes in the handler: ours against the course assignment's.

Prints a table of medians in microseconds and their ratio; both run interleaved in one process, one
thread, on the same CSV bodies and the same model.

Usage: ``python benchmarks/handler.py [--seconds S]``
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import sys
import time
from pathlib import Path
from types import ModuleType

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "build" / "model"
HANDLERS = {
    "assignment": ROOT / "tests" / "local" / "clients" / "seed" / "inference.py",
    "ours": ROOT / "model_code" / "serving" / "inference.py",
}
ROWS = (1, 100, 10_000)


def _load(name: str, path: Path) -> ModuleType:
    """The handler at ``path`` as a module of its own; its neighbours can be imported."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(f"handler_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _body(rows: int) -> str:
    """A CSV body of that many held-out rows, repeated as needed."""
    lines = (MODEL / "heldout.csv").read_text().splitlines()
    repeated = (lines * (rows // len(lines) + 1))[:rows]
    return "\n".join(repeated) + "\n"


def _request(handler: ModuleType, model: object, body: str) -> object:
    data = handler.input_fn(body, "text/csv")
    return handler.output_fn(handler.predict_fn(data, model), "text/csv")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3, help="time per size (default: 3)")
    arguments = parser.parse_args()
    handlers = {name: _load(name, path) for name, path in HANDLERS.items()}
    models = {name: handler.model_fn(str(MODEL)) for name, handler in handlers.items()}
    table = Table("rows", *(f"{name}, µs" for name in handlers), "ratio ours / assignment")
    for rows in ROWS:
        body = _body(rows)
        taken: dict[str, list[float]] = {name: [] for name in handlers}
        end = time.monotonic() + arguments.seconds
        while time.monotonic() < end:
            for name, handler in handlers.items():
                start = time.perf_counter()
                _request(handler, models[name], body)
                taken[name].append(time.perf_counter() - start)
        medians = {name: statistics.median(times[1:] or times) for name, times in taken.items()}
        ratio = medians["ours"] / medians["assignment"]
        table.add_row(
            f"{rows:,}", *(f"{medians[name] * 1e6:,.0f}" for name in handlers), f"{ratio:.2f}"
        )
    Console().print(table)
    print(f"one thread, {np.__name__} {np.__version__}, {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
