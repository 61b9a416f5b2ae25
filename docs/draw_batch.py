"""Draws the batch workflow from its definition, and what batch costs beside an endpoint.

``make docs`` runs it. It writes the schema of a request as well, from the same source as the
workflow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from inference_constructs import RunOptions, TransformOptions
from inference_constructs.batch_run_options import request_defaults
from inference_constructs.functions.batch_checks.request_schema import request_schema
from sagemaker_prices import HOURS_PER_MONTH, Price, find_price

ROOT = Path(__file__).resolve().parents[1]
MACHINE = ROOT / "docs" / "pictures" / "batch-workflow.svg"
BREAK_EVEN = ROOT / "docs" / "pictures" / "batch-or-endpoint.svg"
SCHEMA = ROOT / "docs" / "batch-request.schema.json"

WIDTH, HEIGHT = 1.75, 0.46
STEP_X, STEP_Y = 2.25, 0.82
COLOURS = {
    "Task": "#0f766e",
    "Map": "#1d4ed8",
    "Choice": "#b45309",
    "Succeed": "#15803d",
    "Fail": "#b91c1c",
}
OTHER = "#64748b"

# The only type and region of which both prices are known.
PRICED = ("ml.g4dn.xlarge", "eu-west-3")

States = dict[str, dict[str, Any]]


def main() -> None:
    """Write the pictures and the schema."""
    draw_machine(read_definition(ROOT / "cdk.out" / "inference-dev-batch.template.json"), MACHINE)
    draw_break_even(BREAK_EVEN)
    SCHEMA.write_text(render_schema())
    for path in (MACHINE, BREAK_EVEN, SCHEMA):
        print(f"wrote {path.relative_to(ROOT)}")


def render_schema() -> str:
    """Builds the text of the schema of a request."""
    schema = request_schema(request_defaults(TransformOptions(), RunOptions()))
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def read_definition(template: Path) -> dict[str, Any]:
    """Reads the definition of the state machine in a template.

    Args:
        template: the template's file.
    """
    resources = json.loads(template.read_text())["Resources"].values()
    [machine] = [r for r in resources if r["Type"] == "AWS::StepFunctions::StateMachine"]
    parts = machine["Properties"]["DefinitionString"]["Fn::Join"][1]
    text = "".join(part if isinstance(part, str) else "x" for part in parts)
    definition: dict[str, Any] = json.loads(text)
    return definition


def draw_machine(definition: dict[str, Any], path: Path) -> None:
    """Draws a state machine, and below it what its distributed map does for each item.

    Args:
        definition: in the Amazon States Language.
        path: the SVG file to write.
    """
    mpl.rcParams.update({"svg.hashsalt": "batch", "svg.fonttype": "none", "font.size": 8.5})
    figure = Figure(figsize=(15, 8.2), facecolor="white")
    outer: States = definition["States"]
    [(name, inner)] = [(n, s["ItemProcessor"]) for n, s in outer.items() if s["Type"] == "Map"]
    _panel(
        figure,
        (0.01, 0.34, 0.98, 0.62),
        "The workflow",
        places(outer, definition["StartAt"]),
        outer,
    )
    _panel(
        figure,
        (0.01, 0.01, 0.5, 0.27),
        f"“{name}”, for each shard",
        places(inner["States"], inner["StartAt"]),
        inner["States"],
    )
    figure.text(0.99, 0.975, "solid: next; dashed: after an error", ha="right", color=OTHER)
    figure.savefig(path, metadata={"Date": None})


def _next(state: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Where a state goes on, and whether that is after an error."""
    yield from ((state[key], False) for key in ("Next", "Default") if key in state)
    yield from ((rule["Next"], False) for rule in state.get("Choices", ()))
    yield from ((rule["Next"], True) for rule in state.get("Catch", ()))


def places(states: States, start: str) -> dict[str, tuple[int, int]]:
    """Gives each state a column, behind all that lead to it, and a row within the column.

    Args:
        states: the states.
        start: the first.
    """
    column: dict[str, int] = {}

    def visit(name: str, at: int, way: tuple[str, ...]) -> None:
        # Back where one came from, as a repetition goes, is no step ahead.
        if name not in way and column.get(name, -1) < at:
            column[name] = at
            for following, _ in _next(states[name]):
                visit(following, at + 1, (*way, name))

    visit(start, 0, ())
    rows: dict[int, int] = {}
    found = {}
    for name in sorted(column, key=lambda n: (column[n], list(states).index(n))):
        found[name] = (column[name], rows.get(column[name], 0))
        rows[column[name]] = found[name][1] + 1
    return found


def _panel(
    figure: Figure,
    rectangle: tuple[float, float, float, float],
    title: str,
    at: dict[str, tuple[int, int]],
    states: States,
) -> None:
    axes = figure.add_axes(rectangle)
    axes.set_title(title, weight="bold", loc="left")
    columns = max(c for c, _ in at.values()) + 1
    heights = {c: 1 + max(r for d, r in at.values() if d == c) for c, _ in at.values()}
    tallest = max(heights.values())
    # Each column is centred.
    middle = {
        name: (c * STEP_X, -(r + (tallest - heights[c]) / 2) * STEP_Y)
        for name, (c, r) in at.items()
    }
    axes.set_xlim(-WIDTH / 2 - 0.1, (columns - 1) * STEP_X + WIDTH / 2 + 0.1)
    axes.set_ylim(-(tallest - 1) * STEP_Y - HEIGHT - 0.35, HEIGHT + 0.35)
    axes.axis("off")
    for name, state in states.items():
        for following, failed in sorted(set(_next(state))):
            _arrow(axes, middle[name], middle[following], failed=failed)
    for name, state in states.items():
        x, y = middle[name]
        colour = COLOURS.get(state["Type"], OTHER)
        axes.add_patch(
            FancyBboxPatch(
                (x - WIDTH / 2, y - HEIGHT / 2),
                *(WIDTH, HEIGHT),
                boxstyle="round,pad=0,rounding_size=0.1",
                facecolor="#f8fafc",
                edgecolor=colour,
                linewidth=1.6,
                zorder=3,
            )
        )
        label = (
            name
            if len(name) < 20
            else name.replace(" of ", " of\n").replace(" attempt", "\nattempt")
        )
        axes.text(x, y, label, ha="center", va="center", color=colour, weight="bold", zorder=4)


def _arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], *, failed: bool
) -> None:
    (x1, y1), (x2, y2) = start, end
    bend = 0.0
    if x2 > x1:
        x1, x2 = x1 + WIDTH / 2, x2 - WIDTH / 2
        # Over the columns between, not through their boxes.
        bend = 0.0 if x2 - x1 < STEP_X else (0.12 if y1 >= y2 else -0.12)
    else:
        y1, y2, bend = y1 + HEIGHT / 2, y2 + HEIGHT / 2, 0.3
        if x1 == x2:
            y1, bend = y1 - HEIGHT, 0.0
    axes.annotate(
        "",
        xy=(x2, y2),
        xytext=(x1, y1),
        arrowprops={
            "arrowstyle": "-|>",
            "color": "#dc2626" if failed else "#475569",
            "linestyle": "--" if failed else "-",
            "linewidth": 0.8 if failed else 1.1,
            "connectionstyle": f"arc3,rad={bend}",
            "shrinkA": 0,
            "shrinkB": 0,
        },
        zorder=2,
    )


def _price(usage: Any) -> Price:
    instance_type, region = PRICED
    found = find_price(usage, region, instance_type)
    if found is None:
        raise ValueError(f"the snapshot has no {usage} price of {instance_type} in {region}")
    return found


def draw_break_even(path: Path) -> None:
    """Draws what a month costs with batch, by the hours of work a day, and with an endpoint.

    Args:
        path: the SVG file to write.
    """
    mpl.rcParams.update({"svg.hashsalt": "batch", "svg.fonttype": "none", "font.size": 9})
    hosting, transform = _price("hosting"), _price("transform")
    days = HOURS_PER_MONTH / 24
    figure = Figure(figsize=(8, 4.2), facecolor="white")
    axes = figure.add_axes((0.1, 0.13, 0.86, 0.76))
    hours = [0.0, 24.0]
    batch = [hour * days * transform.usd for hour in hours]
    axes.plot(hours, batch, color="#0f766e", linewidth=2, label="batch: pays the work")
    lines = (
        ("endpoint, two instances, always", 48 * days * hosting.usd, "#b91c1c"),
        ("endpoint, one instance, always", 24 * days * hosting.usd, "#b45309"),
        ("endpoint, one instance, 12 h on weekdays", 12 * days * 5 / 7 * hosting.usd, "#6d28d9"),
    )
    for label, cost, colour in lines:
        axes.axhline(cost, color=colour, linewidth=1.5, linestyle="--", label=label)
        even = cost / days / transform.usd
        if even <= 24:
            axes.plot([even], [cost], "o", color=colour)
            axes.annotate(
                f"{even:.1f} h a day",
                (even, cost),
                (-5, 5),
                textcoords="offset points",
                ha="right",
            )
    axes.set_xlim(0, 24.4)
    axes.set_ylim(0, 48 * days * hosting.usd * 1.05)
    axes.set_xlabel("instance-hours of work a day")
    axes.set_ylabel("US dollars a month")
    instance_type, region = PRICED
    axes.set_title(
        f"{instance_type} in {region}: hosting {hosting.usd} USD/h ({hosting.standing}), "
        f"transform {transform.usd} USD/h ({transform.standing})",
        fontsize=7.5,
        loc="left",
    )
    axes.legend(loc="upper left", bbox_to_anchor=(0, 0.92), frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
