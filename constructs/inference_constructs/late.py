"""Values that are known only when the tree is complete."""

from collections.abc import Callable
from typing import Any

import jsii
from aws_cdk import IResolvable, IStableAnyProducer, Lazy


def late(value: Callable[[], Any]) -> IResolvable:
    """A token for a value that is asked for when the template is written.

    Args:
        value: gives the value.
    """
    return Lazy.any(_Producer(value))


@jsii.implements(IStableAnyProducer)
class _Producer:
    def __init__(self, value: Callable[[], Any]) -> None:
        self._value = value

    def produce(self) -> Any:
        """Asks for the value."""
        return self._value()
