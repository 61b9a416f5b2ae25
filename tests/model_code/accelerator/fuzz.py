"""Asks a build of the library about bodies that nobody wrote; runs as a script of its own.

Every buffer is exactly as large as it has to be, and comes from malloc(): a sanitizer sees the
first byte beyond. Each body is read as each type and compared with the oracle, its numbers are
written and compared, and its bytes are given to the library as trees, some of them malformed, to
predict by.

    python fuzz.py LIBRARY bodies SEED COUNT          bodies of `bodies.py`
    python fuzz.py LIBRARY atheris SEED RUNS CORPUS   bodies that take new branches of the C code
"""

import ctypes
import itertools
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from bodies import KINDS, bodies
from oracle import read_csv, read_json, read_jsonlines, write_csv, write_json

_libc = ctypes.CDLL(None)
_libc.malloc.restype = ctypes.c_void_p
_libc.malloc.argtypes = [ctypes.c_size_t]
_libc.free.argtypes = [ctypes.c_void_p]
_SIZE = ctypes.c_int64


class Trees(ctypes.Structure):
    """`struct accelerator_trees`, written down once more."""

    _fields_ = [
        *((name, _SIZE) for name in ("count", "features", "groups")),
        *((name, ctypes.c_void_p) for name in ("offsets", "group", "left", "right", "feature")),
        *((name, ctypes.c_void_p) for name in ("value", "default_left", "base_score")),
        *((name, ctypes.c_int32) for name in ("link", "transform")),
    ]


class Buffers:
    """Memory from malloc() for one body."""

    def __init__(self) -> None:
        self._pointers: list[int] = []

    def take(self, size: int) -> int:
        """Take uninitialised memory of exactly that size."""
        pointer: int = _libc.malloc(size)
        self._pointers.append(pointer)
        return pointer

    def put(self, data: bytes) -> int:
        """Take memory that holds exactly these bytes."""
        pointer = self.take(len(data))
        ctypes.memmove(pointer, data, len(data))
        return pointer

    def free(self) -> None:
        """Give all of it back."""
        for pointer in self._pointers:
            _libc.free(pointer)


class Target:
    """The library, and how often it did what.

    Args:
        library: The build to ask.
    """

    def __init__(self, library: str) -> None:
        self._library = ctypes.CDLL(library)
        for name, result in (
            ("parse_csv", _SIZE),
            ("parse_json", _SIZE),
            ("parse_jsonlines", _SIZE),
            ("format_bound", _SIZE),
            ("format", _SIZE),
            ("forest_new", ctypes.c_void_p),
            ("forest_free", None),
            ("predict", ctypes.c_int32),
        ):
            function = getattr(self._library, f"accelerator_{name}")
            function.restype = result
            setattr(self, name, function)
        self._parsers = (
            (self.parse_csv, read_csv),
            (self.parse_json, read_json),
            (self.parse_jsonlines, read_jsonlines),
        )
        self.counts = dict.fromkeys(("bodies", "tables", "texts", "forests"), 0)

    def ask(self, body: bytes, *, as_trees: bool = True) -> None:
        """Ask about one body.

        Args:
            body: The bytes.
            as_trees: Whether to take them as trees, too.

        Raises:
            AssertionError: The library is wrong.
        """
        self.counts["bodies"] += 1
        buffers = Buffers()
        try:
            for parse, oracle in self._parsers:
                rows = self._read(parse, oracle, body, buffers)
                if rows is not None:
                    self._write(rows, buffers)
            if as_trees:
                self._predict(body, buffers)
        finally:
            buffers.free()

    def _read(
        self, parse: Callable, oracle: Callable, body: bytes, buffers: Buffers
    ) -> "np.ndarray | None":
        capacity = body.count(b",") + body.count(b"\n") + 1
        out = buffers.take(4 * capacity)
        columns = _SIZE()
        count = parse(
            ctypes.c_void_p(buffers.put(body)),
            _SIZE(len(body)),
            ctypes.c_void_p(out),
            _SIZE(capacity),
            ctypes.byref(columns),
        )
        if count < 0:
            return None
        self.counts["tables"] += 1
        data = ctypes.string_at(out, 4 * count * columns.value)
        given = np.frombuffer(data, np.float32).reshape(count, columns.value)
        expected = oracle(body.decode("latin-1"))
        assert expected is not None, f"read, and is no table: {body!r}"
        assert given.shape == expected.shape, f"{given.shape} for {expected.shape}: {body!r}"
        assert data == expected.tobytes(), f"{given} for {expected}: {body!r}"
        return given

    def _write(self, rows: np.ndarray, buffers: Buffers) -> None:
        count, columns = rows.shape
        bound = self.format_bound(_SIZE(count), _SIZE(columns))
        for json, write in enumerate((write_csv, write_json)):
            out = buffers.take(bound)
            length = self.format(
                ctypes.c_void_p(buffers.put(rows.tobytes())),
                _SIZE(count),
                _SIZE(columns),
                ctypes.c_int32(json),
                ctypes.c_void_p(out),
            )
            assert (length >= 0) == bool(np.isfinite(rows).all())
            if length >= 0:
                self.counts["texts"] += 1
                text = ctypes.string_at(out, length).decode()
                assert text == write(rows), f"{text} for {write(rows)}"

    def _predict(self, body: bytes, buffers: Buffers) -> None:
        """Take each byte as a node of two trees of two features; one in 64 is malformed."""
        nodes = len(body)
        if nodes == 0:
            return
        split = np.frombuffer(body, np.uint8)
        value = split.astype(np.float32) - 48
        left = np.full(nodes, -1, np.int32)
        middle = (nodes + 1) // 2
        for first, end in ((0, middle), (middle, nodes)):
            free = 1
            for node in range(first, end):
                if body[node] & 3 and free + 2 <= end - first and node - first < free:
                    left[node] = free
                    free += 2
                if body[node] == 0x3F or body[node] >> 2 == 0x3F:
                    left[node] = body[node - 1] - 64
        trees = Trees(
            count=2,
            features=2,
            groups=2,
            offsets=buffers.put(np.array([0, middle, nodes], np.int64).tobytes()),
            group=buffers.put(np.array([0, 1], np.int32).tobytes()),
            left=buffers.put(left.tobytes()),
            right=buffers.put((left + (left >= 0)).astype(np.int32).tobytes()),
            feature=buffers.put((split % 3 % 2).astype(np.int32).tobytes()),
            value=buffers.put(value.tobytes()),
            default_left=buffers.put((split & 1).tobytes()),
            base_score=buffers.put(np.array([0.5, 0.25], np.float32).tobytes()),
            link=body[-1] % 3,
            transform=body[-1] % 6,
        )
        forest = self.forest_new(ctypes.byref(trees))
        if forest is None:
            return
        self.counts["forests"] += 1
        rows = 1 + body[0] % 70
        values = np.resize(np.append(value, np.float32(np.nan)), 2 * rows)
        answers = rows if trees.transform == 5 else 2 * rows
        assert (
            self.predict(
                ctypes.c_void_p(forest),
                ctypes.c_void_p(buffers.put(values.tobytes())),
                _SIZE(rows),
                ctypes.c_void_p(buffers.take(4 * answers)),
            )
            == 0
        )
        self.forest_free(ctypes.c_void_p(forest))


def main(library: str, how: str, *arguments: str) -> None:
    """Run as a script."""
    target = Target(library)
    if how == "bodies":
        seed, count = map(int, arguments)
        kinds = (bodies(seed, -(-count // 3), kind) for kind in KINDS)
        asked = itertools.chain.from_iterable(zip(*kinds, strict=True))
        for number, body in enumerate(itertools.islice(asked, count)):
            target.ask(body.encode("latin-1"), as_trees=number % 4 == 0)
        print(target.counts)
        return
    import atheris

    seed, runs, corpus = arguments

    def ask(data: bytes) -> None:
        target.ask(data)
        if target.counts["bodies"] == int(runs):
            print(target.counts, flush=True)

    atheris.Setup(
        [sys.argv[0], f"-atheris_runs={runs}", "-max_len=120", f"-seed={seed}", corpus], ask
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
