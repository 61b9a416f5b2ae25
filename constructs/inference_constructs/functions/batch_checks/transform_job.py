"""Which combinations of a transform job's options the service can run, and why not the others.

A job is written as CreateTransformJob takes it:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
"""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

Job = dict[str, Any]

# MaxPayloadInMB, and also its product with MaxConcurrentTransforms.
MAX_PAYLOAD_MB = 100
MAX_FILTER_LENGTH = 63

STRATEGIES = ("MultiRecord", "SingleRecord")
SPLIT_TYPES = ("None", "Line", "RecordIO", "TFRecord")
ASSEMBLE_TYPES = ("None", "Line")
JOIN_SOURCES = ("None", "Input")

CSV = "text/csv"
_JSON_TYPES = ("application/json", "application/jsonlines")
_FILTERABLE_TYPES = (CSV, *_JSON_TYPES)

# What an execution may choose for itself, and where it stands in the job.
OVERRIDES: dict[str, tuple[str, ...]] = {
    "content_type": ("TransformInput", "ContentType"),
    "split": ("TransformInput", "SplitType"),
    "accept": ("TransformOutput", "Accept"),
    "assemble": ("TransformOutput", "AssembleWith"),
    "strategy": ("BatchStrategy",),
    "join": ("DataProcessing", "JoinSource"),
    "input_filter": ("DataProcessing", "InputFilter"),
    "output_filter": ("DataProcessing", "OutputFilter"),
    "max_payload_mb": ("MaxPayloadInMB",),
    "max_concurrent_transforms": ("MaxConcurrentTransforms",),
}
_NUMBERS = {"max_payload_mb", "max_concurrent_transforms"}
_CHOICES = {
    "split": SPLIT_TYPES,
    "assemble": ASSEMBLE_TYPES,
    "strategy": STRATEGIES,
    "join": JOIN_SOURCES,
}

_NAME = r"\.[A-Za-z_][\w-]*"
_NAMES = r"\['[^']+'(?:\s*,\s*'[^']+')*\]"
_INDEXES = r"\[\s*-?\d+(?:\s*,\s*-?\d+)*\s*\]"
_OPEN_SLICE = r"\[\s*-?\d+\s*:\s*\]"
_FILTER = re.compile(rf"\$(?:{_NAME}|{_NAMES}|{_INDEXES}|{_OPEN_SLICE})*")
_INDEX_FILTER = re.compile(rf"\$(?:{_INDEXES}|{_OPEN_SLICE})*")
_BOUNDED_SLICE = re.compile(r"\[\s*-?\d*\s*:\s*-?\d+")


def with_overrides(job: Job, overrides: Mapping[str, Any]) -> Job:
    """Gives a copy of a job in which some options are replaced.

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
        place[field] = value
    return result


def option(job: Job, name: str) -> Any:
    """Reads one option of a job.

    Args:
        job: the job.
        name: a name in `OVERRIDES`.
    """
    value: Any = job
    for key in OVERRIDES[name]:
        value = value[key]
    return value


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
        *_splitting_faults(options),
        *_filter_faults(options),
        *_join_faults(options),
    ]


def _malformed(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        if name in _NUMBERS:
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                yield f"expected a whole number of at least 1 for {name}, got {value!r}"
        elif not isinstance(value, str):
            yield f"expected text for {name}, got {value!r}"
        elif name in _CHOICES and value not in _CHOICES[name]:
            yield f"expected one of {', '.join(_CHOICES[name])} for {name}, got {value!r}"
        elif name in ("content_type", "accept") and not 1 <= len(value) <= 256:
            yield f"expected a media type of 1 to 256 characters for {name}, got {len(value)}"


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
