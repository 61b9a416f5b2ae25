"""Numbers out of a text whose fields are known by their places.

Arrow takes the whole text as one array of strings, without a Python object per field, and casts it
to doubles, correctly rounded; those are rounded once more to 32-bit floats.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

try:
    import pyarrow as pa
    import pyarrow.compute as pc

    # Called without the wrappers of `pyarrow.compute`, which cost as much as a few rows.
    _cast = pc.get_function("cast")
    _TO_DOUBLE = pc.CastOptions.safe(pa.float64())
    _TO_SINGLE = pc.CastOptions(target_type=pa.float32(), allow_float_truncate=True)
except ImportError:
    pa = None

from inference_table import Rows

HAS_ARROW = pa is not None
# From so many bytes on Arrow's fixed costs are less than what it saves.
SMALL = 3_000
# Worked through at once, so that it stays in the processor's cache.
_BLOCK = 1 << 17

Places = npt.NDArray[np.int64]


def read_fields(
    fields: bytes, ends: Places, *, missing: str, spaces: bool = False
) -> npt.NDArray[np.float32] | None:
    """Read numbers.

    Args:
        fields: ASCII, field after field, with nothing between them.
        ends: Where each field ends, in one dimension or two.
        missing: The field that stands for a missing value.
        spaces: Whether there may be spaces around a number.

    Returns:
        The numbers, NaN where one is missing, in the shape of `ends`; None if something is no
        number, or is infinite as a 32-bit float.
    """
    # Arrow reads nan(…) as well.
    if b"(" in fields:
        return None
    offsets = np.empty(ends.size + 1, np.int32)
    offsets[0] = 0
    offsets[1:] = ends.reshape(-1)
    texts = pa.StringArray.from_buffers(ends.size, pa.py_buffer(offsets), pa.py_buffer(fields))
    if spaces:
        texts = pc.ascii_trim(texts, " ")
    try:
        numbers = _cast.call([texts], _TO_DOUBLE)
    except pa.ArrowInvalid:
        try:
            texts = pc.if_else(pc.equal(texts, missing), None, texts)
            numbers = _cast.call([texts], _TO_DOUBLE)
        except pa.ArrowInvalid:
            return None
    singles = _cast.call([numbers], _TO_SINGLE).to_numpy(zero_copy_only=False)
    return None if np.isinf(singles).any() else singles.reshape(ends.shape)


def parse_in_blocks(text: bytes, end: bytes, parse: Callable[[bytes], Rows | None]) -> Rows | None:
    """Parse a table block by block.

    Args:
        text: The table.
        end: What stands between two rows; all but its last byte still belong to the first.
        parse: Parses some rows.

    Returns:
        All rows; None if one block is no table, or they differ in width.
    """
    blocks: list[Rows] = []
    start = 0
    while start <= len(text):
        cut = len(text)
        if cut - start > _BLOCK:
            cut = text.rfind(end, start, start + _BLOCK)
            if cut < 0:  # a row that is longer
                cut = text.find(end, start)
            cut = len(text) if cut < 0 else cut + len(end) - 1
        rows = parse(text[start:cut])
        if rows is None or (blocks and rows.shape[1] != blocks[0].shape[1]):
            return None
        blocks.append(rows)
        start = cut + 1
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
