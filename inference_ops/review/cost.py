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
        """The range as text."""
        return f"{self.minimum:,.2f} to {self.maximum:,.2f}"


@dataclass(frozen=True, kw_only=True)
class CostChange:
    """What a stack costs before and after.

    Attributes:
        stack: The stack.
        region: Where.
        before: Before the change; None if nothing of it has a price in this region.
        after: After it; None likewise.
        difference: Of the least, and of the most; None if a side is not known.
        unknown: What has no price, and is in none of the numbers.
    """

    stack: str
    region: str
    before: Range | None
    after: Range | None
    difference: Range | None
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
    estimates = [estimate(template, region=region) for template in (base, head)]
    before, after = map(_range, estimates)
    difference = None
    if before is not None and after is not None:
        difference = Range(
            minimum=after.minimum - before.minimum, maximum=after.maximum - before.maximum
        )
    return CostChange(
        stack=stack,
        region=region,
        before=before,
        after=after,
        difference=difference,
        unknown=estimates[1].unknown,
    )


def _range(found: Estimate) -> Range | None:
    # A sum over nothing that has a price would be a zero that nobody can rely on.
    if found.lines and all(line.price is None for line in found.lines):
        return None
    return Range(minimum=found.minimum, maximum=found.maximum)
