"""Which files of a code directory go into an artifact, and under which names."""

import os
import stat
import unicodedata
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from model_artifacts.errors import ArtifactError

_LEFT_OUT_DIRECTORIES = frozenset(
    {
        "__pycache__",
        ".git",
        ".hypothesis",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
    }
)
_LEFT_OUT_FILES = ("*.pyc", "*.pyo", ".DS_Store", "._*", "Thumbs.db")


def collect_code(code: Path) -> dict[str, Path]:
    """List what a code directory contributes to an artifact.

    Links to files and directories within `code` are followed and packed as what they point to.
    Caches and the droppings of editors and file managers are left out.

    Args:
        code: The directory.

    Returns:
        Real files by their name relative to `code`, `/`-separated and in NFC, sorted by name.

    Raises:
        ArtifactError: `code` is not a directory, is empty, or holds something that cannot be
            packed: a link that is absolute, broken or leads out, a device, a socket, a pipe.
    """
    if not code.is_dir():
        raise ArtifactError(
            f"the code directory {code} does not exist: give the directory of the handler"
        )
    root = code.resolve()
    faults: list[str] = []
    found: dict[str, Path] = {}
    for name, path in _walk(root, root, "", faults):
        if name in found:
            faults.append(f"{name}: two files have this name once accents are spelt alike")
        found[name] = path
    if faults:
        raise ArtifactError(
            f"the code directory {code} cannot be packed: {'; '.join(sorted(faults))}"
        )
    if not found:
        raise ArtifactError(f"the code directory {code} holds no file: it needs a handler")
    return dict(sorted(found.items(), key=lambda item: item[0].encode()))


def _walk(
    root: Path, directory: Path, prefix: str, faults: list[str]
) -> Iterator[tuple[str, Path]]:
    for entry in sorted(os.scandir(directory), key=lambda e: e.name):
        name = prefix + unicodedata.normalize("NFC", entry.name)
        path = Path(entry.path)
        if entry.is_symlink():
            fault = _fault_of_link(root, path)
            if fault is not None:
                faults.append(f"{name} {fault}")
                continue
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            if entry.name not in _LEFT_OUT_DIRECTORIES:
                yield from _walk(root, path, f"{name}/", faults)
        elif not stat.S_ISREG(mode):
            faults.append(
                f"{name} is neither a file nor a directory (a device, a socket or a pipe)"
            )
        elif not any(fnmatch(entry.name, pattern) for pattern in _LEFT_OUT_FILES):
            yield name, path


def _fault_of_link(root: Path, link: Path) -> str | None:
    target = os.readlink(link)
    if os.path.isabs(target):
        return f"is a link to the absolute path {target}: make it relative"
    try:
        resolved = link.resolve(strict=True)
    except (OSError, RuntimeError):
        return f"is a broken link (to {target})"
    if not resolved.is_relative_to(root):
        return f"is a link that leads out of the directory (to {target})"
    if link.parent.resolve().is_relative_to(resolved):
        return f"is a link to a directory that holds it (to {target})"
    return None
