"""A model and code to pack."""

from pathlib import Path

import pytest


@pytest.fixture
def data() -> Path:
    """The models of older releases."""
    return Path(__file__).with_name("data")


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    """A file to pack; packing does not look into it."""
    path = tmp_path / "trained.ubj"
    path.write_bytes(bytes(range(256)) * 700)
    return path


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A code directory with a handler, a package and leftovers."""
    root = tmp_path / "serving"
    (root / "package" / "__pycache__").mkdir(parents=True)
    (root / "inference.py").write_text("def model_fn(model_dir):\n    return model_dir\n")
    (root / "package" / "__init__.py").write_text("")
    (root / "package" / "Zebra.py").write_text("Z = 1\n")
    (root / "package" / "__pycache__" / "Zebra.cpython-312.pyc").write_bytes(b"\x00")
    (root / ".DS_Store").write_bytes(b"\x00")
    return root
