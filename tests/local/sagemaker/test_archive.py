"""Archives are unpacked below their directory and nowhere else."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from local_aws.sagemaker.archive import ArchiveError, extract


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> io.BytesIO:
    """A ``tar.gz`` stream."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    buffer.seek(0)
    return buffer


def test_files_and_directories_are_unpacked(tmp_path: Path) -> None:
    """With their contents, also below directories that the archive does not name."""
    extract(packed((tarfile.TarInfo("./code/a.py"), b"1"), (tarfile.TarInfo("m"), b"2")), tmp_path)
    assert (tmp_path / "code/a.py").read_bytes() == b"1"
    assert (tmp_path / "m").read_bytes() == b"2"


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out"])
def test_a_member_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    """Nothing is written beside the directory."""
    with pytest.raises(ArchiveError, match="leads out"):
        extract(packed((tarfile.TarInfo(name), b"1")), tmp_path / "in")
    assert not (tmp_path / "out").exists()


def test_a_link_is_refused(tmp_path: Path) -> None:
    """A symbolic link could lead out later."""
    link = tarfile.TarInfo("link")
    link.type = tarfile.SYMTYPE
    link.linkname = "/etc/passwd"
    with pytest.raises(ArchiveError, match="neither a file nor a directory"):
        extract(packed((link, b"")), tmp_path)


# Named: the header of an archive holds the second in which it was made, and processes that run
# tests side by side have to agree on the names of all.
@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", packed().getvalue()[:12]],
    ids=["empty", "text", "cut off"],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    """Empty, text, and cut off."""
    with pytest.raises(ArchiveError):
        extract(io.BytesIO(content), tmp_path)
