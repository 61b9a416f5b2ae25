"""Saves models in XGBoost's legacy binary format anew as UBJ, and proves that they are the same."""

import importlib.metadata
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from inference_ops.console import Console
from inference_ops.environments import environment
from inference_ops.errors import CommandError
from model_artifacts.files import atomic_write
from model_artifacts.images import DEFAULT_XGBOOST_VERSION
from model_artifacts.model_format import inspect_model

_SCRIPT = Path(__file__).with_name("convert_script.py")


def convert_model(
    model: Path, output: Path, *, console: Console, force: bool = False
) -> dict[str, object]:
    """Convert a model.

    Args:
        model: A model in the legacy binary format.
        output: The UBJ file to write, after the proof and not before.
        console: Where progress is told.
        force: Whether `output` may be replaced.

    Returns:
        Which releases converted and verified, and how many rows were compared.

    Raises:
        CommandError: The model is in another format, the output exists, or predictions differ.
        ArtifactError: The model is missing or damaged.
    """
    _check(model, output, force)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        new, probe = work / "model.ubj", work / "probe.npz"
        legacy = environment("legacy", console.progress)
        console.progress(f"saving {model} anew")
        proof = _run(legacy, "convert", model, new, probe)
        current = _current_python(console)
        console.progress("comparing predictions")
        proof |= _run(current, "verify", new, probe)
        with atomic_write(output) as file:
            file.write(new.read_bytes())
    return proof


def _check(model: Path, output: Path, force: bool) -> None:
    found = inspect_model(model)
    if found.format == "pickle":
        raise CommandError(
            f"{model} is a pickle, not the legacy binary format: load it where it was made, if you "
            "trust it, and save it with Booster.save_model('model.ubj')"
        )
    if found.format != "legacy-binary":
        raise CommandError(f"{model} is {found.format.upper()} already: nothing to convert")
    if output.exists() and output.samefile(model):
        raise CommandError(f"{output} is the model itself: give another --output")
    if output.exists() and not force:
        raise CommandError(f"{output} exists: give another --output, or --force to replace it")


def _current_python(console: Console) -> Path:
    """A Python with the image's release of XGBoost: this one, if it has it."""
    wanted = DEFAULT_XGBOOST_VERSION.replace("-", ".")
    for package in ("xgboost-cpu", "xgboost"):
        try:
            if importlib.metadata.version(package) == wanted:
                return Path(sys.executable)
        except importlib.metadata.PackageNotFoundError:
            continue
    return environment("current", console.progress)


def _run(python: Path, *arguments: str | Path) -> dict[str, object]:
    done = subprocess.run(
        [python, "-I", "-W", "ignore", _SCRIPT, *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise CommandError(f"the conversion failed: {last}")
    result: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return result
