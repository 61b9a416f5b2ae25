"""Draws a deployed CloudWatch dashboard: its own widgets, from the metrics in CloudWatch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.dates as mdates
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from demo.environment import SPEED, DemoError, LocalAwsProcess
from demo.predict import watched

COLUMNS = 24  # of a CloudWatch dashboard's grid
INCHES = 0.62  # per grid unit
WINDOW = timedelta(minutes=15)
STATE_COLOURS = {"OK": "#2e7d32", "ALARM": "#c62828", "INSUFFICIENT_DATA": "#6b7280"}
Widget = dict[str, Any]


def draw(aws: LocalAwsProcess, name: str, path: Path) -> Path:
    """Draw the dashboard ``name`` as PNG.

    Args:
        aws: where the dashboard and its metrics are.
        name: the dashboard's name.
        path: the picture to write.

    Returns:
        ``path``.

    Raises:
        DemoError: no widget of the dashboard has a single datapoint.
    """
    body = aws.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"]
    widgets: list[Widget] = json.loads(body)["widgets"]
    height = max(widget["y"] + widget["height"] for widget in widgets)
    mpl.rcParams.update({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False})
    figure = Figure(figsize=(COLUMNS * INCHES, (height + 1) * INCHES), dpi=110, facecolor="white")
    figure.text(
        0.01, 1 - 0.45 / (height + 1), f"CloudWatch dashboard {name}", fontsize=12, weight="bold"
    )
    drawn = 0
    for widget in widgets:
        axes = figure.add_axes(_frame(widget, height))
        if widget["type"] == "metric":
            drawn += _draw_metrics(aws, axes, widget["properties"])
        elif widget["type"] == "alarm":
            _draw_alarms(aws, axes, widget["properties"])
        else:
            axes.axis("off")
            text = widget["properties"].get("markdown", "")
            axes.text(0, 1, text.strip(), va="top", wrap=True, fontsize=8)
    if drawn == 0:
        raise DemoError(f"the dashboard {name} shows nothing: none of its metrics has a datapoint")
    figure.savefig(path)
    return path


def _frame(widget: Widget, height: int) -> tuple[float, float, float, float]:
    """The widget's place on the figure, with room for its labels."""
    total = height + 1
    left = (widget["x"] + 0.9) / COLUMNS
    bottom = 1 - (widget["y"] + 1 + widget["height"] - 0.9) / total
    width = max(widget["width"] - 1.4, 0.5) / COLUMNS
    tall = max(widget["height"] - 1.8, 0.3) / total
    return left, bottom, width, tall


def _draw_metrics(aws: LocalAwsProcess, axes: Axes, properties: Widget) -> int:
    """Draw the widget's metrics as lines; how many of them have data."""
    axes.set_title(properties.get("title", ""), loc="left", fontsize=9, weight="bold")
    queries = _queries(properties)
    now = datetime.now(UTC)
    answers = aws.client("cloudwatch").get_metric_data(
        MetricDataQueries=queries, StartTime=now - WINDOW, EndTime=now + timedelta(seconds=5)
    )["MetricDataResults"]
    labels = {query["Id"]: query.get("Label", query["Id"]) for query in queries}
    drawn = 0
    for answer in answers:
        if not answer["Values"]:
            continue
        points = sorted(zip(answer["Timestamps"], answer["Values"], strict=True))
        axes.plot(
            [at for at, _ in points],
            [value for _, value in points],
            marker="o",
            markersize=2.5,
            linewidth=1.2,
            label=labels.get(answer["Id"], answer["Label"]),
        )
        drawn += 1
    for line in properties.get("annotations", {}).get("horizontal", []):
        axes.axhline(line["value"], color="#c62828", linewidth=0.8, linestyle="--")
    if drawn:
        axes.legend(fontsize=6.5, frameon=False, loc="best")
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M:%S"))
        axes.xaxis.set_major_locator(mdates.AutoDateLocator(maxticks=5))
        axes.grid(axis="y", linewidth=0.3)
    else:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.text(0.5, 0.5, "no data", ha="center", va="center", transform=axes.transAxes)
    return drawn


def _queries(properties: Widget) -> list[dict[str, Any]]:
    """The widget's metrics as queries of GetMetricData.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Metric-Widget-Structure.html
    """
    queries = []
    for number, metric in enumerate(properties.get("metrics", [])):
        *path, last = metric
        options: Mapping[str, Any] = last if isinstance(last, dict) else {}
        names = path if isinstance(last, dict) else metric
        period = int(options.get("period", properties.get("period", 300)))
        query: dict[str, Any] = {
            "Id": options.get("id", f"m{number}"),
            "ReturnData": options.get("visible", True),
        }
        if "expression" in options:
            query |= {"Expression": options["expression"], "Label": options.get("label", "")}
        else:
            namespace, name, *dimensions = names
            query["Label"] = options.get("label", name)
            query["MetricStat"] = {
                "Metric": {
                    "Namespace": namespace,
                    "MetricName": name,
                    "Dimensions": [
                        {"Name": key, "Value": value}
                        for key, value in zip(dimensions[::2], dimensions[1::2], strict=True)
                    ],
                },
                # The minutes of a demo would be one or two points of a real dashboard.
                "Period": max(1, period // SPEED),
                "Stat": options.get("stat", properties.get("stat", "Average")),
            }
        queries.append(query)
    return queries


def _draw_alarms(aws: LocalAwsProcess, axes: Axes, properties: Widget) -> None:
    """List the widget's alarms, each in the colour of its state."""
    axes.axis("off")
    axes.set_title(properties.get("title", "Alarms"), loc="left", fontsize=9, weight="bold")
    wanted = set(properties["alarms"])
    alarms = aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    shown = [alarm for alarm in alarms if alarm["AlarmArn"] in wanted]
    columns = 3
    rows = -(-len(shown) // columns)
    for number, alarm in enumerate(shown):
        column, row = divmod(number, rows)
        state = alarm["StateValue"]
        axes.text(
            column / columns,
            1 - (row + 0.5) / rows,
            f"● {state}: {watched(alarm)}",
            color=STATE_COLOURS.get(state, "black"),
            fontsize=7,
            va="center",
        )
