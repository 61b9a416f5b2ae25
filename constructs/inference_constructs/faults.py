"""One error for all the faults of one object."""

from collections.abc import Iterable


def refuse(subject: str, faults: Iterable[str]) -> None:
    """Raises if there is any fault.

    Args:
        subject: the object, as the message names it.
        faults: what is wrong with it; each says what was expected, what was given, what to change.

    Raises:
        ValueError: there is at least one fault.
    """
    found = list(faults)
    if found:
        raise ValueError(f"{subject}: {'; '.join(found)}")
