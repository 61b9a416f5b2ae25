"""Which combinations of a transform job's options the service can run, and why not the others.

A job is written as CreateTransformJob takes it:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
"""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .request_schema import JOB_OPTIONS, VARIABLE, field_faults

Job = dict[str, Any]

# MaxPayloadInMB, and also its product with MaxConcurrentTransforms.
MAX_PAYLOAD_MB = 100
MAX_FILTER_LENGTH = 63
MAX_VARIABLES = 16
MAX_TAGS = 50

CSV = "text/csv"
_JSON_TYPES = ("application/json", "application/jsonlines")
_FILTERABLE_TYPES = (CSV, *_JSON_TYPES)

# How much longer than SageMaker the model's server waits for the handler: SageMaker's own timeout
# has to come first, or a slow mini-batch fails as an error of the container, which is not retried.
SERVER_TIMEOUT_MARGIN = 60
SERVER_TIMEOUT = "SAGEMAKER_MODEL_SERVER_TIMEOUT"
# Asks the handler to answer a bad record with a mark instead of failing the whole request.
BAD_RECORDS = "INFERENCE_BAD_RECORDS"
# The largest request that the container's server takes, in bytes, where the model says so.
MAX_CONTENT = "MAX_CONTENT_LENGTH"

# What an execution may choose for itself, and where it stands in the job.
OVERRIDES: dict[str, tuple[str, ...]] = {
    "content_type": ("TransformInput", "ContentType"),
    "compression": ("TransformInput", "CompressionType"),
    "split": ("TransformInput", "SplitType"),
    "accept": ("TransformOutput", "Accept"),
    "assemble": ("TransformOutput", "AssembleWith"),
    "strategy": ("BatchStrategy",),
    "join": ("DataProcessing", "JoinSource"),
    "input_filter": ("DataProcessing", "InputFilter"),
    "output_filter": ("DataProcessing", "OutputFilter"),
    "max_payload_mb": ("MaxPayloadInMB",),
    "max_concurrent_transforms": ("MaxConcurrentTransforms",),
    "instance_type": ("TransformResources", "InstanceType"),
    "instance_count": ("TransformResources", "InstanceCount"),
    "invocation_timeout_seconds": ("ModelClientConfig", "InvocationsTimeoutInSeconds"),
    "invocation_retries": ("ModelClientConfig", "InvocationsMaxRetries"),
    "environment": ("Environment",),
    "tags": ("Tags",),
}

_NAME = r"\.[A-Za-z_][\w-]*"
_NAMES = r"\['[^']+'(?:\s*,\s*'[^']+')*\]"
_INDEXES = r"\[\s*-?\d+(?:\s*,\s*-?\d+)*\s*\]"
_OPEN_SLICE = r"\[\s*-?\d+\s*:\s*\]"
_FILTER = re.compile(rf"\$(?:{_NAME}|{_NAMES}|{_INDEXES}|{_OPEN_SLICE})*")
_INDEX_FILTER = re.compile(rf"\$(?:{_INDEXES}|{_OPEN_SLICE})*")
_BOUNDED_SLICE = re.compile(r"\[\s*-?\d*\s*:\s*-?\d+")


def with_overrides(job: Job, overrides: Mapping[str, Any]) -> Job:
    """Gives a copy of a job in which some options are replaced; variables and tags are added.

    Args:
        job: the job with the options of the deployment.
        overrides: options by the names in `OVERRIDES`.
    """
    result = copy.deepcopy(job)
    for name, value in overrides.items():
        *groups, field = OVERRIDES[name]
        place = result
        for group in groups:
            place = place[group]
        if name == "environment" and isinstance(value, dict):
            place[field] = {**place[field], **value}
        elif name == "tags" and isinstance(value, dict):
            place[field] = as_tags({**_as_texts(place[field]), **value})
        else:
            place[field] = value
    timeout = overrides.get("invocation_timeout_seconds")
    if isinstance(timeout, int):
        result["Environment"][SERVER_TIMEOUT] = str(timeout + SERVER_TIMEOUT_MARGIN)
    return result


def as_tags(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Writes tags as the API takes them.

    Args:
        values: the tags.
    """
    return [{"Key": key, "Value": value} for key, value in values.items()]


def _as_texts(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def option(job: Job, name: str) -> Any:
    """Reads one option of a job.

    Args:
        job: the job.
        name: a name in `OVERRIDES`.
    """
    value: Any = job
    for key in OVERRIDES[name]:
        value = value[key]
    return _as_texts(value) if name == "tags" and isinstance(value, list) else value


def job_faults(job: Job) -> list[str]:
    """Lists what the service could not run, each fault with its reason; empty when it can.

    Args:
        job: the job, with every option in `OVERRIDES`.
    """
    options = {name: option(job, name) for name in OVERRIDES}
    malformed = list(_malformed(options))
    # The rules below compare options with each other: they need options of the right type.
    return malformed or [
        *_capacity_faults(options),
        *_extra_faults(options),
        *_splitting_faults(options),
        *_filter_faults(options),
        *_join_faults(options),
    ]


def _malformed(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        yield from field_faults(name, value, JOB_OPTIONS[name])


def _extra_faults(options: Mapping[str, Any]) -> Iterator[str]:
    variables, tags = options["environment"], options["tags"]
    if len(variables) > MAX_VARIABLES:
        yield (
            f"expected at most {MAX_VARIABLES} variables in environment, got {len(variables)}, "
            f"of which {SERVER_TIMEOUT} is set here"
        )
    yield from (
        f"{name!r} is no name of a variable: use letters, digits and _"
        for name in variables
        if not VARIABLE.fullmatch(name)
    )
    if len(tags) > MAX_TAGS:
        yield f"expected at most {MAX_TAGS} tags, got {len(tags)}"
    yield from (
        f"the tag {key!r} must have 1 to 128 characters and not begin with aws:"
        for key in tags
        if not 1 <= len(key) <= 128 or key.lower().startswith("aws:")
    )


def _capacity_faults(options: Mapping[str, Any]) -> Iterator[str]:
    payload, concurrent = options["max_payload_mb"], options["max_concurrent_transforms"]
    if payload > MAX_PAYLOAD_MB:
        yield f"expected a max_payload_mb of at most {MAX_PAYLOAD_MB}, got {payload}"
    elif payload * concurrent > MAX_PAYLOAD_MB:
        yield (
            f"max_payload_mb x max_concurrent_transforms is {payload} x {concurrent} = "
            f"{payload * concurrent}, the service takes at most {MAX_PAYLOAD_MB}: "
            f"lower max_concurrent_transforms to {MAX_PAYLOAD_MB // payload} or the payload to "
            f"{MAX_PAYLOAD_MB // concurrent}"
        )


def _splitting_faults(options: Mapping[str, Any]) -> Iterator[str]:
    if options["strategy"] == "SingleRecord" and options["split"] == "None":
        yield (
            "strategy SingleRecord needs a split: without one the service sends each file whole, "
            "as one record"
        )


def _filter_faults(options: Mapping[str, Any]) -> Iterator[str]:
    # The output filter works on the joined record, which has the type of `accept` on either side.
    for name, media in (("input_filter", "content_type"), ("output_filter", "accept")):
        path, media_type = options[name], bare(options[media])
        if path == "$":
            continue
        if len(path) > MAX_FILTER_LENGTH:
            yield f"expected a {name} of at most {MAX_FILTER_LENGTH} characters, got {len(path)}"
        elif _BOUNDED_SLICE.search(path):
            yield (
                f"{name} {path} has a slice with an end: AWS's documents disagree whether that "
                "element belongs to it; write the indexes out, as in $[1,2,3]"
            )
        elif not _FILTER.fullmatch(path):
            yield f"expected a JSONPath such as $, $[1:], $[0,-1] or $.id for {name}, got {path!r}"
        elif media_type not in _FILTERABLE_TYPES:
            yield f"{name} works on {', '.join(_FILTERABLE_TYPES)}, {media} is {media_type}"
        elif media_type == CSV and not _INDEX_FILTER.fullmatch(path):
            yield f"{name} {path} names a field: the columns of {CSV} have indexes only, as in $[0]"


def _join_faults(options: Mapping[str, Any]) -> Iterator[str]:
    if options["join"] != "Input":
        return
    for name in ("split", "assemble"):
        if options[name] != "Line":
            yield (
                f"join Input puts each prediction beside its record, so {name} must be Line, "
                f"it is {options[name]}"
            )
    sent, received = bare(options["content_type"]), bare(options["accept"])
    if sent != received:
        yield f"join Input needs the same content_type and accept, got {sent} and {received}"
    elif sent not in _FILTERABLE_TYPES:
        yield f"join Input works on {', '.join(_FILTERABLE_TYPES)}, content_type is {sent}"


def bare(media_type: str) -> str:
    """Strips the parameters of a media type, such as `; charset=utf-8`.

    Args:
        media_type: a media type, as in a header.
    """
    return media_type.partition(";")[0].strip().lower()


def container_faults(job: Job, environment: Mapping[str, str]) -> Iterator[str]:
    """Lists what of a job the model's container would refuse.

    Args:
        job: the job.
        environment: the variables of the model.
    """
    limit = {**environment, **job["Environment"]}.get(MAX_CONTENT, "")
    payload = option(job, "max_payload_mb")
    if limit.isdecimal() and payload * 1024 * 1024 > int(limit):
        yield (
            f"max_payload_mb is {payload}, and the model's {MAX_CONTENT} takes {limit} bytes: "
            "lower the one or raise the other"
        )


def largest_index(path: str) -> int | None:
    """Gives the largest column that a filter names, counted from 0; None if it names none.

    Args:
        path: a JSONPath of `text/csv`.
    """
    indexes = [int(digits) for digits in re.findall(r"(?<![-\d])\d+", path)]
    return max(indexes, default=None)
