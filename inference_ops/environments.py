"""Python environments of their own, for releases of XGBoost that cannot be installed together."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from inference_ops.errors import CommandError, Exit

Name = Literal["legacy", "current"]


def environment(name: Name, progress: Callable[[str], None]) -> Path:
    """Find, or make on first use, an environment with the packages of `requirements-<name>.txt`.

    Args:
        name: `legacy` for the last XGBoost that reads the legacy format, `current` for that of the
            present image.
        progress: Told when something takes time.

    Returns:
        Its Python.

    Raises:
        CommandError: It could not be made; the message has the last line of what failed.
    """
    requirements = Path(__file__).with_name(f"requirements-{name}.txt")
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    home = cache_directory() / f"xgboost-{name}-py{python}-{digest}"
    if not home.exists():
        progress(f"installing XGBoost into {home} (once)")
        _make(home, requirements)
    return _python(home)


def cache_directory() -> Path:
    """Return the directory that keeps the environments; it may be removed at any time."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "inference-constructs"


def _make(home: Path, requirements: Path) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    # Made aside and renamed: an interrupted installation is never taken for a whole one.
    with tempfile.TemporaryDirectory(prefix=f"{home.name}.", dir=home.parent) as name:
        made = Path(name) / "environment"
        _run([sys.executable, "-m", "venv", str(made)])
        install = ["install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
        lock = ["--require-hashes", "--requirement", str(requirements)]
        _run([str(_python(made)), "-m", "pip", *install, *lock])
        try:
            made.rename(home)
        except OSError:
            # Another process was faster. Its environment has the same packages.
            if not home.exists():
                raise
            shutil.rmtree(made)


def _python(home: Path) -> Path:
    return home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR")] or lines or ["no output"]
        raise CommandError(
            f"the environment for the conversion could not be made: {errors[-1]}", Exit.UNREACHABLE
        )
