"""What CloudWatch counted of an endpoint: traffic, latency and errors of each variant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference_ops.aws import aws_errors
from inference_ops.errors import CommandError
from inference_ops.operation.endpoint import LiveEndpoint

if TYPE_CHECKING:
    import boto3

_NAMESPACE = "AWS/SageMaker"
_MICROSECONDS = 1000
# Of CloudWatch: a request for more datapoints of one metric is refused, and few are more readable.
_MOST_POINTS = 60
_SHORTEST_PERIOD = 60
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """One series of each variant.

    Attributes:
        name: what it is called here.
        metric: CloudWatch's name.
        statistic: of the values of a period.
        scale: what a value is divided by.
    """

    name: str
    metric: str
    statistic: str
    scale: float = 1


_SERIES = (
    _Asked(name="invocations", metric="Invocations", statistic="Sum"),
    _Asked(name="errors_4xx", metric="Invocation4XXErrors", statistic="Sum"),
    _Asked(name="errors_5xx", metric="Invocation5XXErrors", statistic="Sum"),
    *(
        _Asked(name=f"latency_{p}_ms", metric="ModelLatency", statistic=p, scale=_MICROSECONDS)
        for p in ("p50", "p99")
    ),
    _Asked(name="overhead_p99_ms", metric="OverheadLatency", statistic="p99", scale=_MICROSECONDS),
)
_TOTALS = ("invocations", "errors_4xx", "errors_5xx")


@dataclass(frozen=True, kw_only=True)
class VariantMetrics:
    """The series of one variant.

    Attributes:
        variant: its name.
        times: the beginning of each period, the oldest first.
        values: by the series' name, one value for each period; None where nothing was published.
    """

    variant: str
    times: tuple[datetime, ...]
    values: Mapping[str, tuple[float | None, ...]]

    def summary(self) -> dict[str, float | None]:
        """Counts of the whole time, and the highest percentile of any period."""
        return {
            name: sum(found) if name in _TOTALS else max(found, default=None)
            for name, series in self.values.items()
            for found in [[value for value in series if value is not None]]
        }


def read_metrics(
    session: "boto3.Session", endpoint: LiveEndpoint, length: timedelta
) -> list[VariantMetrics]:
    """Reads the series of each variant.

    Args:
        session: where the endpoint is.
        endpoint: the endpoint.
        length: how far back.

    Raises:
        CommandError: there is no such endpoint, or CloudWatch does not answer.
    """
    minutes = max(1, round(length.total_seconds() / _SHORTEST_PERIOD / _MOST_POINTS + 0.499))
    period = minutes * _SHORTEST_PERIOD
    # Whole periods, so that each datapoint begins where it is said to.
    newest = int(datetime.now(UTC).timestamp() // period + 1) * period
    count = max(1, -(-int(length.total_seconds()) // period))
    times = [newest - period * back for back in range(count, 0, -1)]
    api = session.client("cloudwatch")
    found = []
    for variant in endpoint.described.get("ProductionVariants", ()):
        name = variant["VariantName"]
        with aws_errors(f"the metrics of variant {name}"):
            pages = api.get_paginator("get_metric_data").paginate(
                MetricDataQueries=[
                    _query(number, asked, endpoint.name, name, period)
                    for number, asked in enumerate(_SERIES)
                ],
                StartTime=datetime.fromtimestamp(times[0], UTC),
                EndTime=datetime.fromtimestamp(newest, UTC),
            )
            results: dict[str, dict[int, float]] = {}
            for page in pages:
                for result in page["MetricDataResults"]:
                    points = zip(result["Timestamps"], result["Values"], strict=True)
                    results.setdefault(result["Id"], {}).update(
                        {int(at.timestamp()): value for at, value in points}
                    )
        values = {
            asked.name: tuple(_scaled(results.get(f"m{number}", {}).get(at), asked) for at in times)
            for number, asked in enumerate(_SERIES)
        }
        starts = tuple(datetime.fromtimestamp(at, UTC) for at in times)
        found.append(VariantMetrics(variant=name, times=starts, values=values))
    return found


def sparkline(values: Sequence[float | None]) -> str:
    """A series as a line of bars: a blank where there is no value, full height is the highest.

    Args:
        values: the series.
    """
    highest = max((value for value in values if value is not None), default=0)
    if highest <= 0:
        return "".join(" " if value is None else _BARS[0] for value in values)
    return "".join(
        " " if value is None else _BARS[round(value / highest * (len(_BARS) - 1))]
        for value in values
    )


def draw(found: Sequence[VariantMetrics], endpoint_name: str, path: Path) -> None:
    """Draws traffic, latency and errors into a picture.

    Args:
        found: the series of each variant.
        endpoint_name: for the title.
        path: the file; its ending says which kind of picture.

    Raises:
        CommandError: matplotlib is not installed, or does not know the ending.
    """
    try:
        import matplotlib as mpl
    except ImportError:
        raise CommandError(
            "a picture needs matplotlib, which is not installed: `pip install matplotlib`, or "
            "leave out --picture"
        ) from None
    mpl.use("Agg")
    from matplotlib import dates
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(3, 1, figsize=(9, 8), sharex=True, layout="constrained")
    shown = (
        ("requests per period", ("invocations",)),
        ("model latency, ms", ("latency_p50_ms", "latency_p99_ms")),
        ("errors per period", ("errors_4xx", "errors_5xx")),
    )
    for panel, (label, names) in zip(panels, shown, strict=True):
        for variant in found:
            for name in names:
                values = [float("nan") if v is None else v for v in variant.values[name]]
                text = f"{variant.variant} {_label(name)}".strip()
                panel.plot(variant.times, values, marker=".", label=text)
        panel.set_ylabel(label)
        panel.set_ylim(bottom=0)
        panel.grid(alpha=0.3)
        panel.legend(loc="upper left", fontsize="small")
    panels[-1].set_xlabel("UTC")
    locator = dates.AutoDateLocator()
    panels[-1].xaxis.set_major_locator(locator)
    panels[-1].xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    # The time that was asked for, also where most of it has no value.
    if found and len(found[0].times) > 1:
        panels[-1].set_xlim(found[0].times[0], found[0].times[-1])
    figure.suptitle(endpoint_name)
    try:
        figure.savefig(path, dpi=120)
    except ValueError as error:
        raise CommandError(f"{path}: {error}") from None
    finally:
        plt.close(figure)


def _label(name: str) -> str:
    known = {"errors_4xx": "4XX", "errors_5xx": "5XX"}
    return known.get(name) or ("p50" if "p50" in name else "p99" if "p99" in name else "")


def _query(
    number: int, asked: _Asked, endpoint_name: str, variant: str, period: int
) -> dict[str, Any]:
    dimensions = {"EndpointName": endpoint_name, "VariantName": variant}
    return {
        "Id": f"m{number}",
        "MetricStat": {
            "Metric": {
                "Namespace": _NAMESPACE,
                "MetricName": asked.metric,
                "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
            },
            "Period": period,
            "Stat": asked.statistic,
        },
    }


def _scaled(value: float | None, asked: _Asked) -> float | None:
    return None if value is None else value / asked.scale
