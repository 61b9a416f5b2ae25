"""Filters what is sent, and joins answers with the records they belong to.

See https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local_aws.transform.batching import NEWLINE, Batch, Unit
from local_aws.transform.errors import ClientFault
from local_aws.transform.jsonpath import JsonPath, JsonPathError
from local_aws.transform.split import Record

OUTPUT_KEY = "SageMakerOutput"
INPUT_KEY = "SageMakerInput"
CSV = "text/csv"
JSON_TYPES = ("application/json", "application/jsonlines")


def media_type(value: str | None) -> str:
    """A content type without parameters, in lower case; empty if there is none."""
    return (value or "").partition(";")[0].strip().lower()


@dataclass(frozen=True, kw_only=True)
class DataProcessing:
    """``DataProcessing`` of a job, ready to run.

    Attributes:
        input_filter: selects what of a record is sent.
        output_filter: selects what of an answer, or of a joined record, is written.
        join: whether records are joined with their answers (JoinSource=Input).
        is_csv: whether records are CSV rows; else they are JSON values.
        by_line: whether records are lines (SplitType=Line); else a whole object is one record.
    """

    input_filter: JsonPath
    output_filter: JsonPath
    join: bool
    is_csv: bool
    by_line: bool

    def unit(self, record: Record, *, framed: bool) -> Unit:
        """A record as it is sent: whole, or what the input filter selects of it."""
        original = record.payload.removesuffix(b"\r") if self.by_line else record.payload
        if self.input_filter.is_root:
            sent = record.framed if framed else record.payload
        else:
            value = self._parse(original, "input")
            selected = self._selected(self.input_filter, value, "InputFilter")
            # The separator belongs to the record whenever another one can follow it.
            sent = self._render(selected) + (NEWLINE if self.by_line and framed else b"")
        return Unit(sent=sent, original=original if self.join else b"")

    @property
    def changes_output(self) -> bool:
        """Whether an answer has to be read before it is written."""
        return self.join or not self.output_filter.is_root

    def output(self, batch: Batch, answer: bytes) -> bytes:
        """What a batch's answer becomes in the output, one line per record when split by line.

        Raises:
            ClientFault: the answer cannot be read as the output type, has another number of lines
                than the batch has records, or the output filter finds nothing in it.
        """
        if not self.by_line:
            original = batch.originals[0] if self.join else b""
            return self._joined(original, answer)
        lines = answer.removesuffix(NEWLINE).split(NEWLINE)
        if not self.join:
            return NEWLINE.join(self._joined(b"", line.removesuffix(b"\r")) for line in lines)
        if len(lines) != len(batch.originals):
            raise ClientFault(
                "Fail to join data: mismatched line count between the input and the output "
                f"({len(batch.originals)} and {len(lines)})"
            )
        return NEWLINE.join(self._pairs(batch.originals, lines))

    def _pairs(self, originals: tuple[bytes, ...], lines: list[bytes]) -> Iterator[bytes]:
        for original, line in zip(originals, lines, strict=True):
            yield self._joined(original, line.removesuffix(b"\r"))

    def _joined(self, original: bytes, answer: bytes) -> bytes:
        value = self._parse(answer, "output")
        if self.join:
            source = self._parse(original, "input")
            if self.is_csv:
                value = [*source, *value]
            elif isinstance(source, dict):
                value = {**source, OUTPUT_KEY: value}
            else:
                value = {INPUT_KEY: source, OUTPUT_KEY: value}
        return self._render(self._selected(self.output_filter, value, "OutputFilter"))

    def _selected(self, path: JsonPath, value: Any, name: str) -> Any:
        try:
            return path.select(value)
        except JsonPathError as error:
            raise ClientFault(f"{name} {path.expression} cannot be applied: {error}") from error

    def _parse(self, data: bytes, which: str) -> Any:
        kind = "CSV" if self.is_csv else "JSON"
        source = "input" if which == "input" else "output from the algorithm"
        try:
            text = data.decode()
            return _csv_row(text) if self.is_csv else json.loads(text)
        except (ValueError, csv.Error) as error:
            raise ClientFault(f"Failed to parse {source} as {kind}: {error}") from error

    def _render(self, value: Any) -> bytes:
        if not self.is_csv:
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
        row = value if isinstance(value, list) else [value]
        out = io.StringIO()
        csv.writer(out, lineterminator="").writerow(row)
        return out.getvalue().encode()


def _csv_row(text: str) -> list[str]:
    rows = list(csv.reader([text], strict=True))
    return rows[0] if rows else []
