"""CSV by the accelerator: what Python's float reads, or nothing."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.model_code.accelerator.oracle import read_csv

# Half a unit in the last place of a float above 1: doubles that round to either side of it, and the
# double that is the middle itself.
_TIES = [
    "1.00000005960464477539062",
    "1.000000059604644775390625",
    "1.00000005960464477539063",
    "1.0000000596046447753906250000000000000000000000000000001",
    "1.00000005960464484",
    "1.00000017881393432617187499",
    "16777217",
    "16777217.000000001",
    "16777219e0",
    # Middles that a product or quotient of doubles misses by a unit: it rounds to the other side.
    "106.32582473754883",
    "0.0001166931215266231447",
    "0.0036592894466593862",
    "0.435919329524040222",
    "97.36291885375976562",
    "812.925933837890625",
]
_EDGES = [
    "3.4028234663852886e38",
    "3.40282346638528859e+38",
    "340282346638528859811704183484516925440",
    "1.17549435e-38",
    "1.4e-45",
    "7.006492321624085e-46",
    "7.0064923216240862e-46",
    "1e-60",
    "-1e-400",
    "0e400",
    "0.00000000000000000000000000000000000000000000000000000123",
    "0.00012345678901234567",
    "123456789012345678901234567890e-20",
    "9007199254740993",
    "9007199254740993e22",
    "12345678901234567e-25",
    "00000000000000000000000000001.5",
    "+.5",
    "-5.",
    "-0",
    "NaN",
    "+nan",
]


def _same(given: Any, expected: Any) -> bool:
    return bool(given.shape == expected.shape and given.tobytes() == expected.tobytes())


@pytest.mark.parametrize("number", [*_TIES, *_EDGES])
def test_a_number_is_rounded_as_by_float_and_a_cast(accelerator: Any, number: str) -> None:
    """Twice, to a double and to a float: rounding once gives other bits at the ties."""
    for body in (number, f" {number}\t\n", f"1,{number},2\r\n"):
        given = accelerator.parse(body, "text/csv")
        assert given is not None
        assert given.flags.c_contiguous
        assert _same(given, read_csv(body))


@pytest.mark.parametrize(
    "body",
    [
        "1,2\n3,4\n",
        "1,2\n3,4",
        "1,2\r\n3,4\r\n",
        "1,2\r\n3,4\r",
        ",\n,\n",
        ",,,",
        "1\n\n2\n",
        "1\n\n",
        "1\n\r\n",
        "1\r\n\r",
        " 1 , 2 \n\t3,\n",
        "nan,NAN\n,Nan\n",
    ],
)
def test_a_plain_table_is_read_and_not_left_to_the_reference(accelerator: Any, body: str) -> None:
    """As text, as bytes, and as the bytearray of some servers."""
    expected = read_csv(body)
    assert expected is not None
    for form in (body, body.encode(), bytearray(body.encode())):
        given = accelerator.parse(form, "text/csv")
        assert given is not None
        assert _same(given, expected)


@pytest.mark.parametrize(
    "body",
    [
        *("", "\n", "\r\n", " \t\n \n"),  # empty
        *("1,2\n3\n", "1\n2,3\n", "1,2\n\n"),  # rows of different widths
        *("a,b\n1,2\n", "1e", "1e+", ".", "-", "+-1", "1..2", "1 2", "0x10", "1f", "--1", "e5"),
        *("1_000", "1\x00", "\x1c1", "1\u0661", "\ufeff1", "1\xa0", "\u0661", "\u2212" + "1"),
        *("inf", "-Infinity", "1e39", "3.5e38", "-3.4028235677973366e38", "1e999999999999"),
        *("-nan", "nan1", "na", "n", "nanx"),
        *('"1",2\n', '1,"2"', "1\r2", "1\r\r\n", "1;2", "'1'", "1,2\r\r"),
    ],
)
def test_what_is_no_plain_table_is_left_to_the_reference(accelerator: Any, body: str) -> None:
    """The reference parser then reads it, or tells what is wrong."""
    assert accelerator.parse(body, "text/csv") is None
    assert accelerator.parse(body.encode(), "text/csv") is None


_CHARACTERS = st.sampled_from('0123456789012345678900000..--++eE,,,\n\n\r \tnaN_"x\x00\x1c\u0661')
_FLOATS = st.one_of(
    st.floats(width=32, allow_infinity=False).map(repr),
    st.floats().map(repr),
    st.floats(min_value=-4e38, max_value=4e38).map(lambda number: f"{number:.25g}"),
    st.integers(-(10**25), 10**25).map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.text(_CHARACTERS, max_size=30),
    st.sampled_from([*_TIES, *_EDGES, ""]),
)
_BODIES = st.one_of(
    st.text(_CHARACTERS, max_size=60),
    st.lists(st.lists(_FLOATS, min_size=1, max_size=4), min_size=1, max_size=4).map(
        lambda rows: "\n".join(",".join(row) for row in rows)
    ),
    st.text(max_size=20),
)


@given(_BODIES)
@settings(max_examples=400, deadline=None, derandomize=True)
@example("1\n\r")
@example("\r")
def test_any_text_is_read_as_by_the_oracle_or_left_to_the_reference(
    accelerator: Any, body: str
) -> None:
    """Never a wrong number, whatever comes."""
    given = accelerator.parse(body, "text/csv")
    if given is not None:
        expected = read_csv(body)
        assert expected is not None
        assert _same(given, expected)


@given(st.lists(st.tuples(_FLOATS, _FLOATS), min_size=1, max_size=6), st.data())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_batch_split_at_a_line_end_gives_the_same_rows(
    accelerator: Any, rows: list[tuple[str, str]], data: st.DataObject
) -> None:
    """A batch transform job may cut a file anywhere between two lines."""
    lines = [f"{a},{b}\n" for a, b in rows]
    whole = accelerator.parse("".join(lines), "text/csv")
    cut = data.draw(st.integers(0, len(lines)))
    if whole is not None:
        parts = [
            accelerator.parse("".join(part), "text/csv")
            for part in (lines[:cut], lines[cut:])
            if part
        ]
        assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_a_body_of_six_megabytes_is_read_whole(accelerator: Any) -> None:
    """The largest that an endpoint takes; each number of it is compared."""
    numbers = np.random.default_rng(3).normal(size=(10_000, 30))
    body = "".join(",".join(map(repr, row)) + "\n" for row in numbers.tolist())
    assert len(body) > 5_500_000
    assert _same(accelerator.parse(body, "text/csv"), numbers.astype(np.float32))
