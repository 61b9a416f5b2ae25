"""What a template costs in a month, from the least to the most."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from inference_ops.cost.endpoints import endpoint_lines
from inference_ops.cost.line import Line
from inference_ops.cost.model import Model
from inference_ops.cost.surroundings import surrounding_lines, unread_types
from sagemaker_prices import PriceTable, shipped_prices


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a template costs in a month of 730 hours, before discounts and free tiers.

    Attributes:
        region: where.
        lines: what costs something, each with its price where that is known.
        unread: types of resources that may cost something, and are not read; with how many.
    """

    region: str
    lines: tuple[Line, ...]
    unread: Mapping[str, int]

    @property
    def minimum(self) -> float:
        """The least, in US dollars: of what has a price, and by the bounds of the template."""
        return sum(line.minimum_usd or 0 for line in self.lines)

    @property
    def maximum(self) -> float:
        """The most, in US dollars: of what has a price, and by the bounds of the template.

        What has no bound is not in it: see `by_use`.
        """
        return sum(line.maximum_usd or 0 for line in self.lines)

    @property
    def by_use(self) -> tuple[Line, ...]:
        """What has a price and no bound, so that only its use tells what it costs."""
        return tuple(line for line in self.lines if line.price and line.maximum is None)

    @property
    def unknown(self) -> tuple[str, ...]:
        """What may cost something and has no price here."""
        unpriced = [line.unpriced for line in self.lines if line.price is None]
        unread = [f"{number} x {kind}: not estimated" for kind, number in self.unread.items()]
        return (*unpriced, *unread)


def estimate(
    template: Mapping[str, Any],
    *,
    region: str,
    prices: PriceTable | None = None,
    parameters: Mapping[str, str] | None = None,
) -> Estimate:
    """Estimates what a template costs.

    Args:
        template: the template.
        region: where it goes.
        prices: the prices; by default those that are shipped.
        parameters: values that count instead of the defaults of the template's parameters.
    """
    model = Model(template, region=region, parameters=parameters)
    table = shipped_prices() if prices is None else prices
    lines = [
        *endpoint_lines(model, table, region),
        *surrounding_lines(model, table, region),
    ]
    return Estimate(region=region, lines=tuple(_joined(lines)), unread=unread_types(model))


def _joined(lines: Iterable[Line]) -> Iterator[Line]:
    """The same of several resources as one line."""
    groups: dict[tuple[object, ...], list[Line]] = {}
    for line in lines:
        groups.setdefault((line.what, line.unit, line.price, line.note), []).append(line)
    for group in groups.values():
        yield group[0].with_others(group[1:])
