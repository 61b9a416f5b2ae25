"""Reads the input of an execution on top of what the workflow was deployed with.

What it may hold stands in `request_schema.py`. Nothing here looks into S3.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .locations import Location, shown
from .request_schema import PROPERTIES, RUN_OPTIONS, field_faults
from .transform_job import (
    BAD_RECORDS,
    CSV,
    MAX_PAYLOAD_MB,
    OVERRIDES,
    Job,
    bare,
    job_faults,
    option,
    with_overrides,
)

# Below the workflow's output: what it keeps of each run. No request may put its results there.
RUNS_FOLDER = "_runs/"


class RequestError(ValueError):
    """The request cannot be run; whoever made it has to change it or its input."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request, understood.

    Attributes:
        source: where the input is.
        target: where the output goes.
        job: the options of the jobs.
        options: the options of the run, by the names in `RUN_OPTIONS`.
        manifest: whether the source is a manifest.
        overwrite: whether the target may already hold objects.
        force: whether to run what is running or has been run.
        chosen_target: whether the request named the target.
    """

    source: Location
    target: Location
    job: Job
    options: Mapping[str, Any]
    manifest: bool
    overwrite: bool
    force: bool
    chosen_target: bool


def checked(request: object) -> dict[str, Any]:
    """Makes sure that a request has the fields that its schema describes.

    Args:
        request: the input of the execution.

    Raises:
        RequestError: with everything that is wrong.
    """
    if not isinstance(request, dict):
        raise RequestError(f'expected an object such as {{"input": "s3://…"}}, got {request!r}')
    faults = []
    if unknown := sorted(set(request) - set(PROPERTIES)):
        faults.append(f"unknown fields {shown(unknown)}; known are {', '.join(sorted(PROPERTIES))}")
    for name in request.keys() & PROPERTIES.keys():
        faults += field_faults(name, request[name], PROPERTIES[name])
    if ("input" in request) is ("rerun" in request):
        faults.append("expected either input or rerun, got " + _either(request))
    if faults:
        raise RequestError("; ".join(faults))
    return request


def _either(request: Mapping[str, Any]) -> str:
    return "both" if "input" in request else "none of them"


def understand(
    request: Mapping[str, Any], workflow: Mapping[str, Any], execution_name: str
) -> Request:
    """Puts a request on top of what the workflow was deployed with.

    Args:
        request: as `checked` gives it.
        workflow: what the workflow was deployed with: `job`, `options`, `inputs`, `output`,
            `instance_types`.
        execution_name: the execution's name, after which its output is named.

    Raises:
        RequestError: with everything that is wrong.
    """
    faults: list[str] = []
    options = {
        **dict.fromkeys(RUN_OPTIONS),
        **workflow["options"],
        **{name: value for name, value in request.items() if name in RUN_OPTIONS},
    }
    job = _job(request, workflow, options, faults)
    source = _place("input", request.get("input"), faults)
    default = f"{workflow['output']}{execution_name}/"
    target = _place("output", request.get("output", default), faults)
    if source is not None and not any(
        source.within(Location.parse(place)) for place in workflow["inputs"]
    ):
        faults.append(f"input {source} is not within {shown(workflow['inputs'])}")
    if target is not None:
        target = target.as_folder
        faults += _target_faults(target, Location.parse(workflow["output"]))
        if source is not None and source.overlaps(target):
            faults.append(
                f"output {target} and input {source} overlap: results would be read as input"
            )
    if faults or source is None or target is None:
        raise RequestError("; ".join(faults))
    job["TransformOutput"]["S3OutputPath"] = str(target)
    return Request(
        source=source,
        target=target,
        job=job,
        options=options,
        manifest=request.get("data_type") == "ManifestFile",
        overwrite=bool(request.get("overwrite", False)),
        force=bool(request.get("force", False)),
        chosen_target="output" in request,
    )


def _place(name: str, uri: object, faults: list[str]) -> Location | None:
    try:
        return Location.parse(uri)
    except ValueError as error:
        faults.append(f"{name}: {error}")
        return None


def _target_faults(target: Location, output: Location) -> Iterator[str]:
    if not target.within(output):
        yield f"output {target} is not within {output}"
    elif target.key == output.key or target.key.startswith(f"{output.key}{RUNS_FOLDER}"):
        yield (
            f"output {target} must be a folder of its own within {output}, and not in "
            f"{RUNS_FOLDER}, where the runs are kept"
        )


def _job(
    request: Mapping[str, Any],
    workflow: Mapping[str, Any],
    options: Mapping[str, Any],
    faults: list[str],
) -> Job:
    overrides = {name: value for name, value in request.items() if name in OVERRIDES}
    known: Mapping[str, Any] = workflow["instance_types"]
    chosen = request.get("instance_type", option(workflow["job"], "instance_type"))
    if chosen not in known:
        faults.append(f"instance_type {chosen} is none of the workflow's: {', '.join(known)}")
    job = with_overrides(workflow["job"], overrides)
    if "instance_type" in request and chosen in known:
        # Local disks are encrypted by their hardware, and the service refuses a key for them.
        if known[chosen]["local_storage"]:
            job["TransformResources"].pop("VolumeKmsKeyId", None)
        else:
            job["TransformResources"]["VolumeKmsKeyId"] = job["TransformOutput"]["KmsKeyId"]
        if "max_concurrent_transforms" not in request:
            payload = option(job, "max_payload_mb")
            job["MaxConcurrentTransforms"] = max(
                1, min(known[chosen]["vcpus"], MAX_PAYLOAD_MB // payload)
            )
    if options["bad_records"] == "mark":
        job["Environment"][BAD_RECORDS] = "mark"
    faults += job_faults(job)
    if options["header"] == "strip":
        faults += _strip_faults(job)
    if (timeout := options["timeout_minutes"] * 60) <= option(job, "invocation_timeout_seconds"):
        faults.append(
            f"timeout_minutes ({timeout} s) must be longer than invocation_timeout_seconds "
            f"({option(job, 'invocation_timeout_seconds')} s)"
        )
    return job


def _strip_faults(job: Job) -> Iterator[str]:
    if bare(option(job, "content_type")) != CSV:
        yield f"header strip works on {CSV}, content_type is {option(job, 'content_type')}"
    if option(job, "compression") != "None":
        yield (
            "header strip cuts copies within S3 and cannot look into compressed objects: take the "
            "header out before they are compressed"
        )
