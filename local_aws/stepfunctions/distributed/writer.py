"""Gives back the results of a map run's children: in S3, or as the state's result.

See https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.stepfunctions.parser.api import ExecutionStatus

from local_aws.stepfunctions.distributed.definition import ResultWriter
from local_aws.stepfunctions.distributed.failures import writer_failed

_KINDS = ("FAILED", "PENDING", "SUCCEEDED")


def inline(writer: ResultWriter, children: Iterable[Any]) -> list[Any]:
    """The results of ended children as the Map state's own."""
    results: list[Any] = []
    for child in children:
        results.extend(_results(writer, child))
    return results


def export(
    writer: ResultWriter,
    s3: Any,
    parameters: Mapping[str, Any],
    *,
    map_run_arn: str,
    children: Sequence[Any],
    pending: Iterable[str],
) -> dict[str, Any]:
    """Write results and manifest.

    Args:
        writer: what the definition says.
        s3: a client with the state machine's role.
        parameters: the evaluated ones: Bucket and Prefix.
        map_run_arn: the map run.
        children: the executions that were started.
        pending: the inputs that no execution was started for.

    Returns:
        The state's result.

    Raises:
        MapRunFailed: ``States.ResultWriterFailed``.
    """
    bucket, prefix = parameters.get("Bucket", ""), parameters.get("Prefix") or ""
    if prefix and not prefix.endswith("/"):
        prefix += "/"
    prefix += map_run_arn.rpartition(":")[2] + "/"
    results: dict[str, list[Any]] = {kind: [] for kind in _KINDS}
    for child in children:
        kind = "SUCCEEDED" if child.exec_status == ExecutionStatus.SUCCEEDED else "FAILED"
        results[kind].extend(_results(writer, child))
    # Nothing is known of these but what they would have got.
    results["PENDING"] = [{"Input": text, "Status": "PENDING"} for text in pending]
    files: dict[str, list[dict[str, Any]]] = {kind: [] for kind in _KINDS}
    try:
        for kind, found in results.items():
            if not found:
                continue
            key = f"{prefix}{kind}_0.{'jsonl' if writer.lines else 'json'}"
            body = _body(found, writer.lines)
            s3.put_object(Bucket=bucket, Key=key, Body=body)
            files[kind].append({"Key": key, "Size": len(body)})
        manifest = {
            "DestinationBucket": bucket,
            "MapRunArn": map_run_arn,
            "ResultFiles": files,
        }
        key = f"{prefix}manifest.json"
        s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(manifest).encode())
    except ClientError as error:
        raise writer_failed(error.response["Error"]["Message"]) from error
    except BotoCoreError as error:
        raise writer_failed(str(error)) from error
    return {
        "MapRunArn": map_run_arn,
        "ResultWriterDetails": {"Bucket": bucket, "Key": key},
    }


def _body(results: Sequence[Any], lines: bool) -> bytes:
    texts = [json.dumps(result, separators=(",", ":"), ensure_ascii=False) for result in results]
    if lines:
        return ("\n".join(texts) + "\n").encode()
    return f"[{','.join(texts)}]".encode()


def _results(writer: ResultWriter, child: Any) -> Iterator[Any]:
    if writer.transformation == "NONE" or child.exec_status != ExecutionStatus.SUCCEEDED:
        # A child that failed is told in full in any format.
        yield _told(child.describe())
    elif writer.transformation == "FLATTEN" and isinstance(child.output, list):
        yield from child.output
    else:
        yield child.output


def _told(described: Mapping[str, Any]) -> dict[str, Any]:
    """DescribeExecution's answer as a result file has it."""
    shown: dict[str, Any] = {
        name[0].upper() + name[1:]: _time(value) if isinstance(value, datetime) else value
        for name, value in sorted(described.items())
        if name not in ("mapRunArn", "traceHeader")
    }
    for name in ("InputDetails", "OutputDetails"):
        if name in shown:
            # Nothing is ever left out of what the local AWS tells.
            shown[name] = {"Included": True}
    return shown


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
