"""`RunOptions`: what a batch run does around its transform jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aws_cdk import Duration, Size, Token

from inference_constructs.batch_options import TransformOptions
from inference_constructs.faults import refuse
from inference_constructs.functions.batch_checks.request_schema import RUN_OPTIONS, field_faults
from inference_constructs.functions.batch_checks.transform_job import OVERRIDES, option
from inference_constructs.instance_types import find_instance_type, transform_fault
from sagemaker_prices import find_price


class HeaderPolicy(StrEnum):
    """What happens to the header of a CSV file, which the service cannot skip."""

    REFUSE = "refuse"
    STRIP = "strip"
    NONE = "none"


class BadRecords(StrEnum):
    """What the handler does with a record that it cannot answer."""

    FAIL = "fail"
    MARK = "mark"


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a run cuts its input into jobs, what it tolerates, and what may stop it.

    An execution may choose each of them for itself.

    Attributes:
        header: what happens to a CSV header: the run is refused, it is stripped from copies that
            are made within S3, or none is looked for.
        bad_records: whether the handler fails the file of a bad record, or marks the record.
        tolerated_failure_percent: the share of inputs that may fail in a run that succeeds.
        shard_size: how much input one job gets.
        shard_objects: how many objects one job gets.
        concurrent_jobs: how many jobs run at once; times their instances it must be within the
            account's quota of instances for transform jobs.
        max_cost_usd: stops a run whose estimate is higher, or not known. None is no limit.
        max_duration: stops a run whose estimate is longer, or not known. None is no limit.
        mb_per_second: what an instance gets through, for estimates. None takes what the last run
            of the same model on the same instance type measured.
        hourly_price_usd: the price of an instance, as your contract has it. None takes AWS's price
            where it is known.
        other_instance_types: what an execution may choose besides the type of the options.
    """

    header: HeaderPolicy = HeaderPolicy.REFUSE
    bad_records: BadRecords = BadRecords.FAIL
    tolerated_failure_percent: float = 0
    shard_size: Size = field(default_factory=lambda: Size.gibibytes(10))
    shard_objects: int = 1000
    concurrent_jobs: int = 4
    max_cost_usd: float | None = None
    max_duration: Duration | None = None
    mb_per_second: float | None = None
    hourly_price_usd: float | None = None
    other_instance_types: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Refuses what no run can work with.

        Raises:
            ValueError: names all that is wrong.
        """
        faults = [
            fault
            for name, value in self._values().items()
            if value is not None
            for fault in field_faults(name, value, RUN_OPTIONS[name])
        ]
        named = [name for name in self.other_instance_types if not Token.is_unresolved(name)]
        faults += [fault for name in named if (fault := transform_fault(name)) is not None]
        refuse("run options", faults)

    def defaults(self, options: TransformOptions) -> dict[str, Any]:
        """What stands where an execution says nothing, by the names of the request's fields.

        Args:
            options: of the jobs.
        """
        minutes = options.timeout.to_minutes(integral=False)
        return {**self._values(), "timeout_minutes": max(1, round(minutes))}

    def instance_types(self, options: TransformOptions, region: str) -> dict[str, Any]:
        """What is known of the instance types that an execution may choose.

        Args:
            options: of the jobs.
            region: the region's name, or a token.
        """
        return {
            name: _facts(name, region)
            for name in dict.fromkeys([options.instance_type, *self.other_instance_types])
        }

    def _values(self) -> dict[str, Any]:
        limit = self.max_duration
        return {
            "header": str(self.header),
            "bad_records": str(self.bad_records),
            "tolerated_failure_percent": self.tolerated_failure_percent,
            "shard_mb": int(self.shard_size.to_mebibytes()),
            "shard_objects": self.shard_objects,
            "concurrent_jobs": self.concurrent_jobs,
            "max_cost_usd": self.max_cost_usd,
            "max_duration_minutes": None if limit is None else limit.to_minutes(integral=False),
            "mb_per_second": self.mb_per_second,
            "hourly_price_usd": self.hourly_price_usd,
        }


def _facts(name: str, region: str) -> dict[str, Any]:
    known = find_instance_type(name)
    # Without its region a price is not known; there is no guess.
    price = None if Token.is_unresolved(region) else find_price("transform", region, name)
    return {
        "vcpus": 1 if known is None else known.vcpus,
        "local_storage": known is not None and known.local_storage,
        "hourly_price_usd": None if price is None else price.usd,
    }


def request_defaults(options: TransformOptions, run: RunOptions) -> Mapping[str, Any]:
    """What stands where an execution says nothing, of jobs and run.

    Args:
        options: of the jobs.
        run: of the run.
    """
    job = options.job(key_arn="")
    given = {name: option(job, name) for name in OVERRIDES}
    own = {name: value for name, value in run.defaults(options).items() if value is not None}
    fixed = {"data_type": "S3Prefix", "overwrite": False, "force": False}
    return {**given, **own, **fixed}
