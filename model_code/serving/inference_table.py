"""What stands between a request's body and its prediction: rows of numbers, or records to check.

A body that is a plain table of numbers becomes a `Table` at once. Any other becomes `Records`, one
by one, and a table only when the model is known, whose columns and names they must have.

Records that cannot be read: with INFERENCE_BAD_RECORDS=fail (the default) one of them makes the
whole request a 400. With `mark`, in CSV and JSON Lines, each is answered by a mark in its place, so
that there is exactly one answer per record:

    CSV: the whole line of that record is the literal `error`.
    JSON Lines: `{"error": "<reason>"}`; the same object in a JSON array.

A mark depends on its record alone, so batches that are cut at other line ends have the same marks.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from inference_errors import RecordError, RequestError

Rows = npt.NDArray[np.float32]
Record = Sequence[float] | Mapping[str, float]

MISSING = math.nan
# Doubles from here on are infinite as 32-bit floats, on which XGBoost fails.
_TOO_LARGE = float(np.finfo(np.float32).max) + 2.0**103


@dataclass(frozen=True, kw_only=True)
class Table:
    """A request whose numbers were all read.

    Attributes:
        rows: C-contiguous, one row per record, NaN where a value is missing.
        names: Names of the columns, if the body has any.
        sparse: Columns at the end that no record has may be left out: they are missing.
    """

    rows: Rows
    names: tuple[str, ...] | None = None
    sparse: bool = False


@dataclass(frozen=True, kw_only=True)
class Records:
    """A request read record by record.

    Attributes:
        records: Numbers by position or by name, or why there are none.
        markable: Whether records that cannot be read may be marked.
    """

    records: Sequence[Record | RecordError]
    markable: bool = False


@dataclass(frozen=True, kw_only=True)
class Input:
    """The rows to predict.

    Attributes:
        rows: As the model takes them.
        marks: By the position of its record in the request, why there is no row for it.
    """

    rows: Rows
    marks: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns that a model takes.

    Attributes:
        count: How many.
        names: What they are called, if the model knows.
    """

    count: int
    names: tuple[str, ...] | None = None

    def take(self, data: Table | Records, *, mark: bool = False) -> Input:
        """Bring a request into the model's columns.

        Args:
            data: The request.
            mark: Whether to mark records that cannot be read, where that is possible.

        Returns:
            The rows, and marks if any.

        Raises:
            RequestError: The columns are not those of the model, or a record cannot be read and is
                not marked.
        """
        if isinstance(data, Table):
            return Input(rows=self._of_table(data))
        return self._of_records(data, mark=mark and data.markable)

    def _of_table(self, table: Table) -> Rows:
        rows = table.rows
        if table.names is not None and self.names is not None and table.names != self.names:
            fault = self._fault_of_names(table.names)
            if fault is not None:
                raise RequestError(fault)
            position = {name: index for index, name in enumerate(table.names)}
            return np.ascontiguousarray(rows[:, [position[name] for name in self.names]])
        width = rows.shape[1]
        if table.sparse and width < self.count:
            missing = np.full((len(rows), self.count - width), np.nan, np.float32)
            return np.hstack([rows, missing])
        if width != self.count:
            raise RequestError(f"each row has {width} columns: the model takes {self.count}")
        return rows

    def _of_records(self, data: Records, *, mark: bool) -> Input:
        rows: list[Sequence[float]] = []
        marks: dict[int, str] = {}
        for index, record in enumerate(data.records):
            try:
                rows.append(self._values(record))
            except RecordError as error:
                if not mark:
                    raise RequestError(f"row {index + 1}, {error}") from None
                marks[index] = str(error)
        table = np.array(rows, dtype=np.float64).reshape(len(rows), self.count)
        return Input(rows=table.astype(np.float32), marks=marks)

    def _values(self, record: Record | RecordError) -> Sequence[float]:
        if isinstance(record, RecordError):
            raise record
        if isinstance(record, Mapping):
            if self.names is None:
                raise RecordError(
                    "by name: the model knows no names of its features, send arrays of numbers"
                )
            if record.keys() != set(self.names):
                raise RecordError(f"by name: {self._fault_of_names(tuple(record))}")
            values: Sequence[float] = [record[name] for name in self.names]
        else:
            values = record
        if len(values) != self.count:
            raise RecordError(f"{len(values)} columns: the model takes {self.count}")
        for column, value in enumerate(values, 1):
            if abs(value) >= _TOO_LARGE:
                raise RecordError(f"column {column}: the number is not a finite 32-bit float")
        return values

    def _fault_of_names(self, given: tuple[str, ...]) -> str | None:
        """Why names are not those of the model; the request's own names are not quoted."""
        assert self.names is not None
        absent = [name for name in self.names if name not in given]
        if absent:
            more = f" and {len(absent) - 3} more" if len(absent) > 3 else ""
            return f"the model's features {', '.join(absent[:3])}{more} are missing"
        if len(given) != len(self.names):
            return f"{len(given)} names are given: the model has {len(self.names)}, each once"
        return None
