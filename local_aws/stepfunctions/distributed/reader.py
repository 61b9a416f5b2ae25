"""Reads the items of a distributed map from S3.

See https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws.stepfunctions.distributed.definition import ItemReader
from local_aws.stepfunctions.distributed.failures import reader_failed

_DELIMITERS = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}


@dataclass(frozen=True, kw_only=True)
class Items:
    """What was read.

    Attributes:
        values: the items in order.
        source: where they come from, as the context object names it.
    """

    values: list[Any]
    source: str


def read_items(reader: ItemReader, s3: Any, parameters: Mapping[str, Any], limit: Any) -> Items:
    """The items of a map run.

    Args:
        reader: what the definition says.
        s3: a client with the state machine's role.
        parameters: the evaluated ones: Bucket, and Key or Prefix.
        limit: the evaluated MaxItems; None for all.

    Raises:
        MapRunFailed: ``States.ItemReaderFailed``.
    """
    if limit is not None and (not isinstance(limit, int) or limit < 0):
        raise reader_failed("field MaxItems must be positive")
    # 0 means all, as in AWS's definition of MaxItems.
    end = limit or None
    try:
        if reader.resource.endswith(":listObjectsV2"):
            source = f"S3://{parameters.get('Bucket')}"
            return Items(values=list(islice(_listed(s3, parameters), end)), source=source)
        body = s3.get_object(**parameters)["Body"].read()
        source = f"S3://{parameters['Bucket']}/{parameters['Key']}"
        values = _PARSERS[reader.config["InputType"]](body, reader.config, s3)
        return Items(values=list(islice(values, end)), source=source)
    except ClientError as error:
        raise reader_failed(error.response["Error"]["Message"]) from error
    except BotoCoreError as error:
        raise reader_failed(str(error)) from error
    except (ValueError, csv.Error, OSError) as error:
        raise reader_failed(f"The items could not be read: {error}") from error


def _listed(s3: Any, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    request = dict(parameters)
    while True:
        page = s3.list_objects_v2(**request)
        for found in page.get("Contents", ()):
            yield {
                "Etag": found["ETag"],
                "Key": found["Key"],
                "LastModified": int(found["LastModified"].timestamp()),
                "Size": found["Size"],
                "StorageClass": found.get("StorageClass", "STANDARD"),
            }
        if not page.get("IsTruncated"):
            return
        request["ContinuationToken"] = page["NextContinuationToken"]


def _json(body: bytes, config: Mapping[str, Any], s3: Any) -> Iterable[Any]:
    del s3
    content = json.loads(body)
    for step in filter(None, config.get("ItemsPointer", "").split("/")):
        content = content[step] if isinstance(content, dict) and step in content else None
    if not isinstance(content, list):
        raise reader_failed("Attempting to map over non-iterable node.")
    return content


def _json_lines(body: bytes, config: Mapping[str, Any], s3: Any) -> Iterable[Any]:
    del config, s3
    return (json.loads(line) for line in body.splitlines() if line.strip())


def _csv(body: bytes, config: Mapping[str, Any], s3: Any) -> Iterable[dict[str, str]]:
    del s3
    delimiter = _DELIMITERS[config.get("CSVDelimiter", "COMMA")]
    rows = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), delimiter=delimiter)
    if config["CSVHeaderLocation"] == "GIVEN":
        header = list(config.get("CSVHeaders") or ())
    else:
        header = next(rows, [])
    return _rows(header, rows)


def _rows(header: list[str], rows: Iterable[list[str]]) -> Iterator[dict[str, str]]:
    """A row's missing fields are empty, and what the header has no name for is left out."""
    if len(set(header)) < len(header):
        raise reader_failed("CSV headers cannot contain duplicates.")
    for row in rows:
        if row:
            padded = row + [""] * (len(header) - len(row))
            yield dict(zip(header, padded, strict=False))


def _inventory(body: bytes, config: Mapping[str, Any], s3: Any) -> Iterator[dict[str, str]]:
    """The rows of all files that the manifest.json of an S3 inventory names."""
    del config
    manifest = json.loads(body)
    if manifest.get("fileFormat") != "CSV":
        raise reader_failed(f"inventories must be CSV, got {manifest.get('fileFormat')}")
    bucket = manifest["destinationBucket"].rpartition(":")[2]
    header = [name.strip() for name in manifest["fileSchema"].split(",")]
    for file in manifest["files"]:
        content = gzip.decompress(s3.get_object(Bucket=bucket, Key=file["key"])["Body"].read())
        yield from _rows(header, csv.reader(io.StringIO(content.decode(), newline="")))


_PARSERS = {"JSON": _json, "JSONL": _json_lines, "CSV": _csv, "MANIFEST": _inventory}
