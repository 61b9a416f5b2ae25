"""Draws the delivery pipeline from its template: ``make docs``.

Each column is a stage of the pipeline, each box an action, from above in the order in which they
run; what stands side by side runs at the same time.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "cdk.out" / "delivery" / "inference-pipeline.template.json"
PICTURE = ROOT / "docs" / "pictures" / "delivery.svg"

WIDTH, HEIGHT = 1.5, 0.5  # of a box, in the figure's units
GAP, STEP_Y = 0.3, 0.8
# By the provider of the action.
COLOURS = {
    "CodeStarSourceConnection": "#64748b",
    "CodeBuild": "#1d4ed8",
    "CloudFormation": "#0f766e",
    "Manual": "#b45309",
}

Stages = list[tuple[str, list[list[tuple[str, str]]]]]


def main() -> None:
    """Draw the pipeline into `PICTURE`."""
    draw(read_stages(json.loads(TEMPLATE.read_text())), PICTURE)
    print(f"wrote {PICTURE.relative_to(ROOT)}")


def read_stages(template: dict[str, Any]) -> Stages:
    """Reads the stages of the pipeline in a template.

    Args:
        template: the template.

    Returns:
        Of each stage its name, and in their order the actions that run at the same time, each with
        its provider.
    """
    [pipeline] = [
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::CodePipeline::Pipeline"
    ]
    found: Stages = []
    for stage in pipeline["Stages"]:
        rows: dict[int, list[tuple[str, str]]] = {}
        for action in stage["Actions"]:
            rows.setdefault(action["RunOrder"], []).append(
                (action["Name"], action["ActionTypeId"]["Provider"])
            )
        found.append((stage["Name"], [sorted(rows[order]) for order in sorted(rows)]))
    return found


def draw(stages: Stages, path: Path) -> None:
    """Draws the stages side by side.

    Args:
        stages: what `read_stages` found.
        path: the SVG file to write.
    """
    mpl.rcParams.update({"svg.hashsalt": "delivery", "svg.fonttype": "none", "font.size": 8})
    widths = [max(map(len, rows)) * (WIDTH + GAP) + GAP for _, rows in stages]
    deepest = max(len(rows) for _, rows in stages)
    total = sum(widths) + GAP * (len(stages) - 1)
    height = (deepest + 1) * STEP_Y
    figure = Figure(figsize=(total, height), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(-0.05, total + 0.05)
    axes.set_ylim(-height + 0.2, 0.6)
    axes.axis("off")
    left = 0.0
    for number, ((name, rows), width) in enumerate(zip(stages, widths, strict=True)):
        _box(axes, (left, -len(rows) * STEP_Y, width, len(rows) * STEP_Y), "#cbd5e1", "#ffffff")
        axes.text(left + width / 2, 0.15, name, ha="center", weight="bold")
        if number:
            _arrow(axes, left - GAP, left)
        for order, row in enumerate(rows):
            for place, (action, provider) in enumerate(row):
                middle = left + width * (place + 0.5) / len(row)
                y = -(order + 0.5) * STEP_Y
                corner = (middle - WIDTH / 2, y - HEIGHT / 2, WIDTH, HEIGHT)
                _box(axes, corner, COLOURS[provider], "#f8fafc")
                # Stack and verb: "inference-dev-batch.Deploy".
                text = action.replace(".", "\n")
                axes.text(middle, y, text, ha="center", va="center", color=COLOURS[provider])
        left += width + GAP
    figure.savefig(path, metadata={"Date": None})


def _box(axes: Axes, at: tuple[float, float, float, float], edge: str, face: str) -> None:
    x, y, width, height = at
    axes.add_patch(
        FancyBboxPatch(
            (x, y),
            *(width, height),
            boxstyle="round,pad=0,rounding_size=0.08",
            facecolor=face,
            edgecolor=edge,
            linewidth=1.3,
        )
    )


def _arrow(axes: Axes, start: float, end: float) -> None:
    axes.annotate(
        "",
        xy=(end, -STEP_Y / 2),
        xytext=(start, -STEP_Y / 2),
        arrowprops={"arrowstyle": "-|>", "color": "#64748b", "shrinkA": 0, "shrinkB": 0},
    )


if __name__ == "__main__":
    main()
