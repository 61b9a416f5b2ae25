"""The long runs of the accelerator; what they counted is written to docs/soak/accelerator.txt."""

import platform
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from tests.model_code.accelerator.models import hard_rows, random_model

pytestmark = pytest.mark.soak

_REPORT = Path(__file__).resolve().parents[3] / "docs" / "soak" / "accelerator.txt"
_MILLION = 1_000_000
_SEEDS = range(1000, 1500)


def _report(what: str, counted: str) -> None:
    """Replace the line about `what`."""
    lines = _REPORT.read_text().splitlines() if _REPORT.exists() else []
    others = [line for line in lines if not line.startswith(f"{what}: ")]
    _REPORT.parent.mkdir(exist_ok=True)
    _REPORT.write_text("\n".join(sorted([*others, f"{what}: {counted}"])) + "\n")


Fuzz = Callable[..., dict[str, int]]


def _counted(counts: dict[str, int]) -> str:
    return (
        f"{counts['bodies']:,} bodies, {counts['tables']:,} of them read and all as by the oracle, "
        f"{counts['texts']:,} answers written as by numpy, {counts['forests']:,} forests asked; "
        "no crash, no wrong number"
    )


def _in_four(
    fuzz: Fuzz, library: Path, arguments: Callable[[int], tuple[object, ...]]
) -> dict[str, int]:
    """Four processes with bodies of their own, side by side; and what they counted together."""
    with ThreadPoolExecutor() as pool:
        parts = pool.map(lambda part: fuzz(library, *arguments(part)), range(4))
        total = sum(map(Counter, parts), Counter())
    assert total["bodies"] == _MILLION
    return total


def test_a_million_bodies_are_read_as_by_the_oracle(libraries: dict[str, Path], fuzz: Fuzz) -> None:
    """Of tables, tables with faults and noise."""
    library = libraries[platform.machine()]
    counts = _in_four(fuzz, library, lambda part: ("bodies", part, _MILLION // 4))
    _report("generated bodies", _counted(counts))


def test_the_sanitizers_find_nothing_in_a_million_bodies(sanitized: Path, fuzz: Fuzz) -> None:
    """The same ones, under AddressSanitizer and UndefinedBehaviorSanitizer."""
    counts = _in_four(fuzz, sanitized, lambda part: ("bodies", part, _MILLION // 4))
    _report("generated bodies under ASan and UBSan", _counted(counts))


def test_atheris_finds_nothing_in_a_million_bodies(
    sanitized: Path, fuzz: Fuzz, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Led by the branches of the C code, under the sanitizers."""
    corpora = [tmp_path_factory.mktemp("corpus") for _ in range(4)]
    counts = _in_four(
        fuzz, sanitized, lambda part: ("atheris", part + 1, _MILLION // 4, corpora[part])
    )
    _report("atheris under ASan and UBSan", _counted(counts))


def test_five_hundred_random_models_predict_as_the_booster(
    accelerate: Callable[[xgb.Booster], Any],
) -> None:
    """Of every supported objective, depth 1 to 12, with missing values."""
    asked = 0
    for seed in _SEEDS:
        booster = random_model(seed)
        accelerator = accelerate(booster)
        for rows in hard_rows(booster, seed):
            expected = booster.predict(xgb.DMatrix(rows, nthread=1))
            assert accelerator.predict(rows).tobytes() == expected.tobytes(), (seed, rows.shape)
            asked += len(rows)
    counted = f"{len(_SEEDS)} of them, {asked:,} rows, every answer bit-equal to the booster's"
    _report("random models", counted)


def test_twenty_million_floats_are_written_as_by_numpy(accelerator: Any) -> None:
    """A third of them any bits at all, the others between 0 and 1, as probabilities are."""
    random = np.random.default_rng(7)
    written = 0
    while written < 20 * _MILLION:
        bits = random.integers(0, 2**32, _MILLION // 4, dtype=np.uint64).astype(np.uint32)
        floats = bits.view(np.float32)
        values = np.concatenate(
            [
                floats[np.isfinite(floats)],
                random.random(len(bits), np.float32),
                (10 ** random.uniform(-9, 0, len(bits))).astype(np.float32),
            ]
        )
        text = accelerator.format_csv(values).decode()
        assert text == "\n".join(values.astype(str).tolist()) + "\n"
        written += len(values)
    _report("floats as text", f"{written:,} floats, all as numpy writes them")
