"""The libraries as files: what they need, how they are made, and when they are not used."""

import dataclasses
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from tests.model_code.accelerator.models import hard_rows, random_model

ROOT = Path(__file__).resolve().parents[3]
MACHINES = ("x86_64", "aarch64")


@pytest.mark.parametrize("machine", MACHINES)
def test_no_symbol_is_newer_than_the_glibc_of_the_image(
    libraries: dict[str, Path], machine: str
) -> None:
    """Amazon Linux 2023 has 2.34: a library that asks for more does not load."""
    found = re.findall(rb"GLIBC_(\d+)\.(\d+)(?:\.\d+)?\0", libraries[machine].read_bytes())
    versions = [tuple(map(int, version)) for version in found]
    assert versions
    assert max(versions) <= (2, 34)


@pytest.mark.parametrize(("machine", "number"), [("x86_64", 62), ("aarch64", 183)])
def test_each_library_is_for_its_machine_and_needs_libc_and_libm_only(
    libraries: dict[str, Path], machine: str, number: int
) -> None:
    """By the ELF header and the names of what it is linked with."""
    content = libraries[machine].read_bytes()
    assert content[:4] == b"\x7fELF"
    assert int.from_bytes(content[18:20], "little") == number
    assert set(re.findall(rb"\0(lib[\w+-]+\.so[.\d]*)\0", content)) <= {
        b"libm.so.6",
        b"libc.so.6",
    }


@pytest.mark.parametrize("machine", MACHINES)
def test_two_builds_from_two_checkouts_are_the_same_bytes(
    libraries: dict[str, Path], machine: str, tmp_path: Path
) -> None:
    """Compiled anew, with a cache of its own, in another place: artifacts keep their digest."""
    elsewhere = tmp_path / "another" / "checkout of it"
    shutil.copytree(ROOT / "model_code" / "accelerator", elsewhere)
    script = (
        "import build, pathlib;"
        f"build.compile_library({machine!r}, pathlib.Path('out') / 'library.so')"
    )
    subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(elsewhere),
            "ZIG_LOCAL_CACHE_DIR": str(tmp_path / "cache"),
            "TZ": "Asia/Tokyo",
            "SOURCE_DATE_EPOCH": "1",
        },
        check=True,
    )
    assert (tmp_path / "out" / "library.so").read_bytes() == libraries[machine].read_bytes()


@pytest.mark.parametrize("machine", MACHINES)
def test_a_library_holds_nothing_of_the_machine_that_built_it(
    libraries: dict[str, Path], machine: str
) -> None:
    """Neither directories nor a build id."""
    content = libraries[machine].read_bytes()
    assert str(Path.home()).encode() + b"/" not in content
    assert str(ROOT).encode() not in content
    assert b"forest.c" not in content
    assert b".note.gnu.build-id" not in content


def test_a_changed_source_is_built_anew(build_script: ModuleType, tmp_path: Path) -> None:
    """What is kept is found by the digest of sources, flags and compiler."""
    shutil.copytree(ROOT / "model_code" / "accelerator", tmp_path / "sources")
    before = build_script._digest()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build_script, "SOURCES", tmp_path / "sources")
        assert build_script._digest() == before
        (tmp_path / "sources" / "walk.h").open("a").write("\n")
        assert build_script._digest() != before


def test_without_the_compiler_the_error_is_one_line(tmp_path: Path) -> None:
    """Zig is an optional extra."""
    hidden = "import sys, runpy, importlib.metadata as m; real = m.version\n"
    hidden += "def version(name):\n    raise m.PackageNotFoundError(name)\nm.version = version\n"
    hidden += f"sys.argv = ['build.py', '--output', {str(tmp_path)!r}]\n"
    hidden += (
        f"runpy.run_path({str(ROOT / 'model_code/accelerator/build.py')!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "the compiler is missing: install the extra `accelerator` (PyPI's ziglang), or leave the "
        "accelerator out"
    ]


def test_a_compiler_error_is_one_line(build_script: ModuleType, tmp_path: Path) -> None:
    """The first error that the compiler tells, and for which machine."""
    with pytest.raises(
        build_script.BuildError, match=r"compiled for aarch64: .*error: .*ACCELERATOR_ABI"
    ):
        build_script.compile_library("aarch64", tmp_path / "a.so", "-DACCELERATOR_ABI=wrong")
    assert list(tmp_path.iterdir()) == []


def test_the_walk_without_wide_registers_predicts_alike(
    serving: SimpleNamespace, build_script: ModuleType, accelerator: Any, tmp_path: Path
) -> None:
    """What a machine without AVX2 runs."""
    library = tmp_path / "baseline.so"
    build_script.compile_library(platform.machine(), library, "-DBASELINE_ONLY")
    native = serving.inference_accelerator._open(library)
    for seed in range(17):
        booster = random_model(seed)
        trees = serving.inference_trees.read_trees(booster)
        plain = serving.inference_accelerator.Accelerator(native, trees)
        assert plain.isa == "baseline" != accelerator.isa
        for rows in hard_rows(booster, seed):
            expected = booster.predict(xgb.DMatrix(rows, nthread=1))
            assert plain.predict(rows).tobytes() == expected.tobytes()


def _lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_the_log_tells_that_the_accelerator_is_used(
    serving: SimpleNamespace, unpacked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the instruction set that was chosen."""
    assert serving.inference_accelerator.load(unpacked, random_model(0)) is not None
    (line,) = _lines(capsys.readouterr().out)
    assert line["message"] == "accelerator loaded"
    assert line["isa"] in ("avx2", "sse2", "neon")


def test_without_a_library_there_is_no_accelerator_and_the_log_says_so(
    serving: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The artifact was packed without; that is how it is by default."""
    assert serving.inference_accelerator.load(tmp_path, random_model(0)) is None
    (line,) = _lines(capsys.readouterr().out)
    assert (line["level"], line["message"]) == ("INFO", "no accelerator")
    assert line["reason"] == f"the artifact holds no libaccelerator-{platform.machine()}.so"


def test_a_library_that_does_not_load_is_no_accelerator(
    serving: SimpleNamespace,
    libraries: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of another machine, cut off, or of another interface: the handler goes on without."""
    code = tmp_path / "code"
    code.mkdir()
    library = code / f"libaccelerator-{platform.machine()}.so"
    (other,) = (path for machine, path in libraries.items() if machine != platform.machine())
    for content in (other.read_bytes(), b"", b"\x7fELF", b"#!/bin/sh\n"):
        library.write_bytes(content)
        assert serving.inference_accelerator.load(tmp_path, random_model(0)) is None
        (line,) = _lines(capsys.readouterr().out)
        assert (line["level"], line["message"]) == ("WARNING", "no accelerator")
        assert library.name in line["reason"]
        library.unlink()
    shutil.copy(libraries[platform.machine()], library)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving.inference_accelerator, "_ABI", 99)
        assert serving.inference_accelerator.load(tmp_path, random_model(0)) is None
    assert "interface 2: expected 99" in capsys.readouterr().out


def test_a_library_that_answers_differently_is_no_accelerator(
    serving: SimpleNamespace, unpacked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One bit in the leaves of one tree is enough: the booster is right."""
    booster = random_model(4)
    real = serving.inference_trees.read_trees

    def altered(booster: xgb.Booster) -> Any:
        trees = real(booster)
        value = trees.value.copy()
        last = slice(trees.offsets[-2], trees.offsets[-1])
        leaves = np.flatnonzero(trees.left[last] == -1) + trees.offsets[-2]
        value[leaves] *= np.float32(1 + 2**-20)
        return dataclasses.replace(trees, value=value)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving.inference_accelerator, "read_trees", altered)
        assert serving.inference_accelerator.load(unpacked, booster) is None
    assert "its answers differ from the booster's" in capsys.readouterr().out


def _unsupported() -> dict[str, tuple[xgb.Booster, str]]:
    random = np.random.default_rng(1)
    rows = random.integers(0, 4, (100, 3)).astype(np.float32)
    labels = random.random(100).astype(np.float32) + 0.5
    plain = xgb.DMatrix(rows, labels, nthread=1)
    categories = xgb.DMatrix(
        rows, labels, feature_types=["c", "q", "c"], enable_categorical=True, nthread=1
    )
    several = xgb.DMatrix(rows, np.stack([labels, -labels], axis=1), nthread=1)
    survival = xgb.DMatrix(rows, label=labels, nthread=1)
    survival.set_float_info("label_lower_bound", labels)
    survival.set_float_info("label_upper_bound", labels)
    common = {"nthread": 1}
    vectors = {"multi_strategy": "multi_output_tree", "tree_method": "hist"}
    return {
        "dart": (xgb.train({**common, "booster": "dart"}, plain, 3), "the booster is dart"),
        "gblinear": (xgb.train({**common, "booster": "gblinear"}, plain, 3), "is gblinear"),
        "categories": (xgb.train(common, categories, 3), "the trees split by categories"),
        "vectors": (xgb.train({**common, **vectors}, several, 3), "have vectors as leaves"),
        "aft": (xgb.train({**common, "objective": "survival:aft"}, survival, 3), "survival:aft"),
        "cox": (xgb.train({**common, "objective": "survival:cox"}, plain, 3), "survival:cox"),
    }


@pytest.mark.parametrize("name", ["dart", "gblinear", "categories", "vectors", "aft", "cox"])
def test_a_model_of_another_class_is_left_to_xgboost(
    serving: SimpleNamespace, unpacked: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """And the log says which."""
    booster, reason = _unsupported()[name]
    assert serving.inference_accelerator.load(unpacked, booster) is None
    (line,) = _lines(capsys.readouterr().out)
    assert line["level"] == "WARNING"
    assert reason in line["reason"]
