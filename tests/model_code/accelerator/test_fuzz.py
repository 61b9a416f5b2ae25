"""Bodies that nobody wrote, against the library as it is packed and against a sanitized build."""

import importlib.util
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent
# As much as the sanitizers of zig's clang find; their run-time library comes with atheris.
_SANITIZERS = (
    "-fsanitize=undefined",
    "-fsanitize-trap=undefined",
    "-fsanitize=address",
    "-fsanitize=fuzzer-no-link",
    "-Wl,-z,undefs",
)


@pytest.fixture(scope="session")
def sanitized(build_script: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library with AddressSanitizer, UndefinedBehaviorSanitizer and counters for a fuzzer."""
    library: Path = tmp_path_factory.mktemp("sanitized") / "library.so"
    build_script.compile_library(platform.machine(), library, *_SANITIZERS)
    return library


def _fuzz(library: Path, *arguments: object) -> dict[str, int]:
    """Run `fuzz.py`, and give what it counted."""
    environment = dict(os.environ)
    if library.name == "library.so":
        spec = importlib.util.find_spec("atheris")
        assert spec is not None
        assert spec.origin is not None
        runtime = Path(spec.origin).parents[1] / "asan_with_fuzzer.so"
        # Python never gives back all memory.
        environment |= {"LD_PRELOAD": str(runtime), "ASAN_OPTIONS": "detect_leaks=0"}
    done = subprocess.run(
        [sys.executable, HERE / "fuzz.py", library, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-3000:]
    (counts,) = re.findall(r"^\{'bodies'.*\}$", output, re.MULTILINE)
    return {name: int(count) for name, count in re.findall(r"'(\w+)': (\d+)", counts)}


def test_ten_thousand_bodies_are_read_as_by_the_oracle(libraries: dict[str, Path]) -> None:
    """Or left to the reference parser; and never is there a wrong number or a crash."""
    counts = _fuzz(libraries[platform.machine()], "bodies", 1, 10_000)
    assert counts["bodies"] == 10_000
    # So many that a parser that leaves everything to the reference does not pass.
    assert counts["tables"] > 4_000
    assert counts["texts"] > 6_000
    assert counts["forests"] > 5_000


def test_the_sanitizers_find_nothing_in_the_same_ten_thousand_bodies(
    libraries: dict[str, Path], sanitized: Path
) -> None:
    """No access out of bounds, no use after free, no undefined behaviour; and the same answers."""
    expected = _fuzz(libraries[platform.machine()], "bodies", 1, 10_000)
    assert _fuzz(sanitized, "bodies", 1, 10_000) == expected


def test_atheris_finds_no_body_that_is_read_wrongly(sanitized: Path, tmp_path: Path) -> None:
    """It looks for bodies that take new branches in the C code, under the sanitizers."""
    counts = _fuzz(sanitized, "atheris", 20_000, tmp_path)
    assert counts["bodies"] == 20_000
    # It began with nothing, and has found out by itself what a number and a tree look like.
    assert counts["tables"] > 100
    assert counts["forests"] > 100
