"""A header is told from a record, and its length is exact."""

import pytest

from inference_constructs.functions.batch_checks.headers import HEAD_BYTES, read_head


@pytest.mark.parametrize(
    ("content", "header"),
    [
        (b"amount,age\n1.5,2\n", ["amount", "age"]),
        (b"amount,age\r\n1.5,2\r\n", ["amount", "age"]),
        (b'"a\nmount",age\n1.5,2\n', ["a\nmount", "age"]),
        ("größe,age\n1.5,2\n".encode(), ["größe", "age"]),
        (b"\xef\xbb\xbfamount,age\n1.5,2\n", ["amount", "age"]),
        (b"id,amount\nx7,1.5\n", ["id", "amount"]),
        (b"amount,age", ["amount", "age"]),
        (b"amount,age\n\n1,2\n", ["amount", "age"]),
        (b"1.5,2\n3,4\n", None),
        (b"\xef\xbb\xbf1.5,2\n3,4\n", None),
        (b"x7,1.5\nx8,2\n", None),
        (b",2\n1,2\n", None),
        (b"nan,1e-3\n2,-4\n", None),
        (b"7", None),
    ],
)
def test_a_row_of_texts_above_numbers_is_a_header(content: bytes, header: list[str] | None) -> None:
    """A text above a text is a record's own, such as an id."""
    assert read_head(content).header == header


@pytest.mark.parametrize(
    ("content", "rest"),
    [
        (b"amount,age\n1.5,2\n", b"1.5,2\n"),
        (b"amount,age\r\n1.5,2\r\n", b"1.5,2\r\n"),
        ("größe,age\n1.5,2\n".encode("latin-1"), b"1.5,2\n"),
        ("größe,age\n1.5,2\n".encode(), b"1.5,2\n"),
        (b'"a\nmount",age\n1.5,2\n', b"1.5,2\n"),
        (b"\xef\xbb\xbfamount\n1\n", b"1\n"),
    ],
)
def test_what_follows_the_header_begins_where_its_length_ends(content: bytes, rest: bytes) -> None:
    """To the byte, in whichever encoding."""
    assert content[read_head(content).length :] == rest


def test_a_first_row_that_is_longer_than_what_is_looked_at_is_still_judged() -> None:
    """A row of more columns than any model has."""
    head = read_head((b"1.0," * HEAD_BYTES)[:HEAD_BYTES])
    assert head.header is None
