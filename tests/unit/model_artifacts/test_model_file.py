"""Formats are told by content, and a model goes out only to an image that reads it right."""

import json
import pickle
import shutil
import zlib
from pathlib import Path
from typing import Literal

import joblib
import numpy as np
import pytest
import xgboost as xgb

from model_artifacts import ArtifactError
from model_artifacts.model_file import ModelFile, check_model, inspect_model


@pytest.fixture(scope="module")
def booster() -> xgb.Booster:
    """A model of the installed release."""
    rows = np.random.default_rng(0).normal(size=(64, 3))
    data = xgb.DMatrix(rows, rows[:, 0] > 0, feature_names=["a", "b", "ü"])
    return xgb.train({"objective": "binary:logistic", "max_depth": 2, "nthread": 1}, data, 3)


def _save(booster: xgb.Booster, path: Path, raw_format: str) -> Path:
    path.write_bytes(booster.save_raw(raw_format=raw_format))
    return path


@pytest.mark.parametrize("raw_format", ["ubj", "json"])
def test_the_version_is_read_without_xgboost(
    booster: xgb.Booster, tmp_path: Path, raw_format: Literal["ubj", "json"]
) -> None:
    """The file says which release wrote it; the name says nothing."""
    path = _save(booster, tmp_path / "xgboost-model", raw_format)

    assert inspect_model(path) == ModelFile(format=raw_format, version=(3, 2, 0))


def test_a_model_of_an_older_release_is_read(data: Path) -> None:
    """UBJ of 2.1.4."""
    found = inspect_model(data / "xgboost-2.1.4.ubj")

    assert found == ModelFile(format="ubj", version=(2, 1, 4))


@pytest.mark.parametrize("name", ["legacy-gbtree", "legacy-gblinear", "legacy-dart"])
def test_the_legacy_format_is_recognised(data: Path, tmp_path: Path, name: str) -> None:
    """With the magic that save_raw writes, and without, as the 1.x images left it."""
    assert inspect_model(data / name) == ModelFile(format="legacy-binary", version=(2, 1, 0))

    bare = tmp_path / "xgboost-model"
    bare.write_bytes((data / name).read_bytes().removeprefix(b"binf"))
    assert inspect_model(bare).format == "legacy-binary"


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_a_pickle_is_recognised_whatever_its_protocol(
    booster: xgb.Booster, tmp_path: Path, protocol: int
) -> None:
    """Protocols 0 and 1 have no magic number."""
    path = tmp_path / "xgboost-model"
    path.write_bytes(pickle.dumps(booster, protocol))

    assert inspect_model(path).format == "pickle"


@pytest.mark.parametrize(
    "compress", [0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)]
)
def test_what_joblib_writes_is_a_pickle(
    booster: xgb.Booster, tmp_path: Path, compress: object
) -> None:
    """Compression hides the pickle from a look at the first bytes."""
    path = tmp_path / "xgboost-model"
    joblib.dump(booster, path, compress=compress)

    assert inspect_model(path).format == "pickle"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello, world",
        b"{}",
        b'{"version": [3, 2, 0]}',
        b'{"learner": {}}',
        b'{"learner": {}, "version": [3, true, 0]}',
        b'[{"learner": {}}]',
        b"\x80",
        b"PK\x03\x04" + bytes(200),
        zlib.compress(b"plain"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    """Other files, and JSON that XGBoost did not write."""
    path = tmp_path / "xgboost-model"
    path.write_bytes(content)

    with pytest.raises(ArtifactError, match="is no XGBoost model"):
        inspect_model(path)


@pytest.mark.parametrize("raw_format", ["ubj", "json"])
def test_a_truncated_model_is_refused(
    booster: xgb.Booster, tmp_path: Path, raw_format: str
) -> None:
    """Wherever the end is missing, the error says damaged and nothing else breaks."""
    content = bytes(booster.save_raw(raw_format=raw_format))
    path = tmp_path / "xgboost-model"
    for end in range(2, len(content), max(1, len(content) // 97)):
        path.write_bytes(content[:end])
        with pytest.raises(ArtifactError, match=r"is damaged|is no XGBoost model"):
            inspect_model(path)


def test_bytes_after_the_end_are_refused(booster: xgb.Booster, tmp_path: Path) -> None:
    """Two files written into one are a model to nobody."""
    path = _save(booster, tmp_path / "m", "ubj")
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ArtifactError, match="1 bytes follow the document"):
        inspect_model(path)


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    """The error names the path."""
    with pytest.raises(ArtifactError, match="m does not exist"):
        inspect_model(tmp_path / "m")


def _with_version(booster: xgb.Booster, path: Path, version: list[int]) -> Path:
    document = json.loads(bytes(booster.save_raw(raw_format="json")))
    document["version"] = version
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(
    ("version", "image", "reason"),
    [
        ([3, 2, 0], "3.2-0", None),
        ([3, 2, 1], "3.2-0", None),
        ([2, 1, 4], "3.2-0", None),
        ([1, 7, 6], "3.2-0", None),
        ([3, 0, 5], "3.0-5", None),
        ([3, 3, 0], "3.2-0", "saved by XGBoost 3.3.0, and the image 3.2-0 reads up to 3.2"),
        ([4, 0, 0], "3.2.0", "saved by XGBoost 4.0.0"),
        ([3, 1, 0], "3.0-5", "predict wrongly without an error"),
        ([3, 2, 0], "1.7-1", "predict wrongly without an error"),
        ([2, 0, 0], "1.7-1", "not guaranteed to load"),
    ],
)
def test_a_model_goes_to_an_image_of_its_release_or_a_later_one(
    booster: xgb.Booster, tmp_path: Path, version: list[int], image: str, reason: str | None
) -> None:
    """In pairs: what goes out, and what is refused with its reason."""
    path = _with_version(booster, tmp_path / "m.json", version)
    if reason is None:
        assert check_model(path, image_version=image).version == tuple(version)
    else:
        with pytest.raises(ArtifactError, match=reason):
            check_model(path, image_version=image)


def test_an_older_release_really_reads_the_new_base_score_wrongly(
    booster: xgb.Booster,
) -> None:
    """Why 3.1 is the border: since then the value is written as an array."""
    document = json.loads(bytes(booster.save_raw(raw_format="json")))

    assert document["learner"]["learner_model_param"]["base_score"].startswith("[")


def test_ubj_is_refused_for_an_image_before_it_was_invented(data: Path) -> None:
    """UBJ came with 1.6; JSON would be refused there for its version."""
    with pytest.raises(ArtifactError, match=r"UBJ, which XGBoost reads since 1\.6"):
        check_model(data / "xgboost-2.1.4.ubj", image_version="1.5-1")


def test_the_legacy_format_is_refused_with_the_command_that_converts_it(data: Path) -> None:
    """The seed's 1.5-1 jobs leave it."""
    path = data / "legacy-gbtree"
    with pytest.raises(ArtifactError, match=rf"cannot read it.*inference convert {path}"):
        check_model(path, image_version="3.2-0")
    with pytest.raises(ArtifactError, match="inference convert"):
        check_model(path, image_version="1.5-1")


def test_a_pickle_is_refused_unless_told(data: Path) -> None:
    """It executes code when it is loaded."""
    path = data / "booster-2.1.4.pickle"
    with pytest.raises(ArtifactError, match="executes code"):
        check_model(path, image_version="3.2-0")
    assert check_model(path, image_version="3.2-0", allow_pickle=True).format == "pickle"


def test_inspecting_a_pickle_executes_nothing(tmp_path: Path) -> None:
    """The file would make a directory if anybody loaded it."""

    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.mkdir, (tmp_path / "exploded",)

    path = tmp_path / "m"
    path.write_bytes(pickle.dumps(Bomb()))

    assert inspect_model(path).format == "pickle"
    assert not (tmp_path / "exploded").exists()


def test_a_strange_image_version_is_refused(data: Path, tmp_path: Path) -> None:
    """Such as the algorithm's old tag."""
    shutil.copy(data / "xgboost-2.1.4.ubj", tmp_path / "m")
    with pytest.raises(ArtifactError, match=r"'latest' is not of the form 3\.2-0"):
        check_model(tmp_path / "m", image_version="latest")
