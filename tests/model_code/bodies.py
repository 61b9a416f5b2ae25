"""Bodies of requests by the million: tables, tables with faults, and noise."""

import random
import struct
from collections.abc import Callable, Iterator, Sequence

CSV, JSON, JSON_LINES = KINDS = ("text/csv", "application/json", "application/jsonlines")
# Rows of a large body: the handler reads it another way than a small one.
_LARGE = 120

_ENDS = ("\n", "\n", "\n", "\r\n", "\r", "")
_NOISE = "0123456789.-+eE,,,\n\r \tnaNxinf_\"'\x00\x0b\x1c\x85\xa0"
_JSON_NOISE = _NOISE + "[[]]{}:ull"
_COMMAS = (*(", ", ",") * 4, " , ", ",\n", ",  ")


def bodies(
    seed: int, count: int, kind: str, *, columns: Sequence[int] = range(1, 6), large: float = 0
) -> Iterator[str]:
    """Make bodies, of characters up to U+00FF.

    Args:
        seed: The same seed makes the same bodies.
        count: How many.
        kind: One of `KINDS`.
        columns: How many columns a table may have; one that is there more often comes more often.
        large: The share of large bodies.
    """
    source = random.Random(seed)
    noise = _NOISE if kind == CSV else _JSON_NOISE
    for _ in range(count):
        chance = source.random()
        if chance < 0.1:
            yield "".join(source.choices(noise, k=source.randrange(24)))
            continue
        body = _table(source, kind, source.choice(columns), source.random() < large)
        if chance < 0.5:
            for _ in range(source.randrange(1, 4)):
                body = _spoilt(source, body, noise)
        yield body


def _table(source: random.Random, kind: str, columns: int, large: bool) -> str:
    rows = [
        [_FIELD_OF[kind](source) for _ in range(columns)] for _ in range(source.randrange(1, 5))
    ]
    if large:
        rows = [source.choice(rows) for _ in range(_LARGE)]
    if kind == CSV:
        lines = [",".join(row) for row in rows]
        return source.choice(_ENDS[:4]).join(lines) + source.choice(_ENDS)
    inner, outer = source.choice(_COMMAS), source.choice(_COMMAS)
    arrays = [f"[{inner.join(row)}]" for row in rows]
    if kind == JSON_LINES:
        return source.choice(_ENDS[:4]).join(arrays) + source.choice(_ENDS)
    form = source.choice(
        ("[{}]", "[{}]", " [ {} ]\n", '{{"instances": [{}]}}', '{{"features":{}}}')
    )
    return form.format(outer.join(arrays))


def _field(source: random.Random) -> str:
    return source.choice(_FIELDS)(source)


def _json_field(source: random.Random) -> str:
    return source.choice(_JSON_FIELDS)(source)


def _integer(source: random.Random) -> str:
    return str(source.randrange(-(10 ** source.randrange(1, 30)), 10 ** source.randrange(30)))


def _any_double(source: random.Random) -> str:
    (number,) = struct.unpack("<d", source.randbytes(8))
    return repr(number)


def _middle(source: random.Random) -> str:
    """The middle between any float and a neighbour, with all its digits or cut off."""
    (bits,) = struct.unpack("<I", source.randbytes(4))
    low, high = struct.unpack("<2f", struct.pack("<2I", bits, bits ^ 1))
    digits = source.choice((8, 9, 16, 17, 18, 19, 20, 25, 40, 120))
    return f"{(low + high) / 2:.{digits}g}"


def _zeros(source: random.Random) -> str:
    zeros = "0" * source.randrange(30)
    return f"{zeros}{source.randrange(10**6)}.{zeros}{source.randrange(10**18)}"


_FIELDS: tuple[Callable[[random.Random], str], ...] = (
    *(lambda source: repr(source.gauss(0, 1)),) * 4,
    *(lambda source: f"{source.gauss(0, 100):.{source.randrange(12)}f}",) * 2,
    _integer,
    _any_double,
    *(_middle,) * 2,
    _zeros,
    lambda source: source.choice(("", " ", "nan", "NaN", "+nan", "nan(1)", "0", "-0.0", "1E-5")),
    lambda source: f"{source.randrange(10 ** source.randrange(1, 22))}e{source.randrange(-70, 60)}",
    lambda source: f" {source.random():.7g}\t",
    lambda source: f".{source.randrange(10**9)}",
    lambda source: f"-{source.randrange(99)}.",
    lambda source: f"{source.random() * 10 ** source.randrange(-45, 39):.{source.randrange(18)}e}",
)


# Most are JSON; of the others one spoils a body.
_JSON_FIELDS: tuple[Callable[[random.Random], str], ...] = (
    *(lambda source: repr(source.gauss(0, 1)),) * 9,
    *(lambda source: f"{source.gauss(0, 100):.{source.randrange(1, 12)}f}",) * 9,
    *(lambda source: str(source.randrange(-(10**9), 10**9)),) * 3,
    *(lambda source: source.choice(("null", "NaN", "0", "-0", "-0.0", "1e5", "1E-5", "0e3")),) * 6,
    lambda source: f"{source.random():.7e}",
    lambda source: source.choice(("01", "-01", "1.", ".5", "+1", "nan", "Nan", "nul", "-", "1.e5")),
    _field,
)

_FIELD_OF = {CSV: _field, JSON: _json_field, JSON_LINES: _json_field}


def _spoilt(source: random.Random, body: str, noise: str) -> str:
    at = source.randrange(len(body) + 1)
    kind = source.randrange(3)
    if kind == 0:
        return body[:at] + source.choice(noise) + body[at:]
    if kind == 1:
        return body[:at] + body[at + source.randrange(1, 4) :]
    return body[:at] + source.choice(noise) + body[at + 1 :]
