"""What a rule is: a name, a reason, and a function over one resource of a template."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Properties = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A check of the resources of one type.

    Attributes:
        name: its name in the report, and in an acknowledgement.
        description: what every resource has to be.
        fix: what to change.
        resource_type: the CloudFormation type.
        check: yields the path of each property that is wrong.
    """

    name: str
    description: str
    fix: str
    resource_type: str
    check: Callable[[Properties], Iterator[str]]
