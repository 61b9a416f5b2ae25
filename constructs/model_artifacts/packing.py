"""Packs a model and its code into `model.tar.gz`, byte for byte the same wherever it is done."""

import hashlib
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from model_artifacts.code_tree import collect_code
from model_artifacts.errors import ArtifactError
from model_artifacts.files import atomic_write
from model_artifacts.gzip_stored import StoredGzipWriter
from model_artifacts.limits import DEFAULT_VOLUME_BYTES, GIB

MODEL_NAME = "xgboost-model"
"""The name under which the image's default loader, and ours, look for the model."""

CODE_DIRECTORY = "code"

DEFAULT_CODE = "model_code/serving"
"""Where a project keeps the code that is packed, if it does not say otherwise."""

DEFAULT_ENTRY_POINT = "inference.py"

# Not zero: the image builds a wheel of `code/` at start, and zip knows no time before 1980.
_MTIME = 946684800  # 2000-01-01T00:00:00Z
_MODE = 0o644


@dataclass(frozen=True, kw_only=True)
class PackedArtifact:
    """An artifact on disk.

    Attributes:
        path: The `model.tar.gz`.
        sha256: Digest of the file, in lower-case hexadecimal.
        size: Bytes.
    """

    path: Path
    sha256: str
    size: int


def pack(
    destination: Path,
    *,
    model_file: Path,
    code: Path | None,
    libraries: Sequence[Path] = (),
    extra_files: Mapping[str, Path] | None = None,
    volume_bytes: int = DEFAULT_VOLUME_BYTES,
) -> PackedArtifact:
    """Write an artifact that depends on the content of its files and on nothing else.

    Members are sorted by name; owners, modes and times are fixed; the gzip layer holds stored
    blocks. So the same model and code give the same bytes on every machine, checkout and day.

    Args:
        destination: The file to write, whole or not at all.
        model_file: The model; whatever it is called, its name in the artifact is `xgboost-model`.
        code: The directory whose files go to `code/`, or None for the image's own handler.
        libraries: Shared libraries that go to `code/` as well, under their own names.
        extra_files: Further files at the root of the artifact, by their name in it.
        volume_bytes: Storage of the instance. It must hold the archive and its content at once.

    Returns:
        The path, digest and size of what was written.

    Raises:
        ArtifactError: A file is missing, cannot be packed, or all are too large together.
    """
    members = _members(model_file, code, libraries, extra_files or {})
    total = sum(path.stat().st_size for path in members.values())
    if 2 * total > volume_bytes:
        raise ArtifactError(
            f"the artifact is too large: {total / GIB:.2f} GiB unpacked, and the instance's volume "
            f"of {volume_bytes / GIB:.0f} GiB must hold the archive and its content; make the "
            "model smaller or set a larger volume"
        )
    return _write(destination, members)


def pack_code(destination: Path, *, code: Path) -> PackedArtifact:
    """Write `sourcedir.tar.gz`: code alone, at the root of the archive.

    The image fetches it at start if `SAGEMAKER_SUBMIT_DIRECTORY` is its S3 URI, so it works with
    model data that stays where it is, but not under network isolation.

    Args:
        destination: The file to write, whole or not at all.
        code: The directory.

    Returns:
        The path, digest and size of what was written; as reproducible as `pack`'s.

    Raises:
        ArtifactError: The directory cannot be packed.
    """
    return _write(destination, collect_code(code))


def code_digest(code: Path) -> str:
    """Compute a digest over the names and contents of what `pack` takes from a code directory.

    Args:
        code: The directory.

    Returns:
        SHA-256 in lower-case hexadecimal.

    Raises:
        ArtifactError: As `pack` raises for the same directory.
    """
    digest = hashlib.sha256()
    for name, path in collect_code(code).items():
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{content} {len(name.encode())} {name}\n".encode())
    return digest.hexdigest()


def _members(
    model_file: Path, code: Path | None, libraries: Sequence[Path], extra_files: Mapping[str, Path]
) -> dict[str, Path]:
    if not model_file.is_file():
        what = "is not a file" if model_file.exists() else "does not exist"
        raise ArtifactError(
            f"the model file {model_file} {what}: give the file that training wrote"
        )
    members = {MODEL_NAME: model_file}
    if code is not None:
        members |= {f"{CODE_DIRECTORY}/{name}": path for name, path in collect_code(code).items()}
    for path in libraries:
        name = f"{CODE_DIRECTORY}/{path.name}"
        if code is None:
            raise ArtifactError(f"the library {path} is of no use without code that loads it")
        if name in members:
            raise ArtifactError(f"the library {path} would hide a file of the code: rename one")
        if not path.is_file():
            raise ArtifactError(f"the library {path} does not exist: build it first")
        members[name] = path
    for name, path in extra_files.items():
        if name in members or name.split("/")[0] in {MODEL_NAME, CODE_DIRECTORY}:
            raise ArtifactError(
                f"the extra file {name} would hide the model or the code: rename it"
            )
        if name.startswith("/") or {"", ".", ".."} & set(name.split("/")):
            raise ArtifactError(f"the extra file {name!r} must be named by a plain relative path")
        if not path.is_file():
            raise ArtifactError(f"the extra file {path} does not exist")
        members[name] = path
    return dict(sorted(members.items(), key=lambda item: item[0].encode()))


def _add(archive: tarfile.TarFile, name: str, path: Path) -> None:
    # A fresh TarInfo: `gettarinfo` would copy owner, mode and time from the disk.
    member = tarfile.TarInfo(name)
    member.size = path.stat().st_size
    member.mtime = _MTIME
    member.mode = _MODE
    with path.open("rb") as file:
        try:
            archive.addfile(member, file)
        except OSError as error:
            raise ArtifactError(
                f"{path} could not be packed: {error}; did it change meanwhile?"
            ) from error


def _write(destination: Path, members: Mapping[str, Path]) -> PackedArtifact:
    with atomic_write(destination) as raw:
        gzip = StoredGzipWriter(raw)
        # tarfile wants no more than `write` of a stream.
        with tarfile.open(
            fileobj=cast(BinaryIO, gzip), mode="w|", format=tarfile.PAX_FORMAT, encoding="utf-8"
        ) as archive:
            for name, path in members.items():
                _add(archive, name, path)
        gzip.close()
    with destination.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return PackedArtifact(path=destination, sha256=digest, size=destination.stat().st_size)
