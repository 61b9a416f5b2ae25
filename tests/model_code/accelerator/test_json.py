"""JSON and JSON Lines by the accelerator: what Python's json reads as a table, or nothing."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.model_code.accelerator.oracle import read_json, read_jsonlines

_ORACLES = {"application/json": read_json, "application/jsonlines": read_jsonlines}


def _check(accelerator: Any, body: str, media_type: str) -> None:
    expected = _ORACLES[media_type](body)
    assert expected is not None
    for form in (body, body.encode(), bytearray(body.encode())):
        given = accelerator.parse(form, media_type)
        assert given is not None
        assert given.shape == expected.shape
        assert given.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    "body",
    [
        "[[1, 2], [3, 4]]",
        "[[1,2],[3,4]]",
        " [ [ 1 , 2 ]\t,\r\n[ 3 , 4 ] ] \n",
        '{"instances": [[1, 2], [3, 4]]}',
        ' { "instances" : [[1]] } ',
        "[[null, NaN, 0, -0, -0.0]]",
        "[[1e5, 1E-5, 1e+5, 0e3, 12.5e-1, 0.1]]",
        "[[1.000000059604644775390625, 3.4028234663852886e38, 1e-400]]",
        "[[123456789012345678901234567890]]",
    ],
)
def test_a_plain_table_is_read_and_not_left_to_the_reference(accelerator: Any, body: str) -> None:
    """With all the space that JSON allows."""
    _check(accelerator, body, "application/json")


@pytest.mark.parametrize(
    "body", ["[1, 2]\n[3, 4]\n", "[1, 2]\n[3, 4]", "[1,2]\r\n [3, null ] \r\n", "[1]\r", "\t[1]\n"]
)
def test_lines_are_read_and_not_left_to_the_reference(accelerator: Any, body: str) -> None:
    """With either line end, and without the last one."""
    _check(accelerator, body, "application/jsonlines")


@pytest.mark.parametrize(
    "number",
    [
        *("01", "-01", "00", "1.", "-1.", ".5", "-.5", "+1", "1e", "1e+", "1.e5", "e5", "-", "--1"),
        *("nan", "Nan", "NAN", "-NaN", "nul", "nulll", "NULL", "true", "Infinity", "-Infinity"),
        *("1_0", "0x1", "1 2", "1\x00", "\u0661", '"1"', "[1]", "", " ", "1e39", "1..2", "1.2.3"),
    ],
)
def test_what_is_no_number_of_json_is_left_to_the_reference(accelerator: Any, number: str) -> None:
    """First, last and between two others."""
    for row in (f"[{number}]", f"[{number}, 1]", f"[1, {number}]", f"[1, {number}, 2]"):
        assert accelerator.parse(f"[{row}]", "application/json") is None
        assert accelerator.parse(f"[[1], {row}]", "application/json") is None
        assert accelerator.parse(f"{row}\n", "application/jsonlines") is None


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        *(
            (body, "application/json")
            for body in (
                *("", " ", "[", "[[", "[[1", "[[1]", "[[1]]]", "[[1],]", "[[1,]]", "[[]]", "[]"),
                *(
                    "[1, 2]",
                    "[[1], [2, 3]]",
                    "[[1] [2]]",
                    "[[1]] [[2]]",
                    "1",
                    "[[1]],",
                    "[[1]\x00]",
                ),
                *('{"instances": [[1]]', '{"instances": [[1]], "a": 1}', '{"instance": [[1]]}'),
                *(
                    '{"instances": [[1]]}}',
                    '{"instances" [[1]]}',
                    '{"instances"',
                    "{",
                    "\ufeff[[1]]",
                ),
                *('[{"a": 1}]', '{"features": [1]}', "[[1]\x0b]"),
            )
        ),
        *(
            (body, "application/jsonlines")
            for body in (
                *("", "\n", "[1]\n\n", "\n[1]\n", "[1]\n[2, 3]", "[1], [2]", "[1][2]", "[1]\n\r"),
                *("[1,\n2]", '{"features": [1]}', "[[1]]", "[1]\n[", "[1]\x0b", "1"),
            )
        ),
    ],
)
def test_what_is_no_plain_table_is_left_to_the_reference(
    accelerator: Any, body: str, media_type: str
) -> None:
    """It then reads it, or tells what is wrong."""
    assert accelerator.parse(body, media_type) is None
    assert accelerator.parse(body.encode(), media_type) is None


@pytest.mark.parametrize(
    ("media_type", "write"),
    [
        ("application/json", lambda rows: f"[{', '.join(map(repr, rows))}]"),
        ("application/jsonlines", lambda rows: "".join(f"{row!r}\n" for row in rows)),
    ],
)
def test_a_body_of_six_megabytes_is_read_whole(
    accelerator: Any, media_type: str, write: Callable[[list[list[float]]], str]
) -> None:
    """The largest that an endpoint takes; each number of it is compared."""
    numbers = np.random.default_rng(3).normal(size=(9_500, 30))
    body = write(numbers.tolist())
    assert 5_500_000 < len(body) < 6 * 1024**2
    given = accelerator.parse(body, media_type)
    assert given.tobytes() == numbers.astype(np.float32).tobytes()
