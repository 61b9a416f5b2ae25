"""Columnar and sparse bodies: NumPy arrays, Parquet, Arrow streams and LIBSVM."""

import ast
import io
import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from inference_errors import RequestError
from inference_table import Rows, Table

if TYPE_CHECKING:
    import pyarrow as pa

# A small compressed body may hold a table that does not fit into memory.
MOST_VALUES = 1 << 27
# What pandas calls an index that it stores beside the columns.
_PANDAS_INDEX = re.compile(r"__index_level_\d+__")
_NPY_HEADER = {(1, 0): 2, (2, 0): 4, (3, 0): 4}


def parse_npy(body: bytes) -> Table:
    """Read an array as `numpy.save` writes it; a pickle is never loaded.

    Args:
        body: The file: a table of numbers, or one row of them.

    Returns:
        The rows.

    Raises:
        RequestError: The body is no such array.
    """
    header = _npy_header(body)
    try:
        dtype = np.dtype(header["descr"])
        shape = tuple(int(length) for length in header["shape"])
        order = "F" if header["fortran_order"] else "C"
    except (KeyError, TypeError, ValueError, SyntaxError):
        raise RequestError("the body is not a valid .npy file") from None
    if dtype.kind not in "fiu" or dtype.itemsize > 8:
        raise RequestError(f"the array holds no numbers but {_printable(dtype)}: expected float32")
    if len(shape) not in (1, 2) or 0 in shape or min(shape) < 0:
        raise RequestError("the array has no rows of numbers: expected the shape (rows, columns)")
    data = header["data"]
    if len(data) != math.prod(shape) * dtype.itemsize:
        raise RequestError("the array's data do not have the length that its shape says")
    values = np.frombuffer(data, dtype).reshape(shape, order=order)  # type: ignore[call-overload]
    return Table(rows=_as_rows(values if values.ndim == 2 else values[np.newaxis, :]))


def _npy_header(body: bytes) -> dict[str, Any]:
    size = _NPY_HEADER.get((body[6], body[7])) if body[:6] == b"\x93NUMPY" and body[8:] else None
    if size is None:
        raise RequestError("the body is not a .npy file")
    length = int.from_bytes(body[8 : 8 + size], "little")
    end = 8 + size + length
    # A header is a literal of Python; numpy itself reads none that is longer.
    if length > 10_000 or len(body) < end:
        raise RequestError("the body is not a valid .npy file")
    try:
        header = ast.literal_eval(body[8 + size : end].decode("latin-1").strip())
        return {**header, "data": memoryview(body)[end:]}
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise RequestError("the body is not a valid .npy file") from None


def _printable(dtype: "np.dtype[Any]") -> str:
    kinds = {"O": "Python objects", "b": "booleans", "c": "complex numbers", "V": "records"}
    return kinds.get(dtype.kind, "text or times")


def parse_parquet(body: bytes) -> Table:
    """Read a Parquet file of numeric columns.

    Args:
        body: The file.

    Returns:
        The rows, with the columns' names.

    Raises:
        RequestError: The body is no such file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(body))
        _check_size(file.metadata.num_rows, file.metadata.num_columns)
        table = file.read(use_threads=False)
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        if isinstance(error, RequestError):
            raise
        raise RequestError("the body is not a valid Parquet file") from None
    return _of_columns(table)


def parse_arrow(body: bytes) -> Table:
    """Read an Arrow IPC stream of numeric columns.

    Args:
        body: The stream.

    Returns:
        The rows, with the columns' names.

    Raises:
        RequestError: The body is no such stream.
    """
    import pyarrow as pa

    batches: list[pa.RecordBatch] = []
    rows = 0
    try:
        with pa.ipc.open_stream(pa.BufferReader(body)) as reader:
            schema = reader.schema
            for batch in reader:
                batch.validate(full=True)
                rows += batch.num_rows
                _check_size(rows, max(1, len(schema)))
                batches.append(batch)
        table = pa.Table.from_batches(batches, schema)
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        if isinstance(error, RequestError):
            raise
        raise RequestError("the body is not a valid Arrow stream") from None
    return _of_columns(table)


def _of_columns(table: "pa.Table") -> Table:
    import pyarrow as pa

    kept = [name for name in table.column_names if not _PANDAS_INDEX.fullmatch(name)]
    if len(set(kept)) != len(kept):
        raise RequestError("two columns have the same name")
    if not kept or table.num_rows == 0:
        raise RequestError("the body is empty: expected at least one row")
    _check_size(table.num_rows, len(kept))
    values = np.empty((table.num_rows, len(kept)), np.float64)
    for index, name in enumerate(kept):
        column = table.column(name)
        kind = column.type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
            raise RequestError(f"column {index + 1} holds no numbers: expected integers or floats")
        values[:, index] = column.cast(pa.float64(), safe=False).to_numpy()
    return Table(rows=_as_rows(values), names=tuple(kept))


def parse_libsvm(body: str | bytes) -> Table:
    """Read LIBSVM: on each line a label, which is ignored, and `index:value` pairs.

    Indices count from 0, as XGBoost counts them: to guess that from one request would shift the
    columns of a request whose rows lack the first. What a line does not name is missing.

    Args:
        body: The text.

    Returns:
        The rows, as wide as the highest index.

    Raises:
        RequestError: The body is no such text.
    """
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    rows = [_pairs(number, line) for number, line in enumerate(text.rstrip().split("\n"), 1)]
    width = 1 + max((index for row in rows for index in row), default=-1)
    if width * len(rows) > MOST_VALUES:
        raise RequestError("an index is too high for so many rows")
    values = np.full((len(rows), max(width, 1)), np.nan)
    for number, row in enumerate(rows):
        for index, value in row.items():
            values[number, index] = value
    return Table(rows=_as_rows(values), sparse=True)


_PAIR = re.compile(r"(\d{1,9}):([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[nN][aA][nN])")
_LABEL = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?::[\d.eE+-]+)?|[nN][aA][nN]")


def _pairs(number: int, line: str) -> dict[int, float]:
    if not line.isascii():
        raise RequestError(f"row {number} is not ASCII text")
    fields = line.partition("#")[0].split()
    # Without a label the first field is a pair already; `label:weight` looks the same, and a label
    # alone comes first in whatever xgboost or scikit-learn write.
    if fields and ":" not in fields[0]:
        if not _LABEL.fullmatch(fields[0]):
            raise RequestError(f"row {number}, field 1: expected a label, found text")
        fields = fields[1:]
    row: dict[int, float] = {}
    for position, field in enumerate(fields, 1):
        if field.startswith("qid:"):
            continue
        pair = _PAIR.fullmatch(field)
        if pair is None:
            raise RequestError(f"row {number}, pair {position}: expected index:value, found text")
        index = int(pair[1])
        if index in row:
            raise RequestError(f"row {number}, pair {position}: the index is there twice")
        row[index] = float(pair[2])
    return row


def _check_size(rows: int, columns: int) -> None:
    if rows * columns > MOST_VALUES:
        raise RequestError(f"the table is too large: expected at most {MOST_VALUES:,} values")


def _as_rows(values: npt.NDArray[Any]) -> Rows:
    with np.errstate(over="ignore"):
        rows = np.ascontiguousarray(values, dtype=np.float32)
    if np.isinf(rows).any():
        row, column = np.argwhere(np.isinf(rows))[0] + 1
        raise RequestError(f"row {row}, column {column}: the number is not a finite 32-bit float")
    return rows


def write_npy(values: npt.NDArray[Any]) -> bytes:
    """Write answers as `numpy.save` does.

    Args:
        values: The answers.

    Returns:
        The file.
    """
    file = io.BytesIO()
    np.save(file, values, allow_pickle=False)
    return file.getvalue()
