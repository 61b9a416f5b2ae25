"""What CreateTransformJob refuses of settings that are each valid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local_aws.transform.join import CSV, JSON_TYPES, media_type
from local_aws.transform.jsonpath import JsonPathError
from local_aws.transform.settings import DEFAULT_PAYLOAD_MB, data_processing

MAX_PAYLOAD_MB = 100


def combination_faults(request: Mapping[str, Any]) -> list[str]:
    """Faults between the settings of a request that the service's model has nothing against."""
    return [*_payload(request), *_source(request), *_strategy(request), *_processing(request)]


def _payload(request: Mapping[str, Any]) -> Iterator[str]:
    payload = request.get("MaxPayloadInMB")
    if payload is not None and payload > MAX_PAYLOAD_MB:
        yield f"MaxPayloadInMB cannot be greater than {MAX_PAYLOAD_MB} MB, got {payload}"
        return
    concurrency = request.get("MaxConcurrentTransforms") or 0
    total = concurrency * (DEFAULT_PAYLOAD_MB if payload is None else payload)
    if total > MAX_PAYLOAD_MB:
        yield (
            f"MaxConcurrentTransforms * MaxPayloadInMB cannot exceed {MAX_PAYLOAD_MB} MB, "
            f"got {concurrency} * {DEFAULT_PAYLOAD_MB if payload is None else payload} = {total}"
        )


def _source(request: Mapping[str, Any]) -> Iterator[str]:
    kind = request["TransformInput"]["DataSource"]["S3DataSource"]["S3DataType"]
    if kind not in ("S3Prefix", "ManifestFile"):
        yield f"S3DataType {kind} is not supported for transform jobs: S3Prefix or ManifestFile"


def _strategy(request: Mapping[str, Any]) -> Iterator[str]:
    split_type = request["TransformInput"].get("SplitType") or "None"
    if request.get("BatchStrategy") == "SingleRecord" and split_type == "None":
        yield "BatchStrategy SingleRecord needs SplitType Line, RecordIO or TFRecord, got None"


def _processing(request: Mapping[str, Any]) -> Iterator[str]:
    try:
        processing = data_processing(request)
    except JsonPathError as error:
        yield f"Invalid JSONPath in DataProcessing: {error}"
        return
    if processing.input_filter.is_root and not processing.changes_output:
        return
    source, output = request["TransformInput"], request["TransformOutput"]
    content, accept = media_type(source.get("ContentType")), media_type(output.get("Accept"))
    split_type, assembly = source.get("SplitType") or "None", output.get("AssembleWith") or "None"
    if content not in (CSV, *JSON_TYPES):
        known = ", ".join((CSV, *JSON_TYPES))
        yield f"DataProcessing needs a ContentType of {known}, got {content or 'none'}"
        return
    if processing.is_csv and split_type != "Line":
        yield f"DataProcessing of {CSV} needs SplitType Line, got {split_type}"
    if split_type not in ("Line", "None"):
        yield f"DataProcessing needs SplitType Line or None, got {split_type}"
    if processing.is_csv and not _csv_paths(processing):
        yield f"DataProcessing of {CSV} takes JSONPaths of indexes only, such as $[0] or $[1:]"
    if processing.changes_output:
        if accept != content:
            yield (
                "JoinSource and OutputFilter need the same ContentType and Accept, "
                f"got {content} and {accept or 'none'}"
            )
        if (split_type == "Line") != (assembly == "Line"):
            yield (
                "JoinSource and OutputFilter need SplitType and AssembleWith to be both Line or "
                f"both None, got {split_type} and {assembly}"
            )


def _csv_paths(processing: Any) -> bool:
    return bool(processing.input_filter.indexes_only and processing.output_filter.indexes_only)
