"""Builds the accelerator for both architectures that SageMaker has instances of.

The compiler is zig, from PyPI's `ziglang`: it cross-compiles, and links against the symbols of
glibc 2.34, which the XGBoost images have. Two builds give the same bytes, wherever they run.

    python model_code/accelerator/build.py --output build/accelerator
"""

import argparse
import hashlib
import importlib.metadata
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

SOURCES = Path(__file__).parent
MACHINES = ("x86_64", "aarch64")
LIBRARY = "libaccelerator-{machine}.so"

_GLIBC = "2.34"
# The oldest instances of each; what newer ones add is chosen at run time.
_CPUS = {"x86_64": "x86_64", "aarch64": "generic"}
_FLAGS = (
    *("-std=c11", "-O3", "-shared", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror"),
    # A fused multiply-add rounds once where XGBoost rounds twice.
    "-ffp-contract=off",
    # What zig adds to catch undefined behaviour in development; the tests run it.
    "-fno-sanitize=all",
    # Nothing of this machine in the library: no paths, no build id, no symbols but the exported.
    *("-g0", "-s", "-ffile-prefix-map=.=accelerator", "-Wl,--build-id=none"),
)
_SMALLEST_POWER, _LARGEST_POWER = -31, 45


class BuildError(Exception):
    """The library could not be built; the message is one line for the user."""


def build(output: Path) -> dict[str, Path]:
    """Build the libraries, unless they are there.

    Args:
        output: A directory; they lie below it by a digest of what they are made of.

    Returns:
        The library of each architecture.

    Raises:
        BuildError: There is no compiler, or it fails.
    """
    directory = output / _digest()
    libraries = {machine: directory / LIBRARY.format(machine=machine) for machine in MACHINES}
    for machine, library in libraries.items():
        if not library.is_file():
            compile_library(machine, library)
    return libraries


def powers_of_ten() -> str:
    """The table of `format.c`: powers of ten as 64 bits, the highest one set, rounded up."""
    lines = []
    for power in range(_SMALLEST_POWER, _LARGEST_POWER + 1):
        scaled = Fraction(10) ** power
        while scaled >= 1 << 64:
            scaled /= 2
        while scaled < 1 << 63:
            scaled *= 2
        lines.append(f"    {-(-scaled.numerator // scaled.denominator):#x},\n")
    return (
        f"enum {{ SMALLEST_POWER_OF_TEN = {_SMALLEST_POWER} }};\n"
        f"static const uint64_t POWERS_OF_TEN[] = {{\n{''.join(lines)}}};\n"
    )


def compile_library(machine: str, library: Path, *flags: str) -> None:
    """Compile and link, whole or not at all.

    Args:
        machine: One of `MACHINES`.
        library: The file to write.
        flags: Further flags for the compiler.

    Raises:
        BuildError: The compiler fails.
    """
    library.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=library.parent.resolve()) as scratch:
        (Path(scratch) / "powers_of_ten.h").write_text(powers_of_ten())
        unfinished = Path(scratch) / library.name
        done = subprocess.run(
            _command(machine, Path(scratch), unfinished, *flags),
            cwd=SOURCES,
            capture_output=True,
            text=True,
            errors="replace",
        )
        if done.returncode != 0:
            errors = [line for line in done.stderr.splitlines() if "error" in line]
            raise BuildError(
                f"the accelerator could not be compiled for {machine}: "
                f"{(errors or [f'exit code {done.returncode}'])[0]}"
            )
        unfinished.replace(library)


def _command(machine: str, tables: Path, library: Path, *flags: str) -> list[str]:
    return [
        *(sys.executable, "-m", "ziglang", "cc"),
        *("-target", f"{machine}-linux-gnu.{_GLIBC}", f"-mcpu={_CPUS[machine]}"),
        *_FLAGS,
        *flags,
        f"-I{tables}",
        *sorted(path.name for path in SOURCES.glob("*.c")),
        *("-o", str(library), "-lm"),
    ]


def _digest() -> str:
    """A digest of sources, flags and compiler."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted([*SOURCES.glob("*.c"), *SOURCES.glob("*.h")]):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode())
        digest.update(content)
    try:
        digest.update(importlib.metadata.version("ziglang").encode())
    except importlib.metadata.PackageNotFoundError:
        raise BuildError(
            "the compiler is missing: install the extra `accelerator` (PyPI's ziglang), or leave "
            "the accelerator out"
        ) from None
    return digest.hexdigest()[:16]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run as a script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--output", type=Path, default=Path("build/accelerator"), help="directory to write below"
    )
    try:
        libraries = build(parser.parse_args(arguments).output)
    except BuildError as error:
        sys.exit(str(error))
    for library in libraries.values():
        print(os.path.relpath(library))


if __name__ == "__main__":
    main()
