"""One call at a time for what moto does in several steps, and serves from many threads."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable
from typing import Any


def serialize(kind: type, names: Iterable[str]) -> None:
    """Let only one thread at a time run any of a class's methods of these names.

    Args:
        kind: a class of moto's.
        names: its methods, own or inherited.
    """
    lock = threading.RLock()
    for name in names:
        setattr(kind, name, _locked(getattr(kind, name), lock))


def _locked(method: Any, lock: Any) -> Any:
    @functools.wraps(method)
    def locked(*given: Any, **named: Any) -> Any:
        with lock:
            return method(*given, **named)

    return locked
