"""The end of one run, whichever way it came."""

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError

from ..batch_checks.locations import Location, list_objects, shown
from .claims import FAILED, SUCCEEDED, Claims
from .job_log import log_url
from .outputs import SUFFIX
from .plan import throughput_name
from .report import read_manifest
from .run_folder import RunFolder, write_json

SOURCE = "inference.batch"
DETAIL_TYPE = "Batch Run Ended"
_BYTES_PER_MB = 1024 * 1024
# SNS takes 256 KB, a reader less.
_LONGEST_CAUSE = 2000

WHOLE, PARTLY, BROKEN = "SUCCEEDED", "SUCCEEDED_WITH_FAILURES", "FAILED"


class Ending:
    """Ends the run of one execution.

    Args:
        folder: what is kept of the run.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._s3 = folder.s3
        self._plan: dict[str, Any] = folder.read("plan.json") or {}

    @property
    def has_plan(self) -> bool:
        """Whether the run came so far that it has a plan."""
        return bool(self._plan)

    @property
    def is_over(self) -> bool:
        """Whether the run has been ended, or has never begun."""
        return not self.has_plan or self._folder.read("summary.json") is not None

    def refused(
        self, execution: str, request: object, failure: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Tells everyone of a run that never began.

        Args:
            execution: the execution's ARN.
            request: its input.
            failure: what the state machine caught.

        Returns:
            As `finish.handler`.
        """
        summary = {
            "status": BROKEN,
            "execution": execution,
            "request": request,
            "failure": failure,
        }
        publish_metrics(summary)
        put_event(summary)
        return told(summary)

    def end(
        self, *, failure: Mapping[str, Any] | None = None, stopped: str | None = None
    ) -> dict[str, Any]:
        """Writes the summary, and tells everyone.

        Args:
            failure: what the state machine caught, if it did.
            stopped: the status of an execution that could not go on: `ABORTED` or `TIMED_OUT`.

        Returns:
            As `finish.handler`.
        """
        plan = self._plan
        reports = list(self._folder.reports())
        failures = [*self._failed(reports), *self._without_report(reports, failure, stopped)]
        surplus = [] if stopped else self._surplus(plan)
        summary = self._summary(plan, reports, failures)
        summary["status"] = stopped or _status(plan, failures, surplus)
        if failure is not None and summary["status"] == BROKEN:
            summary["failure"] = failure
        if surplus:
            summary["failure"] = {
                "Error": "OutputError",
                "Cause": f"{len(surplus)} outputs belong to no input: {shown(surplus)}",
            }
        self._write(plan, summary, failures)
        self._delete_model(plan["model"])
        self._settle(plan, summary)
        publish_metrics(summary)
        put_event(summary)
        return told(summary)

    def _failed(self, reports: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        region = os.environ["AWS_REGION"]
        for report in reports:
            for entry in report["failures"]:
                job = entry["job"]
                yield {**entry, "log": None if job is None else log_url(region, job)}

    def _without_report(
        self,
        reports: list[dict[str, Any]],
        failure: Mapping[str, Any] | None,
        stopped: str | None,
    ) -> Iterator[dict[str, Any]]:
        """The inputs of jobs that nobody could report on."""
        known = {report["shard"]["number"] for report in reports}
        reason = "nobody looked at its output"
        if stopped is not None:
            reason += f": the execution is {stopped}"
        elif failure is not None:
            reason += f": {failure.get('Cause') or failure['Error']}"[:_LONGEST_CAUSE]
        for shard in self._folder.read("shards.json") or ():
            if shard["number"] not in known:
                _, *names = read_manifest(self._s3, shard["manifest"])
                for name in names:
                    input_ = f"{self._plan['base']}{name}"
                    entry = {"name": name, "input": input_, "reason": reason}
                    yield {**entry, "job": None, "log": None}

    def _surplus(self, plan: dict[str, Any]) -> list[str]:
        """Outputs of this run that belong to no input, in whichever folders they are."""
        started = datetime.fromisoformat(plan["started"]).replace(microsecond=0)
        target = Location.parse(plan["output"])
        names: set[str] = set()
        for shard in self._folder.read("shards.json"):
            _, *listed = read_manifest(self._s3, shard["manifest"])
            names |= {name.rpartition("/")[2] for name in listed}
        return [
            str(item)
            for item in list_objects(self._s3, target)
            if item.key.endswith(SUFFIX)
            and item.modified >= started
            and item.key.rpartition("/")[2].removesuffix(SUFFIX) not in names
        ]

    def _summary(
        self,
        plan: dict[str, Any],
        reports: list[dict[str, Any]],
        failures: list[dict[str, Any]],
    ) -> dict[str, Any]:
        now = datetime.now(UTC)
        jobs = [job for report in reports for job in report["jobs"]]
        instances = plan["job"]["TransformResources"]["InstanceCount"]
        seconds = instances * sum(job["seconds"] for job in jobs)
        price = plan["hourly_price_usd"]
        outputs = sum(report["outputs"] for report in reports)
        counted = sum(report["counted"] for report in reports)
        asked = {key: plan["request"][key] for key in ("rerun",) if key in plan["request"]}
        return {
            "execution": plan["execution"],
            **asked,
            "input": plan["input"],
            "output": plan["output"],
            "model_version": plan["model_version"],
            "started": plan["started"],
            "ended": now.isoformat(),
            "duration_seconds": round(
                (now - datetime.fromisoformat(plan["started"])).total_seconds(), 1
            ),
            "inputs": plan["objects"],
            "input_bytes": plan["bytes"],
            "removed_headers": plan["headers"],
            "outputs": outputs,
            "output_bytes": sum(report["output_bytes"] for report in reports),
            "failed": len(failures),
            "records": sum(report["records"] for report in reports),
            "bad_records": sum(report["bad_records"] for report in reports),
            "verification": {"records": counted, "objects": outputs - min(counted, outputs)},
            "jobs": len(jobs),
            "instance_seconds": round(seconds, 1),
            "cost_usd": "unknown" if price is None else round(seconds / 3600 * price, 4),
            "estimate": plan["estimate"],
        }

    def _write(
        self, plan: dict[str, Any], summary: dict[str, Any], failures: list[dict[str, Any]]
    ) -> None:
        target = Location.parse(plan["output"])
        if failures:
            summary["failed_inputs"] = f"{target}_failed.json"
        if failures or "rerun" in plan["request"]:
            # Of a re-run also where nothing failed: what it repeated has failed no more.
            write_json(
                self._s3,
                Location(target.bucket, f"{target.key}_failed.json"),
                {
                    "execution": plan["execution"],
                    "request": plan["effective_request"],
                    "input": plan["input"],
                    "base": plan["base"],
                    "output": plan["output"],
                    "artifact": plan["artifact"],
                    "model_version": plan["model_version"],
                    "inputs": failures,
                },
            )
        write_json(self._s3, Location(target.bucket, f"{target.key}_summary.json"), summary)
        if summary["status"] in (WHOLE, PARTLY):
            write_json(
                self._s3,
                Location(target.bucket, f"{target.key}_SUCCESS"),
                {"status": summary["status"], "summary": f"{target}_summary.json"},
            )
        # The last: whoever finds it need not do any of this again.
        self._folder.write("summary.json", summary)

    def _delete_model(self, name: str) -> None:
        sagemaker = boto3.client("sagemaker")
        try:
            sagemaker.delete_model(ModelName=name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationException":
                raise

    def _settle(self, plan: dict[str, Any], summary: dict[str, Any]) -> None:
        claims = Claims(os.environ["CLAIMS_TABLE"], dynamodb=boto3.client("dynamodb"), states=None)
        whole = summary["status"] in (WHOLE, PARTLY)
        claims.settle(
            plan["key"], execution=plan["execution"], state=SUCCEEDED if whole else FAILED
        )
        if summary["status"] == WHOLE and summary["instance_seconds"] > 0:
            rate = plan["bytes"] / _BYTES_PER_MB / summary["instance_seconds"]
            claims.remember_throughput(throughput_name(plan["artifact"], plan["job"]), rate)


def _status(plan: dict[str, Any], failures: list[dict[str, Any]], surplus: list[str]) -> str:
    if surplus:
        return BROKEN
    if not failures:
        return WHOLE
    share = 100 * len(failures) / plan["objects"]
    tolerated = plan["options"]["tolerated_failure_percent"]
    return PARTLY if share <= tolerated and len(failures) < plan["objects"] else BROKEN


def told(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Says how a run ended, as the state machine and the subscribers of the topic get it.

    Args:
        summary: the summary.
    """
    status = summary["status"]
    words = status.lower().replace("_", " ")
    kept = dict(summary)
    failure = kept.get("failure")
    if failure is not None:
        kept["failure"] = {
            key: str(failure[key])[:_LONGEST_CAUSE] for key in ("Error", "Cause") if key in failure
        }
    return {
        "status": status,
        "subject": f"Batch transform {words}",
        "summary": kept,
        "message": json.dumps(kept, indent=1),
    }


def publish_metrics(summary: Mapping[str, Any]) -> None:
    """Counts a run in CloudWatch.

    Args:
        summary: the summary.
    """
    dimensions = [{"Name": "Workflow", "Value": os.environ["WORKFLOW"]}]
    succeeded = summary["status"] in (WHOLE, PARTLY)
    values = {
        "SucceededRuns": (int(succeeded), "Count"),
        "FailedRuns": (int(not succeeded), "Count"),
        "FailedInputs": (summary.get("failed"), "Count"),
        "Records": (summary.get("records"), "Count"),
        "BadRecords": (summary.get("bad_records"), "Count"),
        "Duration": (summary.get("duration_seconds"), "Seconds"),
        "Cost": (summary.get("cost_usd"), "None"),
    }
    boto3.client("cloudwatch").put_metric_data(
        Namespace=os.environ["METRICS_NAMESPACE"],
        MetricData=[
            {"MetricName": name, "Dimensions": dimensions, "Value": value, "Unit": unit}
            for name, (value, unit) in values.items()
            if isinstance(value, int | float)
        ],
    )


def put_event(summary: Mapping[str, Any]) -> None:
    """Tells EventBridge how a run ended.

    Args:
        summary: the summary.
    """
    detail = {**summary, "workflow": os.environ["WORKFLOW"]}
    answer = boto3.client("events").put_events(
        Entries=[{"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": json.dumps(detail)}]
    )
    if answer["FailedEntryCount"]:
        raise RuntimeError(f"EventBridge did not take the event: {answer['Entries'][0]}")
