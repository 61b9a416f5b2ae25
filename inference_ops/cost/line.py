"""`Line`: one thing that costs something."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sagemaker_prices import Price, Unit

_UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Line:
    """What is paid for, how much of it in a month, and its price.

    Attributes:
        what: such as `AllTraffic: ml.m5.large`.
        resources: the logical ids of what it belongs to.
        unit: what the quantities count.
        minimum: the least in a month; None if only a deployment tells.
        maximum: the most in a month; None if nothing bounds it but its use.
        price: of one unit; None if it is not known.
        highest_price: of one unit, where it may be of several kinds.
        note: why a quantity or price is not known, where that is not plain.
    """

    what: str
    resources: tuple[str, ...]
    unit: Unit
    minimum: float | None = 0
    maximum: float | None = None
    price: Price | None
    highest_price: Price | None = None
    note: str | None = None

    @property
    def minimum_usd(self) -> float | None:
        """US dollars a month at least; None if that is not known."""
        if self.price is None or self.minimum is None:
            return None
        return self.minimum * self.price.usd

    @property
    def maximum_usd(self) -> float | None:
        """US dollars a month at most; None if that is not known."""
        price = self.price if self.highest_price is None else self.highest_price
        if price is None or self.maximum is None:
            return None
        return self.maximum * price.usd

    @property
    def standing(self) -> str:
        """How far the price can be trusted, in a few words."""
        return _UNKNOWN if self.price is None else self.price.standing

    @property
    def unpriced(self) -> str:
        """What has no price, in a few words."""
        if self.note is not None:
            return f"{self.what}: {self.note}"
        return f"{self.what}: the price per {self.unit} is unknown"

    def with_others(self, others: Sequence["Line"]) -> "Line":
        """This line and others of the same, as one.

        Args:
            others: lines that differ in quantities and resources only.
        """
        lines = (self, *others)
        return replace(
            self,
            resources=tuple(name for line in lines for name in line.resources),
            minimum=_sum([line.minimum for line in lines]),
            maximum=_sum([line.maximum for line in lines]),
        )

    def to_json(self) -> dict[str, Any]:
        """The line as JSON has it."""
        return {
            "what": self.what,
            "resources": list(self.resources),
            "unit": self.unit,
            "quantity": {"minimum": self.minimum, "maximum": self.maximum},
            "usd": {"minimum": self.minimum_usd, "maximum": self.maximum_usd},
            "price": price_to_json(self.price),
            **(
                {}
                if self.highest_price is None
                else {"highest_price": price_to_json(self.highest_price)}
            ),
            "standing": self.standing,
            **({} if self.note is None else {"note": self.note}),
        }


def price_to_json(price: Price | None) -> dict[str, Any] | None:
    """A price as JSON has it.

    Args:
        price: the price; None if it is not known.
    """
    if price is None:
        return None
    return {
        "usd": price.usd,
        "unit": price.unit,
        "region": price.region,
        "read": price.read.isoformat(),
        "source": price.source,
        "confirmed": price.confirmed,
    }


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
