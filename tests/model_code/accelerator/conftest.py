"""The accelerator, built once; and models for it."""

import ctypes
import importlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

ROOT = Path(__file__).resolve().parents[3]
SERVING = ROOT / "model_code" / "serving"
# As much as the sanitizers of zig's clang find; their run-time library comes with atheris.
SANITIZERS = (
    "-fsanitize=undefined",
    "-fsanitize-trap=undefined",
    "-fsanitize=address",
    "-fsanitize=fuzzer-no-link",
    "-Wl,-z,undefs",
)


@pytest.fixture(scope="session")
def build_script() -> ModuleType:
    """`build.py` as a module."""
    path = ROOT / "model_code" / "accelerator" / "build.py"
    spec = importlib.util.spec_from_file_location("accelerator_build", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def libraries(build_script: ModuleType) -> dict[str, Path]:
    """The library of each architecture, built unless it is there."""
    built: dict[str, Path] = build_script.build(ROOT / "build" / "accelerator")
    return built


@pytest.fixture(scope="session")
def serving() -> SimpleNamespace:
    """The modules of the handler that load and call the library."""
    names = ("inference_log", "inference_trees", "inference_accelerator")
    sys.path.insert(0, str(SERVING))
    try:
        for name in names:
            sys.modules.pop(name, None)
        modules = {name: importlib.import_module(name) for name in names}
    finally:
        sys.path.remove(str(SERVING))
        for name in names:
            sys.modules.pop(name, None)
    return SimpleNamespace(**modules)


@pytest.fixture(scope="session")
def unpacked(libraries: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact's directory in the container, with the libraries in its `code/`."""
    directory = tmp_path_factory.mktemp("model")
    (directory / "code").mkdir()
    for library in libraries.values():
        shutil.copy(library, directory / "code")
    return directory


Load = Callable[[xgb.Booster], Any]


@pytest.fixture(scope="session")
def accelerate(serving: SimpleNamespace, unpacked: Path) -> Load:
    """Loads the accelerator of a booster, which has to be there."""

    def accelerate(booster: xgb.Booster) -> Any:
        accelerator = serving.inference_accelerator.load(unpacked, booster)
        assert accelerator is not None
        return accelerator

    return accelerate


@pytest.fixture(scope="session")
def accelerator(accelerate: Load) -> Any:
    """The accelerator, with a model that nobody asks."""
    data = xgb.DMatrix(np.eye(4, dtype=np.float32), np.arange(4), nthread=1)
    return accelerate(xgb.train({"nthread": 1}, data, 1))


@pytest.fixture(scope="session")
def native(libraries: dict[str, Path]) -> ctypes.CDLL:
    """The library of this machine, without our module around it."""
    return ctypes.CDLL(str(libraries[platform.machine()]))


@pytest.fixture(scope="session")
def sanitized(build_script: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library with AddressSanitizer, UndefinedBehaviorSanitizer and counters for a fuzzer."""
    library: Path = tmp_path_factory.mktemp("sanitized") / "sanitized.so"
    build_script.compile_library(platform.machine(), library, *SANITIZERS)
    return library


@pytest.fixture(scope="session")
def fuzz() -> Callable[..., dict[str, int]]:
    """Runs `fuzz.py` on a library, which must end well, and gives what it counted."""
    spec = importlib.util.find_spec("atheris")
    assert spec is not None
    assert spec.origin is not None
    runtime = Path(spec.origin).parents[1] / "asan_with_fuzzer.so"

    def fuzz(library: Path, *arguments: object) -> dict[str, int]:
        environment = dict(os.environ)
        if library.name == "sanitized.so":
            # Python never gives back all memory.
            environment |= {"LD_PRELOAD": str(runtime), "ASAN_OPTIONS": "detect_leaks=0"}
        done = subprocess.run(
            [sys.executable, Path(__file__).with_name("fuzz.py"), library, *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
        )
        output = done.stdout + done.stderr
        assert done.returncode == 0, output[-3000:]
        (counts,) = re.findall(r"^\{'bodies'.*\}$", output, re.MULTILINE)
        return {name: int(count) for name, count in re.findall(r"'(\w+)': (\d+)", counts)}

    return fuzz
