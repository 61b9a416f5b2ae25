"""The picture of a comparison: what each way costs for which load, and where they break even."""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, get_args

from inference_ops.cost.report import plain
from inference_ops.cost.workload import (
    CheapestRange,
    Way,
    Workload,
    break_even,
    cheapest_ranges,
    compare,
)
from inference_ops.errors import CommandError, Exit
from model_artifacts.files import atomic_write
from sagemaker_prices import PriceTable

FORMATS: Final = (".png", ".svg")
# Okabe and Ito's colours, which colour-blind people tell apart; and lines that a copier does.
_STYLES: Final[dict[Way, tuple[str, str]]] = {
    "endpoint": ("#0072B2", "-"),
    "asynchronous": ("#D55E00", "--"),
    "batch": ("#009E73", "-."),
    "serverless": ("#CC79A7", ":"),
}
_POINTS: Final = 400


def draw(file: Path, workload: Workload, *, region: str, prices: PriceTable) -> None:
    """Draws what a workload costs for loads below and above its own.

    Args:
        file: PNG or SVG, by its ending.
        workload: the workload.
        region: where.
        prices: the prices.

    Raises:
        CommandError: the ending is another, matplotlib is missing, or no way has a price.
    """
    if file.suffix.lower() not in FORMATS:
        raise CommandError(f"--picture must end in {' or '.join(FORMATS)}, not {file}", Exit.USAGE)
    try:
        import matplotlib
    except ImportError:
        raise CommandError(
            "a picture needs matplotlib: install it, or leave out --picture"
        ) from None
    matplotlib.use("Agg")
    ranges = cheapest_ranges(workload, region=region, prices=prices)
    if not ranges:
        raise CommandError("there is nothing to draw: no way has a price that is known")
    with matplotlib.rc_context({"svg.hashsalt": "inference cost", "font.size": 10}):
        content = _render(file.suffix.lower(), workload, ranges, region, prices)
    with atomic_write(file) as target:
        target.write(content)


def _render(
    suffix: str,
    workload: Workload,
    ranges: Sequence[CheapestRange],
    region: str,
    prices: PriceTable,
) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.6), layout="constrained")
    axes = figure.subplots()
    loads = _loads(workload, ranges)
    offers = [
        compare(replace(workload, requests_per_day=load), region=region, prices=prices)
        for load in loads
    ]
    lowest, highest = [], []
    for index, way in enumerate(get_args(Way)):
        column = [row[index] for row in offers]
        if not column[0].choosable:
            continue
        costs = [offer.usd or 0 for offer in column]
        colour, line = _STYLES[way]
        axes.plot(loads, costs, line, color=colour, linewidth=2.2, label=way)
        lowest.append(min(costs))
        highest.append(max(costs))
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="requests a day",
        ylabel="US dollars a month",
        xlim=(loads[0], loads[-1]),
        ylim=(max(min(lowest), 0.01) / 1.5, max(highest) * 1.5),
        title=_title(workload, region),
    )
    marked = 0
    for found in ranges[1:]:
        # Where a fleet takes a step, changes lie so close that one mark tells them all.
        if 2 * marked < found.first < loads[-1]:
            marked = found.first
            at = replace(workload, requests_per_day=found.first)
            rows = {offer.way: offer for offer in compare(at, region=region, prices=prices)}
            _mark(axes, found.first, rows[found.way].usd or 0, f"{found.way}\nfrom {found.first:,}")
    other = break_even("serverless", workload, region=region, prices=prices)
    if other is not None and all(other != found.first for found in ranges) and other < loads[-1]:
        at = replace(workload, requests_per_day=other)
        usd = compare(at, region=region, prices=prices)[0].usd or 0
        text = f"endpoint and serverless\nbreak even at {other:,}"
        _mark(axes, other, usd, text, beside=(-10, 14))
    load = workload.requests_per_day
    axes.axvline(load, color="#555555", linewidth=1, linestyle=(0, (2, 3)))
    axes.annotate(
        f" this workload: {load:,.0f}",
        (load, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, -4),
        textcoords="offset points",
        rotation=90,
        va="top",
        ha="right",
        fontsize=9,
        color="#555555",
    )
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
    axes.grid(True, which="major", color="#dddddd", linewidth=0.6)
    axes.legend(loc="upper left", framealpha=1)
    figure.text(0.5, -0.01, _sources(offers[0]), ha="center", va="top", fontsize=8, color="#555555")
    buffer = io.BytesIO()
    metadata = {"Date": None} if suffix == ".svg" else {"Software": None}
    figure.savefig(
        buffer, format=suffix[1:], dpi=120, metadata=metadata, bbox_inches="tight", pad_inches=0.15
    )
    return buffer.getvalue()


def _title(workload: Workload, region: str) -> str:
    subject = f"Requests of {workload.seconds_per_request:g} s on {workload.instance_type}"
    return f"{subject} in {region}: what each way costs"


def _mark(
    axes: Any, load: float, usd: float, text: str, *, beside: tuple[int, int] = (10, -10)
) -> None:
    """A dot where two ways cost the same, and what changes there."""
    axes.plot([load], [usd], "o", color="black", markersize=6, zorder=5)
    axes.annotate(
        text,
        (load, usd),
        xytext=beside,
        textcoords="offset points",
        ha="left" if beside[0] > 0 else "right",
        va="top" if beside[1] < 0 else "bottom",
        fontsize=9,
        bbox={"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.9},
        zorder=6,
    )


def _loads(workload: Workload, ranges: Sequence[CheapestRange]) -> list[float]:
    """From well below the load and all break-evens to well above, evenly on a logarithmic axis."""
    # What comes and goes beyond the third break-even is the steps of the fleet.
    marks = [workload.requests_per_day, *(float(found.first) for found in ranges[1:4])]
    low, high = max(min(marks) / 30, 1), max(marks) * 30
    return [low * (high / low) ** (step / _POINTS) for step in range(_POINTS + 1)]


def _sources(offers: Sequence[Any]) -> str:
    """The prices, each with where it is from; and what has none."""
    lines = []
    for offer in offers:
        if offer.price is None:
            lines.append(f"{offer.way}: its price is unknown, so it is not drawn")
        elif offer.obstacle is not None:
            lines.append(f"{offer.way}: {offer.obstacle}")
        else:
            price = offer.price
            lines.append(f"{offer.way}: {plain(price.usd)} USD per {price.unit}, {price.standing}")
    return "\n".join(lines)
