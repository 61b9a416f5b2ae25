"""Reports what became of a job: whether each input has a whole output, and why not.

A transform job may report success and leave nothing behind, or lose records where the model's
container answers with fewer lines than it was sent. And one that failed has written the outputs of
the files that did not. So the outputs are looked at, whatever the job says.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError

from ..batch_checks.locations import Location
from .job_log import reasons
from .outputs import Found, Outputs, counting_rules
from .run_folder import RunFolder, report_file, sizes_file


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answers the task that follows a job.

    Args:
        event: `state`, with `run` and `shard` as the plan gave them, `attempt`, of which the last
            has that `number`, and `failure`, if it failed; `redrives` of the execution; `output` of
            the workflow.
        context: Lambda's context; unused.

    Returns:
        How many inputs `failed`.
    """
    state = event["state"]
    run, shard, failure = state["run"], state["shard"], state.get("failure")
    s3 = boto3.client("s3")
    folder = RunFolder.of(s3, event["output"], run["execution"])
    plan = folder.read("plan.json")
    head, *names = read_manifest(s3, shard["manifest"])
    source, base = Location.parse(head["prefix"]), Location.parse(plan["base"])
    outputs = Outputs(
        s3, Location.parse(plan["output"]), since=datetime.fromisoformat(plan["started"])
    )
    rules = counting_rules(plan["job"])
    sizes = folder.read(sizes_file(shard["number"]))
    found = list(outputs.check(names, source=source, base=base, rules=rules, read_bytes=sizes))
    names_of_jobs = [
        f"{shard['name']}-{event['redrives']}-{number}"
        for number in range(state["attempt"]["number"] + 1)
    ]
    jobs = list(describe_jobs(names_of_jobs))
    failures = []
    if any(one.fault for one in found):
        failures = list(_failures(found, jobs, source=source, base=base, failure=failure))
    counts = [one.count for one in found if one.count is not None]
    folder.write(
        report_file(shard["number"]),
        {
            "shard": shard,
            "outputs": sum(one.fault is None for one in found),
            "output_bytes": sum(one.size for one in found),
            "counted": len(counts),
            "records": sum(count.records for count in counts),
            "bad_records": sum(count.marked for count in counts),
            "failures": failures,
            "jobs": jobs,
        },
    )
    return {"failed": len(failures)}


def read_manifest(s3: Any, uri: str) -> list[Any]:
    """Reads the manifest of a job.

    Args:
        s3: a boto3 client.
        uri: the manifest.
    """
    place = Location.parse(uri)
    content: list[Any] = json.loads(
        s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read()
    )
    return content


def describe_jobs(names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Looks up all attempts at a job.

    Args:
        names: the names of the attempts.
    """
    sagemaker = boto3.client("sagemaker")
    for job in names:
        try:
            found = sagemaker.describe_transform_job(TransformJobName=job)
        except ClientError as error:
            # An attempt that the API refused made no job.
            if error.response["Error"]["Code"] in ("ValidationException", "ResourceNotFound"):
                continue
            raise
        start, end = found.get("TransformStartTime"), found.get("TransformEndTime")
        seconds = 0.0 if start is None or end is None else (end - start).total_seconds()
        yield {
            "name": job,
            "status": found["TransformJobStatus"],
            "reason": found.get("FailureReason"),
            "seconds": max(seconds, 0.0),
        }


def _failures(
    found: list[Found],
    jobs: list[dict[str, Any]],
    *,
    source: Location,
    base: Location,
    failure: Mapping[str, Any] | None,
) -> Iterator[dict[str, Any]]:
    last = jobs[-1] if jobs else None
    told = {} if last is None else reasons(last["name"], source)
    general = None if last is None else last["reason"]
    if general is None and failure is not None:
        general = failure.get("Cause") or failure["Error"]
    for one in found:
        if one.fault is not None:
            why = told.get(one.name, general if one.size == 0 else None)
            yield {
                "name": one.name,
                "input": f"{base}{one.name}",
                "reason": one.fault if why is None else f"{one.fault}: {why}",
                "job": None if last is None else last["name"],
            }
