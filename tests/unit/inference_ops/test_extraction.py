"""An artifact from anywhere is unpacked without trusting it."""

import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from inference_ops.errors import CommandError
from inference_ops.extraction import Extracted, extract

Archive = Callable[..., bytes]


def _special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.fixture
def unpack(tmp_path: Path, archive: Archive) -> Callable[..., Extracted]:
    """Packs members, and unpacks them into `out`."""

    def unpack(members: dict[str, bytes | tarfile.TarInfo], **options: object) -> Extracted:
        (tmp_path / "a.tar.gz").write_bytes(archive(members))
        (tmp_path / "out").mkdir()
        return extract(tmp_path / "a.tar.gz", tmp_path / "out", **options)  # type: ignore[arg-type]

    return unpack


def test_model_code_and_the_rest_are_told_apart(
    unpack: Callable[..., Extracted], model: bytes
) -> None:
    """An older code/ stays behind; a leading ./ as `tar .` writes it makes no difference."""
    content = unpack(
        {
            "./xgboost-model": model,
            "./code/inference.py": b"old",
            "./code/lib/x.py": b"old",
            "./names.json": b"{}",
            "./sub/y": b"y",
            "./sub": _special("./sub", tarfile.DIRTYPE),
        }
    )

    assert content.model_file.read_bytes() == model
    assert content.had_code
    assert {name: path.read_bytes() for name, path in content.extra_files.items()} == {
        "names.json": b"{}",
        "sub/y": b"y",
    }


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"../evil": b"x"}, "leads out of the archive"),
        ({"a/../../evil": b"x"}, "leads out of the archive"),
        ({"/evil": b"x"}, "leads out of the archive"),
        ({"l": _special("l", tarfile.SYMTYPE, "/etc/passwd")}, "is a link or a device"),
        ({"l": _special("l", tarfile.LNKTYPE, "xgboost-model")}, "is a link or a device"),
        ({"d": _special("d", tarfile.CHRTYPE)}, "is a link or a device"),
        ({"p": _special("p", tarfile.FIFOTYPE)}, "is a link or a device"),
        ({"x": b"1", "./x": b"2"}, "holds 'x' twice"),
        ({"x": bytes(2000)}, "unpacks to more than"),
        ({}, "holds no 'xgboost-model', but nothing"),
        ({"notes.txt": b"hello"}, r"holds no 'xgboost-model', but notes\.txt"),
    ],
)
def test_what_is_no_plain_file_within_the_archive_is_refused(
    unpack: Callable[..., Extracted],
    tmp_path: Path,
    members: dict[str, bytes | tarfile.TarInfo],
    reason: str,
) -> None:
    """Nothing is written outside of the directory, whatever the archive says."""
    with pytest.raises(CommandError, match=reason):
        unpack(members, limit=1000)

    assert {path.name for path in tmp_path.iterdir()} == {"a.tar.gz", "out"}


@pytest.mark.parametrize("content", [b"", b"hello", b"\x1f\x8b\x08rubbish"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    """An object of another kind, or half of one."""
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(CommandError, match=r"not a readable tar\.gz archive"):
        extract(tmp_path / "a.tar.gz", tmp_path)


def test_a_truncated_archive_is_refused(tmp_path: Path, archive: Archive, model: bytes) -> None:
    """A download that was cut off, by whoever uploaded it."""
    whole = archive({"xgboost-model": model})
    (tmp_path / "a.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CommandError, match=r"not a readable tar\.gz archive"):
        extract(tmp_path / "a.tar.gz", tmp_path)


def test_a_model_of_another_name_is_found_if_it_is_the_only_one(
    unpack: Callable[..., Extracted], model: bytes
) -> None:
    """Script-mode jobs choose names of their own."""
    content = unpack({"model.ubj": model, "notes.txt": b"n", "sub/other.ubj": model})

    assert content.model_file.name == "model.ubj"
    assert sorted(content.extra_files) == ["notes.txt", "sub/other.ubj"]


def test_of_several_models_one_has_to_be_named(
    tmp_path: Path, archive: Archive, model: bytes
) -> None:
    """The error lists them."""
    (tmp_path / "a.tar.gz").write_bytes(archive({"a.ubj": model, "b.ubj": model}))
    for name in ("x", "y", "z"):
        (tmp_path / name).mkdir()

    with pytest.raises(CommandError, match=r"but a\.ubj, b\.ubj: name the model with --model-file"):
        extract(tmp_path / "a.tar.gz", tmp_path / "x")
    named = extract(tmp_path / "a.tar.gz", tmp_path / "y", model_name="b.ubj")
    assert named.model_file.name == "b.ubj"
    with pytest.raises(CommandError, match=r"holds no 'c\.ubj'"):
        extract(tmp_path / "a.tar.gz", tmp_path / "z", model_name="c.ubj")
