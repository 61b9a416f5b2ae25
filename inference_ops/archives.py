"""Unpacks archives that this program made itself a moment ago."""

import tarfile
from pathlib import Path


def unpack(archive: tarfile.TarFile, directory: Path) -> None:
    """Unpack everything; what comes from elsewhere is for `extraction`.

    Args:
        archive: An archive of our own making.
        directory: Where to.
    """
    if hasattr(tarfile, "data_filter"):
        archive.extractall(directory, filter="data")
    else:
        # Python before 3.11.4, such as Debian 12's, has no filters.
        archive.extractall(directory)
