"""An estimate as people read it, and as programs do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference_ops.console import Console
from inference_ops.cost.batch import TransformJob, find_jobs
from inference_ops.cost.estimate import Estimate, estimate
from inference_ops.cost.line import Line
from inference_ops.cost.rollout import Surge, find_surges
from inference_ops.cost.savings import Commitment, find_commitment
from inference_ops.cost.workload import DAYS_PER_MONTH
from sagemaker_prices import Price, PriceTable

_UNKNOWN = "unknown"
_ALWAYS_TOLD = (
    "for 730 hours, before discounts, free tiers and taxes, without what is by use or unknown"
)


@dataclass(frozen=True, kw_only=True)
class Questions:
    """What is asked of a template beside the cost of a month.

    Attributes:
        discount: of a Savings Plan, from 0 to 1.
        predictions_per_day: the load, for the cost of 1,000 predictions.
        batch_minutes: how long the instances of a transform job are there.
        batches_per_day: how often the batch workflow runs.
        start_minutes: how long instances are paid for before they serve.
    """

    discount: float | None = None
    predictions_per_day: float | None = None
    batch_minutes: float | None = None
    batches_per_day: float | None = None
    start_minutes: float = 0


@dataclass(frozen=True, kw_only=True)
class Report:
    """All that is told of one template.

    Attributes:
        name: of the stack or the file.
        estimate: of a month.
        surges: of one update of each variant.
        jobs: the transform jobs of its state machines.
        commitment: what a Savings Plan could be for.
        questions: what was asked beside.
    """

    name: str
    estimate: Estimate
    surges: tuple[Surge, ...]
    jobs: tuple[TransformJob, ...]
    commitment: Commitment
    questions: Questions

    @classmethod
    def of(
        cls,
        name: str,
        template: Mapping[str, Any],
        *,
        region: str,
        prices: PriceTable,
        parameters: Mapping[str, str],
        questions: Questions,
    ) -> "Report":
        """Works out what is told of a template.

        Args:
            name: of the stack or the file.
            template: the template.
            region: where it goes.
            prices: the prices.
            parameters: values that count instead of the defaults of the template's parameters.
            questions: what is asked beside the cost of a month.
        """
        return cls(
            name=name,
            estimate=estimate(template, region=region, prices=prices, parameters=parameters),
            surges=tuple(
                find_surges(
                    template,
                    region=region,
                    prices=prices,
                    start_minutes=questions.start_minutes,
                    parameters=parameters,
                )
            ),
            jobs=tuple(find_jobs(template, region=region, prices=prices, parameters=parameters)),
            commitment=find_commitment(
                template,
                region=region,
                prices=prices,
                discount=questions.discount,
                parameters=parameters,
            ),
            questions=questions,
        )

    @property
    def per_1000(self) -> tuple[float, float] | None:
        """US dollars for 1,000 predictions, at least and at most; None if no load was given."""
        daily = self.questions.predictions_per_day
        if daily is None:
            return None
        thousands = daily * DAYS_PER_MONTH / 1000
        return self.estimate.minimum / thousands, self.estimate.maximum / thousands

    def batch_usd(self, job: TransformJob) -> dict[str, float | None]:
        """What a run, and all runs of a month, cost as far as it was asked.

        Args:
            job: one of `jobs`.
        """
        minutes, daily = self.questions.batch_minutes, self.questions.batches_per_day
        run = None if minutes is None else job.usd(minutes)
        month = None if run is None or daily is None else run * daily * DAYS_PER_MONTH
        return {"usd_per_run": run, "usd_per_month": month}

    def to_json(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return {
            "stack": self.name,
            "region": self.estimate.region,
            "usd_per_month": {"minimum": self.estimate.minimum, "maximum": self.estimate.maximum},
            "lines": [line.to_json() for line in self.estimate.lines],
            "unknown": list(self.estimate.unknown),
            "per_1000_predictions": None
            if self.per_1000 is None
            else {"minimum": self.per_1000[0], "maximum": self.per_1000[1]},
            "updates": [surge.to_json() for surge in self.surges],
            "transform_jobs": [{**job.to_json(), **self.batch_usd(job)} for job in self.jobs],
            "savings_plan": self.commitment.to_json(),
        }

    def show(self, console: Console) -> None:
        """Shows the report to people.

        Args:
            console: where.
        """
        found = self.estimate
        total = money(found.minimum, found.maximum)
        rows = [_row(line) for line in found.lines if line.price and line.maximum is not None]
        title = f"{self.name} in {found.region}"
        if rows:
            console.table(
                f"{title}: {total} USD a month, {_ALWAYS_TOLD}",
                ["", "quantity", "USD a month", "price"],
                rows,
            )
        else:
            print(f"{title}: {_UNKNOWN if found.unknown else 'nothing'}")
        if self.per_1000 is not None:
            daily = f"{self.questions.predictions_per_day:,.0f}"
            print(f"1,000 predictions, at {daily} a day: {money(*self.per_1000, digits=4)} USD")
        if found.by_use:
            by_use = [[line.what, _price(line.price)] for line in found.by_use]
            console.table("by use, and not in the total", ["", "price"], by_use)
        if found.unknown:
            print("unknown, and not in the total")
            for text in found.unknown:
                print(f"  {text}")
        self._show_updates(console)
        self._show_jobs(console)
        self._show_commitment()

    def _show_updates(self, console: Console) -> None:
        if self.surges:
            start = self.questions.start_minutes
            told = f"with {start:g} minutes" if start else "without the minutes"
            rows = [
                [
                    surge.variant,
                    surge.way,
                    surge.note
                    if surge.instances is None
                    else f"{between(*surge.instances)} instances",
                    "" if surge.hours is None else f"{between(*surge.hours)} hours",
                    _UNKNOWN if surge.usd is None else money(*surge.usd),
                ]
                for surge in self.surges
            ]
            title = f"one update, {told} in which the new instances start"
            columns = ["variant", "way", "beside the fleet", "instance hours", "USD"]
            console.table(title, columns, [[cell or "" for cell in row] for row in rows])

    def _show_jobs(self, console: Console) -> None:
        if not self.jobs:
            return
        rows = []
        for job in self.jobs:
            usd = self.batch_usd(job)
            count = "as the input says" if job.instance_count is None else f"{job.instance_count}"
            rows.append(
                [
                    job.state_machine,
                    f"{count} x {job.instance_type or 'as the input says'}",
                    _amount(job.usd_per_hour),
                    _amount(usd["usd_per_run"]),
                    _amount(usd["usd_per_month"]),
                    _price(job.price),
                ]
            )
        columns = ["state machine", "instances", "USD an hour", "USD a run", "USD a month", "price"]
        console.table("transform jobs, while they run; not in the total", columns, rows)

    def _show_commitment(self) -> None:
        plan = self.commitment
        for named in plan.unknown:
            print(f"Savings Plan: {named} always run, and their price is unknown")
        if not plan.instances:
            return
        print(
            f"Savings Plan: {', '.join(plan.instances)} always run, for {plan.on_demand:.4g} USD "
            "an hour on demand"
        )
        if plan.commitment is None or plan.saving is None:
            print("  what a plan takes off is unknown: give --discount, such as 0.2 for 20 %")
        else:
            print(
                f"  a commitment to {plan.commitment:.4g} USD an hour at {plan.discount:.0%} off "
                f"saves {plan.saving:,.2f} USD a month"
            )


def between(least: float, most: float) -> str:
    """Two quantities, or the one that both are.

    Args:
        least: the least.
        most: the most.
    """
    ends = [f"{value:,.1f}".removesuffix(".0") for value in (least, most)]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def money(least: float, most: float, *, digits: int = 2) -> str:
    """Two amounts, or the one that both are.

    Args:
        least: the least.
        most: the most.
        digits: after the point.
    """
    ends = [f"{value:,.{digits}f}" for value in (least, most)]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _row(line: Line) -> list[str]:
    least, most = line.minimum or 0, line.maximum or 0
    plural = "" if least == most == 1 or line.unit.startswith("GB") else "s"
    # Ten keys for a month are ten keys.
    unit = "" if line.unit == "month" else f" {line.unit}{plural}"
    price = _price(line.price)
    if line.highest_price is not None and line.highest_price != line.price:
        price = f"{price}, to {_price(line.highest_price)}"
    return [
        line.what,
        f"{between(least, most)}{unit}",
        money(line.minimum_usd or 0, line.maximum_usd or 0),
        price,
    ]


def _price(price: Price | None) -> str:
    if price is None:
        return _UNKNOWN
    return f"{plain(price.usd)} USD per {price.unit} ({price.standing})"


def plain(usd: float) -> str:
    """A price, without an exponent.

    Args:
        usd: US dollars.
    """
    return f"{usd:.12f}".rstrip("0").rstrip(".")


def _amount(usd: float | None) -> str:
    return _UNKNOWN if usd is None else f"{usd:,.2f}"
