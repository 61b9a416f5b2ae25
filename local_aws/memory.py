"""Lets the server give memory back: its threads handle bodies of many megabytes."""

from __future__ import annotations

import ctypes

# mallopt's names, from <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGE = 1024 * 1024
_ARENAS = 2


def give_back() -> None:
    """Have glibc keep few arenas, and nothing of what was large; other C libraries do as they do.

    By default it raises the size from which it maps blocks to that of the largest one freed, so
    that after the first request of 6 MB all others come from heaps that only grow.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for parameter, value in (
        (_MMAP_THRESHOLD, _LARGE),
        (_TRIM_THRESHOLD, _LARGE),
        (_ARENA_MAX, _ARENAS),
    ):
        mallopt(parameter, value)
