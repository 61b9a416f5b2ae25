"""A job's settings, after the container had its say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_aws.transform.batching import MEGABYTE
from local_aws.transform.join import CSV, DataProcessing, media_type
from local_aws.transform.jsonpath import parse

DEFAULT_PAYLOAD_MB = 6
DEFAULT_TIMEOUT = 600
DEFAULT_RETRIES = 3


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the runner needs of a ``CreateTransformJob`` request.

    Attributes:
        concurrency: requests in flight per instance.
        payload_mb: megabytes in a request; 0 means no limit.
        multi_record: several records in a request.
        timeout: seconds that a request may take.
        retries: how often a failing request is sent again.
        split_type: how objects are cut into records.
        compression: ``None`` or ``Gzip``.
        assemble_with: ``None`` or ``Line``.
        headers: Content-Type and Accept of each request.
        processing: filters and join.
    """

    concurrency: int
    payload_mb: int
    multi_record: bool
    timeout: float
    retries: int
    split_type: str
    compression: str
    assemble_with: str
    headers: Mapping[str, str]
    processing: DataProcessing

    @property
    def limit(self) -> int:
        """Bytes in a request; 0 means no limit."""
        return self.payload_mb * MEGABYTE

    def __str__(self) -> str:
        strategy = "MULTI_RECORD" if self.multi_record else "SINGLE_RECORD"
        return (
            f"MaxConcurrentTransforms={self.concurrency}, MaxPayloadInMB={self.payload_mb}, "
            f"BatchStrategy={strategy}"
        )


def settings(request: Mapping[str, Any], container: Mapping[str, Any] | None) -> Settings:
    """Settings of a validated request.

    Args:
        request: the parameters of CreateTransformJob.
        container: what the container answered to ``/execution-parameters``; it decides what the
            request leaves open, before the service's defaults do.
    """
    container = container or {}
    source, output = request["TransformInput"], request["TransformOutput"]
    client = request.get("ModelClientConfig") or {}
    strategy = request.get("BatchStrategy") or container.get("BatchStrategy") or "MULTI_RECORD"
    payload = request.get("MaxPayloadInMB")
    if payload is None:
        payload = container.get("MaxPayloadInMB", DEFAULT_PAYLOAD_MB)
    named = {"Content-Type": source.get("ContentType"), "Accept": output.get("Accept")}
    return Settings(
        # Here 0 means the same as nothing; for the payload it means no limit.
        concurrency=int(
            request.get("MaxConcurrentTransforms") or container.get("MaxConcurrentTransforms") or 1
        ),
        payload_mb=int(payload),
        multi_record=strategy.replace("_", "").lower() == "multirecord",
        timeout=float(client.get("InvocationsTimeoutInSeconds", DEFAULT_TIMEOUT)),
        retries=int(client.get("InvocationsMaxRetries", DEFAULT_RETRIES)),
        split_type=source.get("SplitType") or "None",
        compression=source.get("CompressionType") or "None",
        assemble_with=output.get("AssembleWith") or "None",
        headers={name: value for name, value in named.items() if value},
        processing=data_processing(request),
    )


def data_processing(request: Mapping[str, Any]) -> DataProcessing:
    """Filters and join of a request.

    Raises:
        local_aws.transform.jsonpath.JsonPathError: a filter is not of the supported subset.
    """
    given = request.get("DataProcessing") or {}
    return DataProcessing(
        input_filter=parse(given.get("InputFilter") or "$"),
        output_filter=parse(given.get("OutputFilter") or "$"),
        join=given.get("JoinSource") == "Input",
        is_csv=media_type(request["TransformInput"].get("ContentType")) == CSV,
        by_line=request["TransformInput"].get("SplitType") == "Line",
    )
