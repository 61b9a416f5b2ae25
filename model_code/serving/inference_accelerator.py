"""The compiled accelerator: parses, predicts and formats faster, and never differently.

It is a shared library beside the handler, if the artifact was packed with it. `load` asks the
booster and the library the same questions before it hands the library out; where there is none, or
where their answers differ in one bit, it returns None, and the handler goes on without.

Whatever a method cannot do exactly as the reference does, it leaves to it and returns None.
"""

import ctypes
import platform
import weakref
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from inference_log import StructuredLog, make_logger
from inference_trees import Trees, UnsupportedModelError, read_trees

Rows = npt.NDArray[np.float32]

LIBRARY = "libaccelerator-{machine}.so"
_ABI = 2
_CODE = "code"
_PROBES = 128
# Spellings of the two architectures that SageMaker has instances of.
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}

_log = make_logger("inference_accelerator")


class _Trees(ctypes.Structure):
    """`struct accelerator_trees`."""

    _fields_ = [
        ("count", ctypes.c_int64),
        ("features", ctypes.c_int64),
        ("groups", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("offsets", "group", "left", "right", "feature")),
        *((name, ctypes.c_void_p) for name in ("value", "default_left", "base_score")),
        ("link", ctypes.c_int32),
        ("transform", ctypes.c_int32),
    ]


class Accelerator:
    """The library, with the trees of one model.

    All methods may be called from several threads at once, and there may be several per process.

    Args:
        library: The loaded library.
        trees: The model.

    Raises:
        UnsupportedModelError: The library refuses the trees.
    """

    def __init__(self, library: ctypes.CDLL, trees: Trees) -> None:
        self.features: Final = trees.features
        self.isa: Final[str] = library.accelerator_isa().decode()
        self._columns = None if trees.single else trees.groups
        self._parsers = {
            "text/csv": library.accelerator_parse_csv,
            "application/json": library.accelerator_parse_json,
            "application/jsonlines": library.accelerator_parse_jsonlines,
        }
        self._predict = library.accelerator_predict
        self._format = library.accelerator_format
        self._format_bound = library.accelerator_format_bound
        self._forest = _make_forest(library, trees)
        weakref.finalize(self, library.accelerator_forest_free, self._forest)

    def parse(self, body: str | bytes | bytearray, media_type: str) -> Rows | None:
        """Read a plain table of numbers.

        Args:
            body: The body of a request.
            media_type: `text/csv`, `application/json` or `application/jsonlines`.

        Returns:
            What the reference parser of that type returns, or None: ask that one.
        """
        if isinstance(body, str):
            if not body.isascii():
                return None
            body = body.encode()
        elif not isinstance(body, bytes):
            # Some servers hand over a bytearray.
            body = bytes(body)
        length = len(body)
        # Each separator ends a field, and the last one may have none. What is not written to never
        # becomes memory.
        values = np.empty(length + 1, np.float32)
        columns = ctypes.c_int64()
        rows = self._parsers[media_type](
            body, length, _address(values), length + 1, ctypes.byref(columns)
        )
        if rows < 0:
            return None
        return values[: rows * columns.value].reshape(rows, columns.value)

    def predict(self, rows: Rows) -> Rows:
        """Ask the model.

        Args:
            rows: One row per record, NaN where a value is missing.

        Returns:
            What `Booster.predict` returns, bit for bit.

        Raises:
            ValueError: The rows do not have the model's columns.
            MemoryError: There is no memory for the blocks that the rows are worked through in.
        """
        if rows.ndim != 2 or rows.shape[1] != self.features:
            raise ValueError(f"expected rows of {self.features} columns, got {rows.shape}")
        rows = np.ascontiguousarray(rows, np.float32)
        count = len(rows)
        scores = np.empty(count if self._columns is None else (count, self._columns), np.float32)
        if self._predict(self._forest, _address(rows), count, _address(scores)) != 0:
            raise MemoryError("no memory for a prediction")
        return scores

    def format_csv(self, values: npt.NDArray[Any]) -> bytes | None:
        """Write answers as CSV.

        Args:
            values: The answers, in one dimension or two.

        Returns:
            What the reference formatter writes, in ASCII, or None: ask that one.
        """
        return self._text(values, 0)

    def format_json(self, values: npt.NDArray[Any]) -> bytes | None:
        """Write answers as a JSON array.

        Args:
            values: The answers, in one dimension or two.

        Returns:
            What the reference formatter writes, in ASCII, or None: ask that one.
        """
        return self._text(values, 1)

    def _text(self, values: npt.NDArray[Any], json: int) -> bytes | None:
        if values.dtype != np.float32 or values.ndim not in (1, 2) or values.size == 0:
            return None
        values = np.ascontiguousarray(values)
        rows = len(values)
        columns = 0 if values.ndim == 1 else values.shape[1]
        text = np.empty(self._format_bound(rows, columns), np.uint8)
        address = _address(text)
        length = self._format(_address(values), rows, columns, json, address)
        return None if length < 0 else ctypes.string_at(address, length)


def load(model_dir: Path, booster: xgb.Booster, log: StructuredLog = _log) -> Accelerator | None:
    """Load the library for this machine, and give it a model.

    Args:
        model_dir: Where the artifact was unpacked; the library is in its `code/`, or beside this
            module.
        booster: The model.
        log: Where to say which way it went.

    Returns:
        The accelerator, if it answers as the booster does; otherwise None.
    """
    machine = platform.machine().lower()
    name = LIBRARY.format(machine=_MACHINES.get(machine, machine))
    for directory in (model_dir / _CODE, Path(__file__).parent):
        if (directory / name).is_file():
            break
    else:
        log.info("no accelerator", reason=f"the artifact holds no {name}")
        return None
    try:
        library = _open(directory / name)
        trees = read_trees(booster)
        accelerator = Accelerator(library, trees)
        _compare(accelerator, booster, _probes(trees))
    except Exception as error:
        # Whatever it is: a handler that could do without must not fail for it.
        log.warning("no accelerator", reason=f"{type(error).__name__}: {error}")
        return None
    log.info("accelerator loaded", isa=accelerator.isa)
    return accelerator


def _open(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    address, size = ctypes.c_void_p, ctypes.c_int64
    parser = [ctypes.c_char_p, size, address, size, address]
    for function, result, arguments in (
        ("abi", ctypes.c_int32, []),
        ("isa", ctypes.c_char_p, []),
        ("parse_csv", size, parser),
        ("parse_json", size, parser),
        ("parse_jsonlines", size, parser),
        ("format_bound", size, [size, size]),
        ("format", size, [address, size, size, ctypes.c_int32, address]),
        ("forest_new", address, [address]),
        ("forest_free", None, [address]),
        ("predict", ctypes.c_int32, [address, address, size, address]),
    ):
        prototype = getattr(library, f"accelerator_{function}")
        prototype.restype = result
        prototype.argtypes = arguments
    found = library.accelerator_abi()
    if found != _ABI:
        raise UnsupportedModelError(f"{path.name} has interface {found}: expected {_ABI}")
    return library


def _make_forest(library: ctypes.CDLL, trees: Trees) -> int:
    arrays = {
        name: np.ascontiguousarray(getattr(trees, name))
        for name in (
            "offsets",
            "group",
            "left",
            "right",
            "feature",
            "value",
            "default_left",
            "base_score",
        )
    }
    flat = _Trees(
        count=len(trees.group),
        features=trees.features,
        groups=trees.groups,
        link=trees.link,
        transform=trees.transform,
        **{name: _address(array) for name, array in arrays.items()},
    )
    forest: int | None = library.accelerator_forest_new(ctypes.byref(flat))
    if forest is None:
        raise UnsupportedModelError("the library refuses the trees")
    return forest


def _compare(accelerator: Accelerator, booster: xgb.Booster, rows: Rows) -> None:
    """Ask both the same.

    Raises:
        UnsupportedModelError: One answer differs: another version of XGBoost, or of the C library.
    """
    for asked in (rows, rows[:1]):
        expected = booster.predict(
            xgb.DMatrix(
                asked,
                feature_names=booster.feature_names,
                feature_types=booster.feature_types,
                nthread=1,
            )
        )
        given = accelerator.predict(asked)
        if given.shape != expected.shape or given.tobytes() != expected.tobytes():
            raise UnsupportedModelError("its answers differ from the booster's")


def _probes(trees: Trees) -> Rows:
    """Rows on and just below the thresholds, some with missing values."""
    random = np.random.default_rng(0)
    rows = np.zeros((_PROBES, trees.features), np.float32)
    splits = trees.left >= 0
    for feature in np.unique(trees.feature[splits]):
        thresholds = trees.value[splits & (trees.feature == feature)]
        near = [thresholds, np.nextafter(thresholds, np.float32(-np.inf)), [np.nan]]
        rows[:, feature] = random.choice(np.concatenate(near), _PROBES)
    return rows


def _address(array: npt.NDArray[Any]) -> int:
    # A third of the time of `array.ctypes.data`.
    address: int = array.__array_interface__["data"][0]
    return address
