"""The image's Python, 3.12, where this machine has one beside that of the project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cases import CASES
from handler_cases import MODEL, REQUESTS, ROOT
from serving_pair import HERE, local_container, missing, real_stack
from wire import exchange

pytestmark = pytest.mark.long


def _found() -> Path | None:
    versions = Path.home() / ".pyenv" / "versions"
    named = shutil.which("python3.12")
    candidates = [*([named] if named else []), *sorted(versions.glob("3.12*/bin/python3.12"))]
    for candidate in candidates:
        # A shim of pyenv may be there for a version that is not switched on.
        if subprocess.run([candidate, "-c", ""], capture_output=True).returncode == 0:
            return Path(candidate)
    return None


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python of an environment with the serving stack on 3.12, made once."""
    lacking = missing()
    if lacking is not None:
        pytest.skip(lacking)
    if sys.version_info[:2] == (3, 12):
        pytest.skip("the project runs on Python 3.12: the other tests have used it")
    found = _found()
    if found is None:
        pytest.skip("there is no Python 3.12")
    environment = ROOT / ".venv-serving-3.12"
    made = environment / "bin" / "python"
    if (environment / ".installed").exists():
        return made
    uv, quiet = Path(sys.executable).with_name("uv"), "--quiet"
    libraries, stack = HERE / "requirements.txt", HERE / "sagemaker-containers.txt"
    variables = os.environ | {"CC": "true", "LDSHARED": "true"}
    for command in (
        [found, "-m", "venv", "--clear", environment],
        [uv, "pip", "install", quiet, "--python", made, "--require-hashes", "-r", libraries],
        [
            *(made, "-m", "pip", "install", quiet, "--disable-pip-version-check", "--no-cache-dir"),
            *("--require-hashes", "--no-deps", "--no-build-isolation", "-r", stack),
        ],
    ):
        subprocess.run(command, check=True, env=variables)
    (environment / ".installed").touch()
    return made


@pytest.mark.parametrize("kind", ["telling", "handler"])
def test_python_312_answers_as_the_local_aws(
    python: Path, tmp_path: Path, artifact: Callable[[str], Path], kind: str
) -> None:
    """All requests of the other tests, to the stack on the image's Python."""
    if kind == "telling":
        unpacked, requests = artifact((HERE / "handlers" / "telling.py").read_text()), CASES
    else:
        unpacked, requests = tmp_path / "artifact", REQUESTS
        shutil.copytree(
            ROOT / "model_code" / "serving",
            unpacked / "code",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        shutil.copy(MODEL / "xgboost-model", unpacked)
    with real_stack(unpacked, python=python) as real, local_container(unpacked) as local:
        different = [
            name
            for name, request in requests.items()
            if exchange(real.port, request) != exchange(local.port, request)
        ]
    assert different == []
