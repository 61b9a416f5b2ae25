"""Calls that the local AWS lets only one thread at a time make."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from local_aws.serialized import serialize


class Register:
    """Looks through its entries slowly, and adds one."""

    def __init__(self) -> None:
        self.entries: dict[int, int] = {}

    def add(self, number: int) -> int:
        """Fails where another thread adds meanwhile, as moto's IAM does."""
        seen = sum(1 for _ in self._slowly())
        self.entries[number] = seen
        return seen

    def _slowly(self) -> Iterator[int]:
        for entry in self.entries:
            time.sleep(0.001)
            yield entry


class Inheriting(Register):
    """Has the method from its base."""


def test_a_call_ends_before_the_next_one_begins_in_whatever_thread() -> None:
    """Each sees all entries before its own; of a class that only inherits the method, too."""
    serialize(Inheriting, ["add"])
    register = Inheriting()
    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(register.add, range(16))) == list(range(16))
    assert Register.add is not Inheriting.add
