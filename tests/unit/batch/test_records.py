"""Records are counted by the rules of their media type, wherever a chunk ends."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_constructs.functions.batch_checks.records import Count, Counting, count_records

FIELD = st.text(alphabet='ab"\n\r, ', max_size=6)
ROW = st.lists(FIELD, min_size=1, max_size=3)


@pytest.mark.parametrize(
    ("content", "rows", "lines"),
    [
        (b"", 0, 0),
        (b"\n", 0, 0),
        (b"1,2", 1, 1),
        (b"1,2\n", 1, 1),
        (b"1,2\r\n3,4\r\n", 2, 2),
        (b"1,2\n\n3,4\n\n\n", 2, 2),
        (b'1,"a\nb"\n2,c\n', 2, 3),
        (b'1,"say ""a\nb"""\n2,c\n', 2, 3),
        (b'"a\n\nb"\n', 1, 2),
        (b'{"a": "\\""}\n{"a": 1}\n', 1, 2),
    ],
)
def test_a_quoted_line_break_belongs_to_a_row_of_csv_and_to_nothing_else(
    content: bytes, rows: int, lines: int
) -> None:
    """JSON lines have quotes as well, but never a line break within."""
    assert count_records([content], Counting(quotes=True)) == Count(records=rows)
    assert count_records([content], Counting(quotes=False)) == Count(records=lines)


@given(rows=st.lists(ROW, max_size=8), size=st.integers(1, 9))
def test_rows_that_the_csv_module_writes_are_counted_wherever_chunks_end(
    rows: list[list[str]], size: int
) -> None:
    """The oracle is the writer: as many rows as went in, but for blank ones."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows(rows)
    content = text.getvalue().encode()
    chunks = [content[start : start + size] for start in range(0, len(content), size)]
    assert count_records(chunks, Counting(quotes=True)) == Count(records=len(rows))


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize(
    ("content", "quotes", "count"),
    [
        (b"0.5\nerror\n0.7\n", True, Count(records=3, marked=1)),
        (b"1,2,error\r\n1,2,0.5\r\n", True, Count(records=2, marked=1)),
        (b"error,0.5\n1,errors\n", True, Count(records=2)),
        (b'1,"a\nerror"\n2,error', True, Count(records=2, marked=1)),
        (b'{"error": "no number"}\n{"score": 1}\n', False, Count(records=2, marked=1)),
        (b'{"a": 1, "SageMakerOutput": {"error": "x"}}\n', False, Count(records=1, marked=1)),
        (b'{"error": 1, "SageMakerOutput": {"score": 1}}\n', False, Count(records=1)),
        (b'["error"]\nerror\n', False, Count(records=2)),
    ],
)
def test_marked_records_are_counted(content: bytes, quotes: bool, count: Count, size: int) -> None:
    """By the last field of a row, and by the field `error` of what the model answered."""
    chunks = [content[start : start + size] for start in range(0, len(content), size)]
    assert count_records(chunks, Counting(quotes=quotes, marks=True)) == count


@pytest.mark.parametrize("marks", [False, True])
def test_a_line_of_many_chunks_is_not_kept(marks: bool) -> None:
    """Memory must not grow with the length of a line."""
    import tracemalloc

    chunk = b"x" * 1_000_000
    tracemalloc.start()
    counting = Counting(quotes=True, marks=marks)
    assert count_records((chunk for _ in range(100)), counting) == Count(records=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000
