"""Unpacks ``.tar.gz`` archives of models and code."""

from __future__ import annotations

import shutil
import tarfile
import zlib
from pathlib import Path
from typing import IO


class ArchiveError(Exception):
    """Not a valid tar.gz archive, or one whose members lead out of the directory."""


def extract(archive: IO[bytes], destination: Path) -> None:
    """Unpack directories and regular files of a gzipped tar stream into ``destination``.

    Raises:
        ArchiveError: it is not one, or a member is neither of these or leads out.
    """
    destination.mkdir(parents=True, exist_ok=True)
    root = destination.resolve()
    try:
        with tarfile.open(fileobj=archive, mode="r|gz") as members:
            for member in members:
                path = (root / member.name).resolve()
                if path != root and root not in path.parents:
                    raise ArchiveError(f"{member.name} leads out of the archive")
                if member.isdir():
                    path.mkdir(parents=True, exist_ok=True)
                    continue
                content = members.extractfile(member) if member.isfile() else None
                if content is None:
                    raise ArchiveError(f"{member.name} is neither a file nor a directory")
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as file:
                    shutil.copyfileobj(content, file)
                path.chmod(member.mode & 0o777 | 0o600)
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise ArchiveError(str(error)) from error
