"""Tells the formats of a saved model apart by content, and reads the version that wrote it."""

import bz2
import json
import lzma
import mmap
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from model_artifacts.errors import ArtifactError
from model_artifacts.ubj import UbjError, UbjReader

ModelFormat = Literal["ubj", "json", "legacy-binary", "pickle"]
Version = tuple[int, int, int]

_HEAD = 4096
# sizeof(LearnerModelParamLegacy) of XGBoost's learner.cc; the objective's name follows it.
_LEGACY_PARAMETERS = 136
_LEGACY_VERSION_OFFSET = 20
_UBJ_LENGTH_MARKERS = b"iUIlL"


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """What a model file says of itself.

    Attributes:
        format: How it is written.
        version: The XGBoost version that wrote it; None where the format does not tell.
    """

    format: ModelFormat
    version: Version | None


def inspect_model(path: Path) -> ModelFile:
    """Recognise a model file by its content. Nothing in it is executed, XGBoost is not needed.

    Args:
        path: The file.

    Returns:
        Its format and, where that holds it, the version of XGBoost that wrote it.

    Raises:
        ArtifactError: The file is missing, is damaged, or is in none of the known formats.
    """
    if not path.is_file():
        raise ArtifactError(
            f"the model file {path} does not exist: give the file that training wrote"
        )
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head[:1] == b"{" and head[1:2] in (b"}", *(bytes([m]) for m in _UBJ_LENGTH_MARKERS)):
        return ModelFile(format="ubj", version=_ubj_version(path))
    if head[:1] == b"{":
        return ModelFile(format="json", version=_json_version(path))
    if _is_legacy(head):
        return ModelFile(format="legacy-binary", version=_legacy_version(head))
    if _is_pickle(head):
        return ModelFile(format="pickle", version=None)
    raise ArtifactError(
        f"{path} is no XGBoost model: expected UBJ or JSON as Booster.save_model writes them, "
        f"found {_describe(head)}"
    )


def _describe(head: bytes) -> str:
    return f"a file that starts with {head[:8]!r}" if head else "an empty file"


def _ubj_version(path: Path) -> Version:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            view = memoryview(data)
            try:
                version = _find_version(UbjReader(view))
            finally:
                view.release()
    except UbjError as error:
        raise ArtifactError(
            f"the UBJ model {path} is damaged: {error}; save or copy it again"
        ) from None
    return _checked(path, version)


def _find_version(reader: UbjReader) -> object:
    version: object = None
    keys = set()
    for key, marker in reader.top_level():
        keys.add(key)
        if key == "version":
            version = reader.integers(marker)
        else:
            reader.skip(marker)
    return version if "learner" in keys else None


def _json_version(path: Path) -> Version:
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        raise ArtifactError(
            f"the JSON model {path} is damaged: {error}; save or copy it again"
        ) from None
    return _checked(path, document.get("version") if "learner" in document else None)


def _checked(path: Path, version: object) -> Version:
    numbers = version if isinstance(version, list) else []
    if len(numbers) != 3 or not all(type(number) is int for number in numbers):
        raise ArtifactError(
            f"{path} is no XGBoost model: expected the keys 'learner' and 'version' as "
            "Booster.save_model writes them"
        )
    return cast(Version, tuple(numbers))


def _is_legacy(head: bytes) -> bool:
    body = head.removeprefix(b"binf")
    names = body[_LEGACY_PARAMETERS:]
    if len(names) < 8:
        return False
    (length,) = struct.unpack_from("<Q", names)
    name = names[8 : 8 + length]
    return 0 < length < 256 and name.replace(b":", b"").replace(b"_", b"").isalnum()


def _legacy_version(head: bytes) -> Version | None:
    major, minor = struct.unpack_from("<II", head.removeprefix(b"binf"), _LEGACY_VERSION_OFFSET)
    # Written since 1.0; 0.90 left zeros.
    return (major, minor, 0) if major else None


_DECOMPRESSORS: dict[bytes, Callable[[], Callable[[bytes, int], bytes]]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(wbits=31).decompress,
    b"\x78": lambda: zlib.decompressobj().decompress,
    b"BZh": lambda: bz2.BZ2Decompressor().decompress,
    b"\xfd7zXZ": lambda: lzma.LZMADecompressor().decompress,
    b"\x5d\x00\x00": lambda: lzma.LZMADecompressor().decompress,
}


def _is_pickle(head: bytes) -> bool:
    # joblib compresses pickles with any of these.
    for magic, decompressor in _DECOMPRESSORS.items():
        if head.startswith(magic):
            try:
                head = decompressor()(head, _HEAD)
            except (OSError, EOFError, zlib.error, lzma.LZMAError):
                return False
            break
    if head[:1] == b"\x80":
        return 2 <= head[1] <= 5 if len(head) > 1 else False
    return _is_text_pickle(head)


def _is_text_pickle(head: bytes) -> bool:
    # Brings the whole of pickle along, for files that few have.
    import pickletools

    # Protocols 0 and 1 have no magic: a pickled object names its class or the function to call.
    try:
        for operation, _, _ in pickletools.genops(head):
            if operation.name == "GLOBAL":
                return True
    except ValueError:
        pass
    return False
