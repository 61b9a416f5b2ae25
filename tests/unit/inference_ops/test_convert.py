"""`inference convert`: refused inputs, and the proof that stands before every new file."""

import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import xgboost as xgb

from inference_ops import convert, convert_script, environments
from inference_ops.errors import CommandError, Exit

Run = Callable[..., SimpleNamespace]


@pytest.fixture
def data() -> Path:
    """The models of older releases."""
    return Path(__file__).parents[1] / "model_artifacts" / "data"


def test_what_is_not_in_the_legacy_format_is_refused(
    data: Path, tmp_path: Path, run: Run, model: bytes
) -> None:
    """Before any environment is made."""
    (tmp_path / "new").write_bytes(model)
    for path, reason in (
        (tmp_path / "new", "is UBJ already: nothing to convert"),
        (data / "booster-2.1.4.pickle", "is a pickle"),
        (data / "README.md", "is no XGBoost model"),
        (tmp_path / "nowhere", "does not exist"),
    ):
        refused = run("convert", str(path))
        assert refused.code == 1
        assert reason in refused.err
        assert not path.with_name(f"{path.name}.ubj").exists()


def test_an_existing_file_is_replaced_only_with_force(data: Path, tmp_path: Path, run: Run) -> None:
    """And the model itself never."""
    model = tmp_path / "xgboost-model"
    model.write_bytes((data / "legacy-gbtree").read_bytes())
    (tmp_path / "out").write_bytes(b"precious")

    refused = run("convert", str(model), "--output", str(tmp_path / "out"))
    assert "exists: give another --output, or --force" in refused.err
    same = run("convert", str(model), "--output", str(model), "--force")
    assert "is the model itself" in same.err
    assert (tmp_path / "out").read_bytes() == b"precious"


def _booster(seed: int) -> xgb.Booster:
    rows = np.random.default_rng(seed).normal(size=(200, 4))
    data = xgb.DMatrix(rows, rows[:, 0] > 0.1, nthread=1)
    return xgb.train({"objective": "binary:logistic", "max_depth": 3, "nthread": 1}, data, 5)


def _files(tmp_path: Path, converted_from: xgb.Booster, saved: xgb.Booster) -> tuple[str, str]:
    """Probe of one booster, new file of another."""
    source, ubj, probe = (str(tmp_path / name) for name in ("source", "ubj", "probe"))
    Path(source).write_bytes(converted_from.save_raw())
    convert_script.convert(source, ubj, probe)
    Path(ubj).write_bytes(saved.save_raw())
    return ubj, probe


def test_equal_predictions_are_proven_on_thousands_of_rows(tmp_path: Path) -> None:
    """The comparison itself, in the installed release on both sides."""
    proof = convert_script.verify(*_files(tmp_path, _booster(1), _booster(1)))

    assert proof == {"verified_by": xgb.__version__, "rows_compared": 4096}


def test_another_model_is_noticed(tmp_path: Path) -> None:
    """However similar: one split a hair away, which only rows around the split can show."""
    with pytest.raises(ValueError, match="predictions differ"):
        convert_script.verify(*_files(tmp_path, _booster(1), _booster(2)))

    booster = _booster(1)
    document = bytearray(booster.save_raw(raw_format="json"))
    text = document.decode()
    start = text.index('"split_conditions":[') + len('"split_conditions":[')
    end = text.index(",", start)
    nudged = np.nextafter(np.float32(text[start:end]), np.float32(9))
    other = xgb.Booster()
    other.load_model(bytearray((text[:start] + str(nudged) + text[end:]).encode()))
    with pytest.raises(ValueError, match="differ"):
        convert_script.verify(*_files(tmp_path, booster, other))


def test_the_probe_goes_to_both_sides_of_every_split_and_has_missing_values(
    tmp_path: Path,
) -> None:
    """Each leaf of the model is reached by some row."""
    booster = _booster(1)
    _, probe = _files(tmp_path, booster, booster)
    rows = np.load(probe)["rows"]

    leaves = booster.predict(xgb.DMatrix(rows), pred_leaf=True)
    reached = [len(np.unique(leaves[:, tree])) for tree in range(leaves.shape[1])]
    in_model = [tree.count("leaf=") for tree in booster.get_dump()]
    assert reached == in_model
    assert np.isnan(rows).any(axis=0).all()


def test_a_linear_model_without_rounds_is_saved_with_some(tmp_path: Path) -> None:
    """The legacy format forgets them, and 3.1 and later take such a model for untrained."""
    rows = np.random.default_rng(0).normal(size=(100, 2))
    booster = xgb.train(
        {"booster": "gblinear", "objective": "binary:logistic"},
        xgb.DMatrix(rows, rows[:, 0] > 1),
        2,
    )
    text = bytes(booster.save_raw(raw_format="json")).decode()
    assert '"boosted_rounds":2' in text
    source = tmp_path / "source"
    source.write_text(text.replace('"boosted_rounds":2', '"boosted_rounds":0'))
    convert_script.convert(str(source), str(tmp_path / "ubj"), str(tmp_path / "probe"))

    saved = xgb.Booster(model_file=bytearray((tmp_path / "ubj").read_bytes()))
    data = xgb.DMatrix(rows)
    assert np.array_equal(saved.predict(data), booster.predict(data))


@pytest.mark.long
def test_a_failed_installation_is_told_and_leaves_no_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No package index in reach: another exit code, pip's own reason, nothing half-installed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)

    with pytest.raises(CommandError, match="could not be made: ERROR: ") as raised:
        environments.environment("legacy", lambda _: None)

    assert raised.value.code is Exit.UNREACHABLE
    assert list((tmp_path / "inference-constructs").iterdir()) == []


def test_the_locked_release_still_reads_the_legacy_format() -> None:
    """3.0 is the last; 3.1 removed it. All packages are locked with their hashes."""
    for name, version in (("legacy", "3.0.5"), ("current", "3.2.0")):
        lock = Path(environments.__file__).with_name(f"requirements-{name}.txt").read_text()
        assert f"xgboost-cpu=={version}" in lock
        assert lock.count("--hash=sha256:") > 10


@pytest.mark.soak
@pytest.mark.parametrize("name", ["legacy-gbtree", "legacy-gblinear", "legacy-dart"])
def test_a_legacy_model_becomes_ubj_that_predicts_the_same(
    data: Path, tmp_path: Path, run: Run, name: str
) -> None:
    """With the real packages, from the index; against what 2.1.4 itself predicts for the model."""
    done = run("convert", str(data / name), "--output", str(tmp_path / "m.ubj"), "--json")

    assert done.code == 0
    assert done.json["converted_by"] == "3.0.5"
    assert done.json["verified_by"] == "3.2.0"
    rows = np.array([[0.5, -1, 0, 2, np.nan], [-0.5, 1, np.nan, 0, 3], [0, 0, 0, 0, 0]])
    booster = xgb.Booster(model_file=bytearray((tmp_path / "m.ubj").read_bytes()))
    expected = np.load(io.BytesIO((data / "predictions-2.1.4.npz").read_bytes()))[name]
    assert np.array_equal(booster.predict(xgb.DMatrix(rows)), expected)
    assert convert.inspect_model(tmp_path / "m.ubj").format == "ubj"
