"""Takes a downloaded artifact apart without trusting it."""

import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from inference_ops.errors import CommandError
from model_artifacts import ArtifactError
from model_artifacts.limits import DEFAULT_VOLUME_BYTES, GIB
from model_artifacts.model_format import inspect_model
from model_artifacts.packing import CODE_DIRECTORY, MODEL_NAME


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """The content of an artifact.

    Attributes:
        model_file: The model.
        extra_files: Everything else but code, by name.
        had_code: Whether there was a `code/`, which is left behind.
    """

    model_file: Path
    extra_files: dict[str, Path]
    had_code: bool


def extract(
    archive: Path,
    directory: Path,
    *,
    model_name: str | None = None,
    limit: int = DEFAULT_VOLUME_BYTES,
) -> Extracted:
    """Unpack an artifact into a directory.

    Args:
        archive: A `model.tar.gz` from anywhere.
        directory: An empty directory; nothing is written outside of it.
        model_name: Which member is the model. By default `xgboost-model`, else the only file at the
            root that is an XGBoost model.
        limit: Bytes that the content may have, so that a small archive cannot fill the disk.

    Returns:
        The model and what lay beside it.

    Raises:
        CommandError: It is no archive, holds something else than plain files within itself, is too
            large, or it is not clear which file is the model.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            files = _extract_files(tar, directory, limit)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise CommandError(f"the artifact is not a readable tar.gz archive: {error}") from None
    code = {name for name in files if name.split("/")[0] == CODE_DIRECTORY}
    others = {name: path for name, path in files.items() if name not in code}
    name = _find_model(others, model_name)
    return Extracted(
        model_file=others[name],
        extra_files={key: path for key, path in others.items() if key != name},
        had_code=bool(code),
    )


def _extract_files(tar: tarfile.TarFile, directory: Path, limit: int) -> dict[str, Path]:
    files: dict[str, Path] = {}
    total = 0
    for member in tar:
        if member.isdir():
            continue
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts:
            raise CommandError(f"the artifact's member {member.name!r} leads out of the archive")
        if not member.isreg():
            raise CommandError(f"the artifact's member {member.name!r} is a link or a device")
        total += member.size
        if total > limit:
            raise CommandError(f"the artifact unpacks to more than {limit / GIB:.0f} GiB")
        # PurePosixPath drops the leading ./ that `tar -C model .` writes.
        name = str(path)
        if name in files:
            raise CommandError(f"the artifact holds {name!r} twice")
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        content = tar.extractfile(member)
        assert content is not None
        with content, target.open("xb") as file:
            shutil.copyfileobj(content, file)
        files[name] = target
    return files


def _find_model(files: dict[str, Path], wanted: str | None) -> str:
    if wanted is not None and wanted not in files:
        raise CommandError(f"the artifact holds no {wanted!r}, but {_listed(list(files))}")
    if wanted is not None:
        return wanted
    if MODEL_NAME in files:
        return MODEL_NAME
    candidates = [name for name, path in files.items() if "/" not in name and _is_model(path)]
    if len(candidates) != 1:
        raise CommandError(
            f"the artifact holds no {MODEL_NAME!r}, but {_listed(candidates or list(files))}: name "
            "the model with --model-file"
        )
    return candidates[0]


def _is_model(path: Path) -> bool:
    try:
        inspect_model(path)
    except ArtifactError:
        return False
    return True


def _listed(names: list[str]) -> str:
    return ", ".join(sorted(names)[:10]) + (", …" if len(names) > 10 else "") or "nothing"
