"""Which job gets which objects."""

from collections.abc import Iterable, Iterator

from ..batch_checks.locations import StoredObject

_BYTES_PER_MB = 1024 * 1024


def cut(
    objects: Iterable[StoredObject], *, shard_mb: int, shard_objects: int
) -> Iterator[list[StoredObject]]:
    """Groups objects in their order, as many to a group as one job gets.

    Args:
        objects: all objects of a run.
        shard_mb: the largest group, in mebibytes; a larger object is a group of its own.
        shard_objects: the most objects of a group.
    """
    group: list[StoredObject] = []
    size = 0
    for item in objects:
        full = len(group) == shard_objects or size + item.size > shard_mb * _BYTES_PER_MB
        if group and full:
            yield group
            group, size = [], 0
        group.append(item)
        size += item.size
    if group:
        yield group
