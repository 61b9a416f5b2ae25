"""Bodies of requests by the million: tables, tables with faults, and noise."""

import random
import struct
from collections.abc import Callable, Iterator

_ENDS = ("\n", "\n", "\n", "\r\n", "\r", "")
_NOISE = "0123456789.-+eE,,,\n\r \tnaNxinf_\"'\x00\x0b\x1c\x85\xa0"


def bodies(seed: int, count: int) -> Iterator[str]:
    """Make bodies, of characters up to U+00FF.

    Args:
        seed: The same seed makes the same bodies.
        count: How many.
    """
    source = random.Random(seed)
    for _ in range(count):
        kind = source.random()
        if kind < 0.1:
            yield "".join(source.choices(_NOISE, k=source.randrange(24)))
            continue
        body = _table(source)
        if kind < 0.5:
            for _ in range(source.randrange(1, 4)):
                body = _spoilt(source, body)
        yield body


def _table(source: random.Random) -> str:
    columns = source.randrange(1, 6)
    end = source.choice(_ENDS[:4])
    lines = [
        ",".join(_field(source) for _ in range(columns)) for _ in range(source.randrange(1, 5))
    ]
    return end.join(lines) + source.choice(_ENDS)


def _field(source: random.Random) -> str:
    return source.choice(_FIELDS)(source)


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
    lambda source: source.choice(("", " ", "nan", "NaN", "+nan", "0", "-0.0", "1e5", "1E-5")),
    lambda source: f"{source.randrange(10 ** source.randrange(1, 22))}e{source.randrange(-70, 60)}",
    lambda source: f" {source.random():.7g}\t",
    lambda source: f".{source.randrange(10**9)}",
    lambda source: f"-{source.randrange(99)}.",
    lambda source: f"{source.random() * 10 ** source.randrange(-45, 39):.{source.randrange(18)}e}",
)


def _spoilt(source: random.Random, body: str) -> str:
    at = source.randrange(len(body) + 1)
    kind = source.randrange(3)
    if kind == 0:
        return body[:at] + source.choice(_NOISE) + body[at:]
    if kind == 1:
        return body[:at] + body[at + source.randrange(1, 4) :]
    return body[:at] + source.choice(_NOISE) + body[at + 1 :]
