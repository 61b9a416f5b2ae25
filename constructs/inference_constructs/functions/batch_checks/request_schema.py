"""What an execution may ask for, as a JSON schema, and the check of a request against it.

The same description is the documentation (`docs/batch-request.schema.json`), the check at execution
and, for the options of the job, the check at synth.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Schema = dict[str, Any]

STRATEGIES = ("MultiRecord", "SingleRecord")
SPLIT_TYPES = ("None", "Line", "RecordIO", "TFRecord")
ASSEMBLE_TYPES = ("None", "Line")
JOIN_SOURCES = ("None", "Input")
COMPRESSION_TYPES = ("None", "Gzip")
DATA_TYPES = ("S3Prefix", "ManifestFile")
HEADERS = ("refuse", "strip", "none")
BAD_RECORDS = ("fail", "mark")

_URI = {"type": "string", "minLength": 1, "maxLength": 1024}
_MEDIA_TYPE = {"type": "string", "minLength": 1, "maxLength": 256}
_TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string", "maxLength": 10240}}


def _choice(values: tuple[str, ...], description: str) -> Schema:
    return {"type": "string", "enum": list(values), "description": description}


def _whole(least: int, most: int | None, description: str) -> Schema:
    limits = {"minimum": least} if most is None else {"minimum": least, "maximum": most}
    return {"type": "integer", **limits, "description": description}


def _number(description: str, **limits: float) -> Schema:
    return {"type": "number", **limits, "description": description}


# Of the job, as CreateTransformJob has them.
JOB_OPTIONS: Mapping[str, Schema] = {
    "content_type": {**_MEDIA_TYPE, "description": "The media type of the input."},
    "compression": _choice(COMPRESSION_TYPES, "How the input is compressed."),
    "split": _choice(SPLIT_TYPES, "Where a file may be cut into records; None sends it whole."),
    "strategy": _choice(STRATEGIES, "How many records go into one request."),
    "accept": {**_MEDIA_TYPE, "description": "The media type of the output."},
    "assemble": _choice(ASSEMBLE_TYPES, "What stands between the answers in an output."),
    "join": _choice(JOIN_SOURCES, "Input puts each prediction beside its record."),
    "input_filter": {
        "type": "string",
        "description": "JSONPath: the part of each record that the model gets.",
    },
    "output_filter": {
        "type": "string",
        "description": "JSONPath: the part of each result that is kept.",
    },
    "max_payload_mb": _whole(1, None, "The largest request to the model, in mebibytes."),
    "max_concurrent_transforms": _whole(1, None, "Requests at once on an instance."),
    "instance_type": {"type": "string", "description": "One of the types that the workflow has."},
    "instance_count": _whole(1, 100, "How many instances share the files of a job."),
    "invocation_timeout_seconds": _whole(1, 3600, "How long one request may take."),
    "invocation_retries": _whole(0, 3, "How often a failed request is sent again."),
    "environment": {**_TEXTS, "description": "Further variables of the container."},
    "tags": {**_TEXTS, "description": "Further tags of the job."},
}
# Of the run around the jobs.
RUN_OPTIONS: Mapping[str, Schema] = {
    "header": _choice(
        HEADERS,
        "What happens to a CSV header: refuse the run, strip it from copies, or none is expected "
        "and none looked for.",
    ),
    "bad_records": _choice(
        BAD_RECORDS, "What the handler does with a bad record: fail its file, or mark it."
    ),
    "tolerated_failure_percent": _number(
        "The share of the inputs that may fail in a run that succeeds.", minimum=0, maximum=100
    ),
    "shard_mb": _whole(1, None, "How much input one job gets, in mebibytes."),
    "shard_objects": _whole(1, 10_000, "How many objects one job gets."),
    "concurrent_jobs": _whole(1, 1000, "How many jobs run at once."),
    "timeout_minutes": _whole(1, 525_600, "How long one attempt at a job may take."),
    "max_cost_usd": _number(
        "Stops the run if its estimated cost is higher, or not known.", minimum=0
    ),
    "max_duration_minutes": _number(
        "Stops the run if its estimated duration is longer, or not known.", minimum=0
    ),
    "mb_per_second": _number(
        "What an instance gets through, for the estimate; by default as the last run measured it.",
        exclusiveMinimum=0,
    ),
    "hourly_price_usd": _number(
        "The price of an instance, for estimate and cost; by default as AWS lists it.",
        exclusiveMinimum=0,
    ),
}
PROPERTIES: Mapping[str, Schema] = {
    "input": {**_URI, "description": "s3://bucket/key-or-prefix, or a manifest."},
    "data_type": _choice(
        DATA_TYPES, "S3Prefix: all objects whose keys begin so; ManifestFile: those it lists."
    ),
    "output": {
        **_URI,
        "description": "Where the results go; by default a place of the execution's own.",
    },
    "rerun": {
        **_URI,
        "description": "The _failed.json of an earlier run: what failed there is run again, with "
        "its options, into the same place. Takes the place of `input`.",
    },
    "overwrite": {
        "type": "boolean",
        "description": "Whether the output may already hold objects.",
    },
    "force": {
        "type": "boolean",
        "description": "Whether to run although the same data is running or has been run, or, "
        "again, with another model.",
    },
    **JOB_OPTIONS,
    **RUN_OPTIONS,
}


def request_schema(defaults: Mapping[str, Any]) -> Schema:
    """Describes the input of an execution.

    Args:
        defaults: what stands where a request says nothing, by the names of the fields.
    """
    properties = {
        name: {**schema, "default": defaults[name]} if name in defaults else dict(schema)
        for name, schema in PROPERTIES.items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Input of an execution of the batch workflow",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "oneOf": [{"required": ["input"]}, {"required": ["rerun"]}],
    }


def field_faults(name: str, value: Any, schema: Schema) -> Iterator[str]:
    """Lists what is wrong with the value of a field.

    Args:
        name: the field, as the message names it.
        value: what was given.
        schema: its description; of JSON Schema what stands in `PROPERTIES`.
    """
    kind = schema["type"]
    if not _is(kind, value):
        yield f"expected {_words(kind, schema)} for {name}, got {value!r}"
    elif kind == "object":
        for key, item in value.items():
            yield from field_faults(f"{name}.{key}", item, schema["additionalProperties"])
    elif kind == "string":
        yield from _text_faults(name, value, schema)
    elif kind in ("integer", "number") and not _within(value, schema):
        yield f"expected {_words(kind, schema)} for {name}, got {value!r}"


def _text_faults(name: str, value: str, schema: Schema) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"expected one of {', '.join(schema['enum'])} for {name}, got {value!r}"
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if len(value) < least or (most is not None and len(value) > most):
        yield f"expected {least} to {most} characters for {name}, got {len(value)}"


def _is(kind: str, value: Any) -> bool:
    match kind:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "object":
            return isinstance(value, dict)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
    raise AssertionError(kind)


def _within(value: float, schema: Schema) -> bool:
    return (
        value >= schema.get("minimum", value)
        and value <= schema.get("maximum", value)
        and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
    )


def _words(kind: str, schema: Schema) -> str:
    if kind in ("integer", "number"):
        name = "a whole number" if kind == "integer" else "a number"
        if "exclusiveMinimum" in schema:
            return f"{name} above {schema['exclusiveMinimum']}"
        limits = f"{name} of at least {schema['minimum']}"
        return limits + (f" and at most {schema['maximum']}" if "maximum" in schema else "")
    return {"string": "text", "boolean": "true or false", "object": "an object of texts"}[kind]


VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,1023}")
