"""What a change costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference_ops.cost import Estimate, estimate


@dataclass(frozen=True, kw_only=True)
class Range:
    """US dollars a month: from the least to the most that the template allows.

    Attributes:
        minimum: The least.
        maximum: The most.
    """

    minimum: float
    maximum: float

    def __str__(self) -> str:
        return f"{self.minimum:,.2f} to {self.maximum:,.2f}"


@dataclass(frozen=True, kw_only=True)
class CostChange:
    """What a stack costs before and after.

    Attributes:
        stack: The stack.
        region: Where.
        before: Before the change.
        after: After it.
        difference: Of the least, and of the most.
        unknown: What has no price, and is in none of the numbers.
    """

    stack: str
    region: str
    before: Range
    after: Range
    difference: Range
    unknown: tuple[str, ...]


def cost_change(
    stack: str, base: Mapping[str, Any], head: Mapping[str, Any], region: str
) -> CostChange:
    """Estimate a stack before and after a change.

    Args:
        stack: Its name.
        base: The template before.
        head: The template after.
        region: Where it is deployed.
    """
    before, after = (estimate(template, region=region) for template in (base, head))
    return CostChange(
        stack=stack,
        region=region,
        before=_range(before),
        after=_range(after),
        difference=Range(
            minimum=after.minimum - before.minimum, maximum=after.maximum - before.maximum
        ),
        unknown=after.unknown,
    )


def _range(found: Estimate) -> Range:
    return Range(minimum=found.minimum, maximum=found.maximum)
