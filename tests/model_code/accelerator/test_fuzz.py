"""Bodies that nobody wrote, against the library as it is packed and against a sanitized build."""

import platform
from collections.abc import Callable
from pathlib import Path

Fuzz = Callable[..., dict[str, int]]


def test_ten_thousand_bodies_are_read_as_by_the_oracle(
    libraries: dict[str, Path], fuzz: Fuzz
) -> None:
    """Or left to the reference parser; and never is there a wrong number or a crash."""
    counts = fuzz(libraries[platform.machine()], "bodies", 1, 10_000)
    assert counts["bodies"] == 10_000
    # So many that a parser that leaves everything to the reference does not pass.
    assert counts["tables"] > 4_000
    assert counts["texts"] > 6_000
    assert counts["forests"] > 2_000


def test_the_sanitizers_find_nothing_in_the_same_ten_thousand_bodies(
    libraries: dict[str, Path], sanitized: Path, fuzz: Fuzz
) -> None:
    """No access out of bounds, no use after free, no undefined behaviour; and the same answers."""
    expected = fuzz(libraries[platform.machine()], "bodies", 1, 10_000)
    assert fuzz(sanitized, "bodies", 1, 10_000) == expected


def test_atheris_finds_no_body_that_is_read_wrongly(
    sanitized: Path, fuzz: Fuzz, tmp_path: Path
) -> None:
    """It looks for bodies that take new branches in the C code, under the sanitizers."""
    counts = fuzz(sanitized, "atheris", 1, 20_000, tmp_path)
    assert counts["bodies"] == 20_000
    # It began with nothing, and has found out by itself what a number and a tree look like.
    assert counts["tables"] > 100
    assert counts["forests"] > 100
