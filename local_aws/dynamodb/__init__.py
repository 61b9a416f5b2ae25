"""DynamoDB of the local AWS: moto's tables, on which a condition and its write are one step."""

from __future__ import annotations

import functools
import threading
from typing import Any

from moto.dynamodb.models import DynamoDBBackend

from local_aws.subsystem import Subsystem

_WRITES = ("put_item", "update_item", "delete_item", "transact_write_items")


class DynamoDB(Subsystem):
    """Serializes writes: moto looks at a condition first and writes then, in many threads."""

    def install(self) -> None:
        """Put a lock around every write."""
        lock = threading.RLock()
        for name in _WRITES:
            setattr(DynamoDBBackend, name, _locked(getattr(DynamoDBBackend, name), lock))


def _locked(write: Any, lock: Any) -> Any:
    @functools.wraps(write)
    def locked(*given: Any, **named: Any) -> Any:
        with lock:
            return write(*given, **named)

    return locked
