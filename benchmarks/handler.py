"""How long a request takes in the handler, stage by stage, against its peers.

Prints a table of medians: size by stage by handler, and the ratio of each whole request to that of
the course assignment's handler. All run interleaved in one process, one thread, on the same bodies
and the same model of 30 features and 200 trees of depth 6. What counts is processor time, which
other programs on the machine disturb less than they do the clock.

- assignment: the course assignment's handler, which splits strings and builds a DMatrix
- container: what the XGBoost container does by default
- ours: with the image's own libraries
- accelerated: with the compiled accelerator
- floor: our prediction alone, on rows that are read already

Usage: ``python benchmarks/handler.py [--seconds S] [--type TYPE] [--plot FILE]``
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["SAGEMAKER_CONTAINER_LOG_LEVEL"] = "40"

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import xgboost as xgb
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from local_aws.sagemaker.container import encoders
from model_code.accelerator.build import build

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "build" / "model"
SEED = ROOT / "tests" / "local" / "clients" / "seed" / "inference.py"
SERVING = ROOT / "model_code" / "serving"
CSV, JSON = "text/csv", "application/json"
STAGES = ("parse", "predict", "format")
# Rows of the example have 211 bytes as CSV.
SIZES = {"1 row": 1, "100 rows": 100, "10,000 rows": 10_000, "5 MB": 24_000}

Stages = tuple[Callable[[Any], Any], Callable[[Any], Any], Callable[[Any], Any]]


def train(directory: Path) -> None:
    """Write the model: the example's rows, with noise so that the trees become deep."""
    random = np.random.default_rng(0)
    held_out = np.loadtxt(MODEL / "heldout_labelled.csv", delimiter=",")[:, 1:]
    rows = held_out[random.integers(0, len(held_out), 20_000)]
    rows = rows * (1 + 0.1 * random.standard_normal(rows.shape))
    score = rows[:, 0] + 100 * rows[:, 5] + 5 * random.standard_normal(len(rows))
    data = xgb.DMatrix(rows, score > np.median(score))
    booster = xgb.train({"objective": "binary:logistic", "max_depth": 6}, data, 200)
    (directory / "xgboost-model").write_bytes(booster.save_raw())


def _module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"handler_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _handlers(module: ModuleType, model: object, media_type: str) -> Stages:
    return (
        lambda body: module.input_fn(body, media_type),
        lambda data: module.predict_fn(data, model),
        lambda answer: module.output_fn(answer, media_type),
    )


def peers(directory: Path, media_type: str) -> dict[str, Stages]:
    """The three stages of each handler."""
    sys.path.insert(0, str(SERVING))
    shutil.copytree(directory, directory / "accelerated")
    libraries = directory / "accelerated" / "code"
    libraries.mkdir()
    for library in build(ROOT / "build" / "accelerator").values():
        shutil.copy(library, libraries)
    seed = _module("assignment", SEED)
    booster = seed.model_fn(str(directory))
    found = {"assignment": _handlers(seed, booster, media_type)}
    if media_type == CSV:
        found["container"] = (
            lambda body: encoders.decode(body, CSV),
            lambda data: booster.predict(data, validate_features=False),
            lambda answer: encoders.encode(answer, CSV),
        )
    for name, place in (("ours", directory), ("accelerated", directory / "accelerated")):
        # The module keeps the parser of the model that it loaded: one module per model.
        ours = _module(name, SERVING / "inference.py")
        model = ours.model_fn(str(place))
        if (name == "accelerated") != (type(model.engine).__name__ == "Accelerator"):
            sys.exit(f"the handler {name} has the engine {type(model.engine).__name__}")
        found[name] = _handlers(ours, model, media_type)
        if name == "ours":
            predict = model.engine.predict
    found["floor"] = (lambda body: body, predict, lambda scores: scores)
    return found


def _bodies(rows: int, media_type: str) -> tuple[str, Any]:
    lines = (MODEL / "heldout.csv").read_text().splitlines()
    lines = (lines * (rows // len(lines) + 1))[:rows]
    values = [[float(field) for field in line.split(",")] for line in lines]
    body = json.dumps(values) if media_type == JSON else "\n".join(lines)
    return body, np.array(values, np.float32)


def measure(found: dict[str, Stages], rows: int, media_type: str, seconds: float) -> dict[str, Any]:
    """The medians of each stage and of the whole, in microseconds."""
    body, ready = _bodies(rows, media_type)
    taken: dict[str, list[list[float]]] = {name: [] for name in found}
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(taken["floor"]) < 6:
        for name, stages in found.items():
            # Some in a row, as a server has them: else each would find the others' data cached.
            for _ in range(max(1, 5_000 // (50 + rows))):
                value: Any = ready if name == "floor" else body
                times = [time.process_time()]
                for stage in stages:
                    value = stage(value)
                    times.append(time.process_time())
                taken[name].append([b - a for a, b in itertools.pairwise(times)])
    medians: dict[str, Any] = {}
    for name, runs in taken.items():
        later = runs[1:]
        stage_medians = [1e6 * statistics.median(run[i] for run in later) for i in range(3)]
        medians[name] = [*stage_medians, 1e6 * statistics.median(map(sum, later))]
    return medians


def table(results: dict[str, dict[str, Any]], media_type: str) -> Table:
    """Size by stage by handler."""
    names = list(next(iter(results.values())))
    made = Table(
        f"{media_type}, µs", "stage", *names, title="processor time, median of interleaved runs"
    )
    for column in made.columns[2:]:
        column.justify = "right"
    for size, medians in results.items():
        for index, stage in enumerate((*STAGES, "whole")):
            cells = [f"{medians[name][index]:,.0f}" for name in names]
            if stage != "whole":
                cells[-1] = cells[-1] if stage == "predict" else ""
            made.add_row(size if index == 0 else "", stage, *cells)
        whole = medians["assignment"][3]
        ratios = [f"{medians[name][3] / whole:.2f}" for name in names]
        made.add_row("", "ratio", *ratios, style="bold", end_section=True)
    return made


def plot(results: dict[str, dict[str, Any]], path: Path) -> None:
    """Draw the ratios as bars, stage upon stage."""
    names = [name for name in next(iter(results.values())) if name != "assignment"]
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    for axes, (size, medians) in zip(
        figure.subplots(1, len(results), sharey=True), results.items(), strict=True
    ):
        whole = medians["assignment"][3]
        bottom = np.zeros(len(names))
        for index, stage in enumerate(STAGES):
            part = np.array([medians[name][index] / whole for name in names])
            axes.bar(names, part, bottom=bottom, label=stage, width=0.7)
            bottom += part
        axes.set_title(size, fontsize=9)
        axes.tick_params(axis="x", rotation=60, labelsize=8)
        axes.axhline(1, color="grey", linewidth=0.8, linestyle="--")
        axes.set_ylim(0, 1.3)
    figure.axes[0].set_ylabel("time, assignment's = 1")
    figure.axes[-1].legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5, help="time per size (default: 5)")
    parser.add_argument("--type", choices=(CSV, JSON), default=CSV, help="of bodies and answers")
    parser.add_argument("--plot", type=Path, help="file to draw the ratios into")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        train(Path(scratch))
        found = peers(Path(scratch), arguments.type)
        results = {
            size: measure(found, rows, arguments.type, arguments.seconds)
            for size, rows in SIZES.items()
        }
    Console(width=110).print(table(results, arguments.type))
    print(
        f"one thread, python {sys.version.split()[0]}, numpy {np.__version__}, "
        f"xgboost {xgb.__version__}"
    )
    if arguments.plot is not None:
        plot(results, arguments.plot)


if __name__ == "__main__":
    main()
