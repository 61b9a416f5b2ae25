"""What a rule is: a name, a severity, a reason, its source, and what finds faults."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

Severity = Literal["error", "warning", "note"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

Subject = TypeVar("Subject")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One place where a rule is broken.

    Attributes:
        resource: the logical id.
        path: the property, such as `Properties/Threshold`; empty for the whole resource.
        detail: what is wrong here, with the values; the rule's description says why.
    """

    resource: str
    path: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Rule(Generic[Subject]):
    """A check of a template, or of the change from one to another.

    Attributes:
        name: its name in reports and acknowledgements.
        severity: `error` if the deployment fails or the result is not what the template says;
            `warning` if it hurts later; `note` if it is worth a thought.
        description: what has to be so, and what happens otherwise.
        fix: what to change.
        source: the page or the issue that it rests on.
        check: yields the faults.
    """

    name: str
    severity: Severity
    description: str
    fix: str
    source: str
    check: Callable[[Subject], Iterator[Fault]]
