"""What is packed, and that it depends on content only."""

import gzip
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from model_artifacts import ArtifactError
from model_artifacts.packing import code_digest, pack, pack_code

_PACK = """
import sys
from pathlib import Path
from model_artifacts.packing import pack
print(pack(Path(sys.argv[1]), model_file=Path(sys.argv[2]), code=Path(sys.argv[3])).sha256)
"""


def _names(path: Path) -> list[str]:
    with tarfile.open(path) as archive:
        return archive.getnames()


def test_an_artifact_holds_the_model_under_the_name_of_the_image_and_the_code_below_code(
    tmp_path: Path, model_file: Path, code: Path
) -> None:
    """The model's own file name, caches and droppings of file managers do not go out."""
    packed = pack(tmp_path / "model.tar.gz", model_file=model_file, code=code)

    assert _names(packed.path) == [
        "code/inference.py",
        "code/package/Zebra.py",
        "code/package/__init__.py",
        "xgboost-model",
    ]
    with tarfile.open(packed.path) as archive:
        content = archive.extractfile("xgboost-model")
        assert content is not None
        assert content.read() == model_file.read_bytes()


def test_every_member_has_the_same_owner_mode_and_time(
    tmp_path: Path, model_file: Path, code: Path
) -> None:
    """Whoever packs, whenever: only names and contents differ between members."""
    (code / "inference.py").chmod(0o700)
    packed = pack(tmp_path / "model.tar.gz", model_file=model_file, code=code)

    with tarfile.open(packed.path) as archive:
        members = archive.getmembers()
    facts = {(m.uid, m.gid, m.uname, m.gname, m.mode, m.mtime, m.type) for m in members}
    assert facts == {(0, 0, "", "", 0o644, 946684800, tarfile.REGTYPE)}


def test_the_digest_and_size_are_those_of_the_file(
    tmp_path: Path, model_file: Path, code: Path
) -> None:
    """What a pin or a tag says can be checked with sha256sum."""
    packed = pack(tmp_path / "model.tar.gz", model_file=model_file, code=code)

    assert packed.sha256 == hashlib.sha256(packed.path.read_bytes()).hexdigest()
    assert packed.size == packed.path.stat().st_size


def test_two_processes_on_two_checkouts_pack_the_same_bytes(
    tmp_path: Path, model_file: Path, code: Path
) -> None:
    """Path, hash seed, time zone, umask, locale, file times and modes leave no trace."""
    elsewhere = tmp_path / "another" / "checkout of it"
    shutil.copytree(code, elsewhere, copy_function=shutil.copyfile)
    other_model = tmp_path / "another" / "renamed.bin"
    shutil.copyfile(model_file, other_model)
    for path in [*elsewhere.rglob("*"), other_model]:
        os.utime(path, (1_000_000_000, 1_000_000_000))
        path.chmod(0o750)

    first = _pack_in_process(
        tmp_path / "a.tar.gz", model_file, code, seed="1", umask=0o022, tz="UTC"
    )
    second = _pack_in_process(
        tmp_path / "b.tar.gz", other_model, elsewhere, seed="2", umask=0o077, tz="Asia/Kolkata"
    )

    assert first.read_bytes() == second.read_bytes()


def _pack_in_process(
    destination: Path, model: Path, code: Path, *, seed: str, umask: int, tz: str
) -> Path:
    constructs = Path(__file__).parents[3] / "constructs"
    environment = {"PYTHONPATH": str(constructs), "PYTHONHASHSEED": seed, "TZ": tz}
    subprocess.run(
        [sys.executable, "-B", "-c", _PACK, destination, model, code],
        env=environment,
        umask=umask,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return destination


def test_the_bytes_are_the_same_for_every_release_of_python_and_zlib(tmp_path: Path) -> None:
    """The digest was taken once; another one would replace every deployed model for nothing."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "inference.py").write_text("import xgboost\n")
    (tmp_path / "code" / "é.txt").write_text("accents need a PAX header\n")
    model = tmp_path / "model"
    model.write_bytes(b"trees" * 20_000)

    packed = pack(tmp_path / "m.tar.gz", model_file=model, code=tmp_path / "code")

    assert packed.sha256 == "a20e64ebcfa937515f191d02de3833026b1bf97f166d4e7eda5da5a30ac3cceb"


def test_a_change_of_one_byte_changes_the_digest(
    tmp_path: Path, model_file: Path, code: Path
) -> None:
    """Content is all that counts, and all of it does."""
    before = pack(tmp_path / "a.tar.gz", model_file=model_file, code=code)
    (code / "package" / "Zebra.py").write_text("Z = 2\n")
    after = pack(tmp_path / "b.tar.gz", model_file=model_file, code=code)

    assert before.sha256 != after.sha256


def test_code_alone_is_packed_at_the_root(tmp_path: Path, code: Path) -> None:
    """The image unpacks sourcedir.tar.gz into the code directory itself."""
    packed = pack_code(tmp_path / "sourcedir.tar.gz", code=code)

    assert _names(packed.path) == ["inference.py", "package/Zebra.py", "package/__init__.py"]


def test_a_model_may_go_out_without_code(tmp_path: Path, model_file: Path) -> None:
    """The image's default handler serves it then."""
    packed = pack(tmp_path / "model.tar.gz", model_file=model_file, code=None)

    assert _names(packed.path) == ["xgboost-model"]


def test_gnu_gzip_and_tar_read_the_artifact(tmp_path: Path, model_file: Path, code: Path) -> None:
    """Other tools than Python's agree on what is in it, and complain of nothing."""
    packed = pack(tmp_path / "model.tar.gz", model_file=model_file, code=code)

    done = subprocess.run(
        ["tar", "-xzOf", packed.path, "xgboost-model"], capture_output=True, check=True
    )

    assert done.stdout == model_file.read_bytes()
    assert done.stderr == b""


def test_a_link_within_the_code_is_packed_as_its_target(
    tmp_path: Path, model_file: Path, code: Path
) -> None:
    """A checkout with links and one without make the same artifact."""
    (code / "alias.py").symlink_to("package/Zebra.py")
    packed = pack(tmp_path / "model.tar.gz", model_file=model_file, code=code)

    with tarfile.open(packed.path) as archive:
        assert archive.getmember("code/alias.py").isreg()


def _add_absolute_link(code: Path) -> None:
    (code / "bad").symlink_to(code / "inference.py")


def _add_link_that_leads_out(code: Path) -> None:
    (code.parent / "secret").write_text("x")
    (code / "bad").symlink_to("../secret")


def _add_broken_link(code: Path) -> None:
    (code / "bad").symlink_to("nowhere")


def _add_link_to_itself(code: Path) -> None:
    (code / "package" / "bad").symlink_to("..")


def _add_pipe(code: Path) -> None:
    os.mkfifo(code / "bad")


def _add_socket(code: Path) -> None:
    # The path of a socket may have 107 characters; a temporary directory has more.
    here = Path.cwd()
    os.chdir(code)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("bad")
    finally:
        os.chdir(here)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_add_absolute_link, "bad is a link to the absolute path"),
        (_add_link_that_leads_out, "bad is a link that leads out of the directory"),
        (_add_broken_link, "bad is a broken link"),
        (_add_link_to_itself, "package/bad is a link to a directory that holds it"),
        (_add_pipe, "bad is neither a file nor a directory"),
        (_add_socket, "bad is neither a file nor a directory"),
    ],
)
def test_what_is_no_plain_file_is_refused_and_nothing_is_written(
    tmp_path: Path, model_file: Path, code: Path, spoil: object, reason: str
) -> None:
    """An artifact holds files only, and never one from outside of the code directory."""
    assert callable(spoil)
    spoil(code)
    destination = tmp_path / "out" / "model.tar.gz"

    with pytest.raises(ArtifactError, match=reason):
        pack(destination, model_file=model_file, code=code)

    assert not destination.parent.exists()


def test_all_faults_of_a_directory_stand_in_one_error(code: Path, tmp_path: Path) -> None:
    """One run tells everything that has to be repaired."""
    _add_pipe(code)
    (code / "worse").symlink_to("nowhere")

    with pytest.raises(ArtifactError, match=r"bad is neither.*; worse is a broken link"):
        pack_code(tmp_path / "out.tar.gz", code=code)


def test_a_missing_model_is_refused(tmp_path: Path, code: Path) -> None:
    """The error names the path that was given."""
    with pytest.raises(ArtifactError, match=r"nowhere/model does not exist"):
        pack(tmp_path / "m.tar.gz", model_file=tmp_path / "nowhere" / "model", code=code)


def test_a_missing_and_an_empty_code_directory_are_refused(
    tmp_path: Path, model_file: Path
) -> None:
    """Both would be an endpoint without a handler."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtifactError, match="does not exist"):
        pack(tmp_path / "m.tar.gz", model_file=model_file, code=tmp_path / "nowhere")
    with pytest.raises(ArtifactError, match="holds no file"):
        pack(tmp_path / "m.tar.gz", model_file=model_file, code=tmp_path / "empty")


def test_an_artifact_has_to_fit_on_the_volume_with_its_content(
    tmp_path: Path, model_file: Path
) -> None:
    """The instance keeps the archive while it unpacks it: twice the size, and not a byte less."""
    size = model_file.stat().st_size
    pack(tmp_path / "m.tar.gz", model_file=model_file, code=None, volume_bytes=2 * size)
    with pytest.raises(ArtifactError, match="the artifact is too large"):
        pack(tmp_path / "n.tar.gz", model_file=model_file, code=None, volume_bytes=2 * size - 1)
    assert not (tmp_path / "n.tar.gz").exists()


def test_an_extra_file_lies_at_the_root_and_cannot_hide_the_model(
    tmp_path: Path, model_file: Path, code: Path
) -> None:
    """What else a training job left beside its model goes along."""
    packed = pack(
        tmp_path / "m.tar.gz",
        model_file=model_file,
        code=code,
        extra_files={"a/b.json": model_file},
    )
    assert "a/b.json" in _names(packed.path)
    for name in ("xgboost-model", "code/inference.py", "code/new.py", "../up", "/abs", "a//b"):
        with pytest.raises(ArtifactError, match="extra file"):
            pack(
                tmp_path / "n.tar.gz",
                model_file=model_file,
                code=code,
                extra_files={name: model_file},
            )


def test_a_failure_leaves_the_former_artifact_and_no_temporary_file(
    tmp_path: Path, model_file: Path, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half an artifact would be uploaded as if it were one."""
    destination = tmp_path / "out" / "model.tar.gz"
    before = pack(destination, model_file=model_file, code=code).sha256

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(tarfile.TarFile, "addfile", fail)
    with pytest.raises(ArtifactError, match="disk full"):
        pack(destination, model_file=code / "inference.py", code=code)

    assert [p.name for p in destination.parent.iterdir()] == ["model.tar.gz"]
    assert hashlib.sha256(destination.read_bytes()).hexdigest() == before


def test_the_digest_of_code_follows_names_and_contents_but_not_leftovers(code: Path) -> None:
    """It tells whether an artifact holds today's code."""
    before = code_digest(code)
    (code / "package" / "new.pyc").write_bytes(b"1")
    assert code_digest(code) == before
    (code / "inference.py").rename(code / "inference2.py")
    assert code_digest(code) != before


@pytest.mark.parametrize("size", [0, 1, 65534, 65535, 65536, 131070, 131071, 200_000])
def test_stored_gzip_is_read_back_whatever_the_size(tmp_path: Path, size: int) -> None:
    """Sizes around the 65,535 bytes of a stored block, checked by zlib."""
    from model_artifacts.gzip_stored import StoredGzipWriter

    content = os.urandom(size)
    with (tmp_path / "x.gz").open("wb") as file:
        writer = StoredGzipWriter(file)
        for start in range(0, size, 10_240):
            writer.write(content[start : start + 10_240])
        writer.close()

    assert gzip.decompress((tmp_path / "x.gz").read_bytes()) == content


def test_libraries_are_packed_beside_the_entry_point(
    tmp_path: Path, model_file: Path, code: Path
) -> None:
    """Under their own names, wherever they were built."""
    library = tmp_path / "built" / "libaccelerator-x86_64.so"
    library.parent.mkdir()
    library.write_bytes(b"\x7fELF")
    packed = pack(tmp_path / "model.tar.gz", model_file=model_file, code=code, libraries=[library])
    assert _names(packed.path) == [
        "code/inference.py",
        "code/libaccelerator-x86_64.so",
        "code/package/Zebra.py",
        "code/package/__init__.py",
        "xgboost-model",
    ]


def test_libraries_that_cannot_be_packed_are_refused(
    tmp_path: Path, model_file: Path, code: Path
) -> None:
    """Without code nothing loads them; missing, or under the name of a file of the code."""
    library = tmp_path / "liba.so"
    target = tmp_path / "model.tar.gz"
    with pytest.raises(ArtifactError, match=r"liba\.so does not exist: build it first"):
        pack(target, model_file=model_file, code=code, libraries=[library])
    library.write_bytes(b"\x7fELF")
    with pytest.raises(ArtifactError, match=r"liba\.so is of no use without code"):
        pack(target, model_file=model_file, code=None, libraries=[library])
    (code / "liba.so").write_bytes(b"")
    with pytest.raises(ArtifactError, match=r"liba\.so would hide a file of the code"):
        pack(target, model_file=model_file, code=code, libraries=[library])
