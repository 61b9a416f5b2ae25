"""Draws what gets deployed, from the synthesized templates: ``make docs``.

Every resource of a template is in exactly one box, and an arrow stands for references between the
resources of two boxes, so the picture cannot tell of anything that the template does not hold.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "pictures" / "architecture.svg"
WIDTH, HEIGHT = 3.3, 1.42  # of a box, in the figure's units
STEP_X, STEP_Y = 4.3, 1.9


@dataclass(frozen=True, kw_only=True)
class Box:
    """A place in the picture for the resources of some types.

    Attributes:
        title: its heading.
        types: patterns of the resource types in it; the first box that matches takes a resource.
        column: place from the left, 0 being the first.
        row: place from the top.
        colour: of its border.
    """

    title: str
    types: tuple[str, ...]
    column: float
    row: float
    colour: str


SERVING, WATCHING, GUARDING, STORING = "#0f766e", "#b45309", "#6d28d9", "#1d4ed8"
KEY = Box(title="Key", types=("KMS::",), column=0, row=2, colour=GUARDING)
ROLES = Box(title="Roles", types=("IAM::",), column=1, row=2, colour=GUARDING)
MODEL = Box(title="Model", types=("SageMaker::Model$",), column=1, row=1, colour=SERVING)
REALTIME = (
    Box(title="Autoscaling", types=("Custom::.*Scal", "Lambda::"), column=0, row=0, colour=SERVING),
    Box(title="Endpoint", types=("SageMaker::Endpoint",), column=1, row=0, colour=SERVING),
    MODEL,
    Box(title="Logs", types=("Logs::",), column=0, row=1, colour=STORING),
    Box(title="Dashboard", types=("CloudWatch::Dashboard",), column=2, row=0, colour=WATCHING),
    Box(title="Alarms", types=("CloudWatch::Alarm",), column=2, row=1, colour=WATCHING),
    Box(title="Notifications", types=("SNS::",), column=2, row=2, colour=WATCHING),
    KEY,
    ROLES,
)
BATCH = (
    Box(title="Functions", types=("Lambda::", "Custom::"), column=0, row=0, colour=SERVING),
    Box(
        title="Workflow",
        types=("StepFunctions::", "Events::", "DynamoDB::"),
        column=1,
        row=0,
        colour=SERVING,
    ),
    MODEL,
    Box(title="Data", types=("S3::",), column=0, row=1, colour=STORING),
    Box(title="Logs", types=("Logs::",), column=2, row=2, colour=STORING),
    Box(title="Alarms", types=("CloudWatch::Alarm",), column=2, row=0, colour=WATCHING),
    Box(title="Notifications", types=("SNS::",), column=2, row=1, colour=WATCHING),
    KEY,
    ROLES,
)
# Nearly everything refers to these; arrows to them would hide the others.
QUIET = ("Key", "Roles", "Logs")


def main() -> None:
    """Draw the stage dev into `PICTURE`."""
    templates = {
        "Realtime stack": _template("inference-dev-realtime"),
        "Batch stack": _template("inference-dev-batch"),
    }
    draw(templates, PICTURE)
    print(f"wrote {PICTURE.relative_to(ROOT)}")


def draw(templates: dict[str, Any], path: Path) -> None:
    """Draw the two templates side by side.

    Args:
        templates: the realtime and the batch template, by the panel's title.
        path: the SVG file to write.

    Raises:
        ValueError: a resource has no box.
    """
    mpl.rcParams.update({"svg.hashsalt": "architecture", "svg.fonttype": "none", "font.size": 9})
    figure = Figure(figsize=(15, 4.4), facecolor="white")
    for number, ((title, template), boxes) in enumerate(
        zip(templates.items(), (REALTIME, BATCH), strict=True)
    ):
        axes = figure.add_axes((0.01 + number * 0.5, 0.02, 0.48, 0.9))
        axes.set_title(
            f"{title}: {len(template['Resources'])} resources", weight="bold", loc="left"
        )
        axes.set_xlim(-0.2, 2 * STEP_X + WIDTH + 0.2)
        axes.set_ylim(-2 * STEP_Y - HEIGHT - 0.2, 0.2)
        axes.axis("off")
        _draw_panel(axes, template["Resources"], boxes)
    figure.savefig(path, metadata={"Date": None})


def _template(name: str) -> Any:
    return json.loads((ROOT / "cdk.out" / f"{name}.template.json").read_text())


def _box_of(kind: str, boxes: tuple[Box, ...]) -> Box:
    for box in boxes:
        if any(re.search(pattern, kind) for pattern in box.types):
            return box
    raise ValueError(f"no box of the picture takes {kind}: add it to docs/draw_architecture.py")


def _draw_panel(axes: Axes, resources: dict[str, Any], boxes: tuple[Box, ...]) -> None:
    place = {name: _box_of(resource["Type"], boxes) for name, resource in resources.items()}
    for box in boxes:
        counts = Counter(
            resource["Type"].removeprefix("AWS::").partition("::")[2]
            for name, resource in resources.items()
            if place[name] is box
        )
        x, y = box.column * STEP_X, -box.row * STEP_Y
        axes.add_patch(
            FancyBboxPatch(
                (x, y - HEIGHT),
                *(WIDTH, HEIGHT),
                boxstyle="round,pad=0,rounding_size=0.15",
                facecolor="#f8fafc",
                edgecolor=box.colour,
                linewidth=1.6,
            )
        )
        axes.text(x + 0.15, y - 0.3, box.title, weight="bold", color=box.colour, va="center")
        lines = [f"{count} {kind}" if count > 1 else kind for kind, count in counts.items()]
        axes.text(x + 0.15, y - 0.55, "\n".join(lines), va="top", fontsize=7.5)
    arrows = {
        (place[name], place[target])
        for name, resource in resources.items()
        for target in _references(resource)
        if target in place
    }
    for start, end in sorted(arrows, key=lambda pair: (pair[0].title, pair[1].title)):
        if start is not end and not {start.title, end.title} & set(QUIET):
            _draw_arrow(axes, start, end)


def _references(value: Any) -> Iterator[str]:
    """The logical ids that a part of a template refers to."""
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref" and isinstance(item, str):
                yield item
            elif key == "Fn::GetAtt":
                yield item[0] if isinstance(item, list) else item.partition(".")[0]
            elif key == "DependsOn":
                yield from [item] if isinstance(item, str) else item
            else:
                yield from _references(item)


def _draw_arrow(axes: Axes, start: Box, end: Box) -> None:
    """An arrow between the borders of two boxes."""
    columns, rows = end.column - start.column, end.row - start.row
    x1, y1 = start.column * STEP_X + WIDTH / 2, -start.row * STEP_Y - HEIGHT / 2
    x2, y2 = end.column * STEP_X + WIDTH / 2, -end.row * STEP_Y - HEIGHT / 2
    if columns:
        x1, x2 = (x + side * WIDTH / 2 for x, side in ((x1, _sign(columns)), (x2, -_sign(columns))))
    if rows and not columns:
        y1, y2 = (y - side * HEIGHT / 2 for y, side in ((y1, _sign(rows)), (y2, -_sign(rows))))
    axes.annotate(
        "",
        xy=(x2, y2),
        xytext=(x1, y1),
        arrowprops={
            "arrowstyle": "-|>",
            "color": "#64748b",
            "linewidth": 1.1,
        },
    )


def _sign(value: float) -> int:
    return 1 if value > 0 else -1


if __name__ == "__main__":
    main()
