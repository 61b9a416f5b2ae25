"""Bytes in and bytes out, worked out by hand from AWS's documents.

[T]  https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
[P]  https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
[I]  https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformInput.html
[O]  https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformOutput.html
[D]  https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DataProcessing.html
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

LINE_CSV = {"ContentType": "text/csv", "SplitType": "Line"}
TO_LINE_CSV = {"Accept": "text/csv", "AssembleWith": "Line"}
LINE_JSON = {"ContentType": "application/jsonlines", "SplitType": "Line"}
TO_LINE_JSON = {"Accept": "application/jsonlines", "AssembleWith": "Line"}
WHOLE_JSON = {"ContentType": "application/json"}
TO_WHOLE_JSON = {"Accept": "application/json"}
ROWS = b"7,1,2\n8,3,4\n9,5,6\n"
# What the container is sent by the input filter $[1:] of ROWS, and what it makes of each request.
SUMS = {b"1,2\n3,4\n5,6\n": b"3\n7\n11\n"}


def record_io(payload: bytes, flag: int = 0) -> bytes:
    """One RecordIO record, or a part of one, as MXNet writes it."""
    header = struct.pack("<II", 0xCED7230A, flag << 29 | len(payload))
    return header + payload + bytes(-len(payload) % 4)


def tf_record(payload: bytes) -> bytes:
    """One TFRecord; its checksums are not looked at."""
    return struct.pack("<QI", len(payload), 1) + payload + struct.pack("<I", 2)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A job with one input object.

    Attributes:
        given: the input object.
        answers: what the container answers to each request that it must get, and to no other.
        expected: the output object.
    """

    given: bytes
    answers: dict[bytes, bytes]
    expected: bytes
    source: dict[str, str] = field(default_factory=dict)
    output: dict[str, str] = field(default_factory=dict)
    processing: dict[str, str] = field(default_factory=dict)
    strategy: str = "MultiRecord"
    payload: int = 6


CASES = {
    # [T] "If SplitType is set to None ... the entire input file in a single request."
    "whole object, one request": Case(
        given=b"a,b\nc,d", answers={b"a,b\nc,d": b"x"}, expected=b"x"
    ),
    "whole object with assembly by line ends with a newline": Case(
        given=b"a", answers={b"a": b"x"}, output={"AssembleWith": "Line"}, expected=b"x\n"
    ),
    # [I] "the maximum number of records in each request, up to the MaxPayloadInMB limit"
    "all lines fit in one request": Case(
        given=b"1\n2\n3\n", answers={b"1\n2\n3\n": b"a\nb\nc\n"}, expected=b"a\nb\nc\n",
        source={"SplitType": "Line"},
    ),
    # [I] "If the value of BatchStrategy is SingleRecord, ... individual records in each request."
    "a request per line": Case(
        given=b"1\n2\n3\n", answers={b"1": b"a", b"2": b"b", b"3": b"c"}, expected=b"abc",
        source={"SplitType": "Line"}, strategy="SingleRecord",
    ),
    # [O] "To add a newline character at the end of every transformed record, specify Line."
    "a request per line, assembled by line": Case(
        given=b"1\n2\n3\n", answers={b"1": b"a", b"2": b"b", b"3": b"c"}, expected=b"a\nb\nc\n",
        source={"SplitType": "Line"}, output={"AssembleWith": "Line"}, strategy="SingleRecord",
    ),
    "assembly by line does not double a newline": Case(
        given=b"1\n2\n", answers={b"1": b"a\n", b"2": b"b\n"}, expected=b"a\nb\n",
        source={"SplitType": "Line"}, output={"AssembleWith": "Line"}, strategy="SingleRecord",
    ),
    "the last line may lack its newline": Case(
        given=b"1\n2", answers={b"1\n2": b"a\nb"}, expected=b"a\nb\n",
        source={"SplitType": "Line"}, output={"AssembleWith": "Line"},
    ),
    # [O] "To concatenate the results in binary format, specify None": what lacks a newline fuses.
    "answers without a final newline fuse when nothing assembles them": Case(
        given=b"1\n2\n", answers={b"1": b"0.1", b"2": b"0.2"}, expected=b"0.10.2",
        source={"SplitType": "Line"}, strategy="SingleRecord",
    ),
    "an empty line is a record": Case(
        given=b"1\n\n3\n", answers={b"1": b"a", b"": b"-", b"3": b"c"}, expected=b"a\n-\nc\n",
        source={"SplitType": "Line"}, output={"AssembleWith": "Line"}, strategy="SingleRecord",
    ),
    "lines that end in CRLF stay as they are": Case(
        given=b"1\r\n2\r\n", answers={b"1\r\n2\r\n": b"a\nb\n"}, expected=b"a\nb\n",
        source={"SplitType": "Line"},
    ),
    "an empty object has no lines": Case(
        given=b"", answers={}, expected=b"", source={"SplitType": "Line"}
    ),
    # [I] CompressionType: "Amazon SageMaker automatically decompresses the data"
    "gzip is decompressed before it is split": Case(
        given=gzip.compress(b"1\n2\n"), answers={b"1": b"a", b"2": b"b"}, expected=b"a\nb\n",
        source={"SplitType": "Line", "CompressionType": "Gzip"}, output={"AssembleWith": "Line"},
        strategy="SingleRecord",
    ),
    # [I] "padding is removed if the value of BatchStrategy is set to SingleRecord"
    "RecordIO record by record is sent bare": Case(
        given=record_io(b"abc") + record_io(b"defg"), answers={b"abc": b"x", b"defg": b"y"},
        expected=b"xy", source={"SplitType": "RecordIO"}, strategy="SingleRecord",
    ),
    # [I] "Padding is not removed if the value of BatchStrategy is set to MultiRecord."
    "several RecordIO records are sent as they stand": Case(
        given=record_io(b"abc") + record_io(b"defg"),
        answers={record_io(b"abc") + record_io(b"defg"): b"xy"}, expected=b"xy",
        source={"SplitType": "RecordIO"},
    ),
    # MXNet cuts a record where it contains the magic number, and leaves that out: flags 1 and 3.
    "a RecordIO record in two parts is put together again": Case(
        given=record_io(b"ab", flag=1) + record_io(b"cd", flag=3) + record_io(b"e"),
        answers={b"ab\x0a\x23\xd7\xcecd": b"x", b"e": b"y"}, expected=b"xy",
        source={"SplitType": "RecordIO"}, strategy="SingleRecord",
    ),
    "TFRecord record by record is sent bare": Case(
        given=tf_record(b"abc") + tf_record(b""), answers={b"abc": b"x", b"": b"y"},
        expected=b"xy", source={"SplitType": "TFRecord"}, strategy="SingleRecord",
    ),
    "several TFRecords are sent as they stand": Case(
        given=tf_record(b"abc") + tf_record(b"d"),
        answers={tf_record(b"abc") + tf_record(b"d"): b"xy"}, expected=b"xy",
        source={"SplitType": "TFRecord"},
    ),
    # [P] "To exclude the first column from the input, set InputFilter to $[1:]"
    "an input filter leaves the id out": Case(
        given=ROWS, answers=SUMS, expected=b"3\n7\n11\n", source=LINE_CSV, output=TO_LINE_CSV,
        processing={"InputFilter": "$[1:]"},
    ),
    # [P] "if the record is [1,2,3], and the label result is [1], then ... [1,2,3,1]"
    "CSV rows are joined with their predictions": Case(
        given=b"1,2,3\n", answers={b"1,2,3\n": b"1\n"}, expected=b"1,2,3,1\n", source=LINE_CSV,
        output=TO_LINE_CSV, processing={"JoinSource": "Input"},
    ),
    "the join takes the whole record, also what the input filter left out": Case(
        given=ROWS, answers=SUMS, expected=b"7,1,2,3\n8,3,4,7\n9,5,6,11\n", source=LINE_CSV,
        output=TO_LINE_CSV, processing={"InputFilter": "$[1:]", "JoinSource": "Input"},
    ),
    # [P] "A -1 index refers to the last element in an array."
    "an output filter keeps id and prediction": Case(
        given=ROWS, answers=SUMS, expected=b"7,3\n8,7\n9,11\n", source=LINE_CSV,
        output=TO_LINE_CSV,
        processing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
    ),
    # [D] "$[0,5:]": an index and a slice in one expression
    "an output filter of an index and a slice": Case(
        given=ROWS, answers=SUMS, expected=b"7,2,3\n8,4,7\n9,6,11\n", source=LINE_CSV,
        output=TO_LINE_CSV,
        processing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,2:]"},
    ),
    "an output filter without a join selects from the answer": Case(
        given=b"1\n2\n", answers={b"1\n2\n": b"0.1,0.9\n0.8,0.2\n"}, expected=b"0.9\n0.2\n",
        source=LINE_CSV, output=TO_LINE_CSV, processing={"OutputFilter": "$[1]"},
    ),
    # [P] "CSV data should also follow RFC format", RFC 4180, 2.6: fields with commas are quoted
    "quoted fields are fields": Case(
        given=b'"x, y",1\n', answers={b"1\n": b"5\n"}, expected=b'"x, y",1,5\n', source=LINE_CSV,
        output=TO_LINE_CSV, processing={"InputFilter": "$[1:]", "JoinSource": "Input"},
    ),
    "a joined row of a CRLF file ends in a newline only": Case(
        given=b"1,2\r\n3,4\r\n", answers={b"1,2\r\n3,4\r\n": b"a\r\nb\r\n"},
        expected=b"1,2,a\n3,4,b\n", source=LINE_CSV, output=TO_LINE_CSV,
        processing={"JoinSource": "Input"},
    ),
    "record by record, joined": Case(
        given=b"1,2\n3,4\n", answers={b"2": b"a\n", b"4": b"b"}, expected=b"1,2,a\n3,4,b\n",
        source=LINE_CSV, output=TO_LINE_CSV, strategy="SingleRecord",
        processing={"InputFilter": "$[1]", "JoinSource": "Input"},
    ),
    # [P] the example {"key":1} with the result {"label":1}
    "a JSON object gets its prediction as SageMakerOutput": Case(
        given=b'{"key":1}', answers={b'{"key":1}': b'{"label":1}'}, source=WHOLE_JSON,
        output=TO_WHOLE_JSON, processing={"JoinSource": "Input"},
        expected=b'{"key":1,"SageMakerOutput":{"label":1}}',
    ),
    # [P] "If the input isn't a key-value pair object, ... SageMakerInput ... SageMakerOutput"
    "what is no JSON object becomes SageMakerInput": Case(
        given=b"[1,2]", answers={b"[1,2]": b"[0.5]"}, source=WHOLE_JSON, output=TO_WHOLE_JSON,
        processing={"JoinSource": "Input"},
        expected=b'{"SageMakerInput":[1,2],"SageMakerOutput":[0.5]}',
    ),
    # [P] input_filter="$.features", output_filter="$['id','SageMakerOutput']"
    "JSON lines: features in, id and prediction out": Case(
        given=b'{"id":1,"features":[1,2]}\n{"id":2,"features":[3,4]}\n',
        answers={b"[1,2]\n[3,4]\n": b'{"p":3}\n{"p":7}\n'}, source=LINE_JSON, output=TO_LINE_JSON,
        processing={
            "InputFilter": "$.features",
            "JoinSource": "Input",
            "OutputFilter": "$['id','SageMakerOutput']",
        },
        expected=b'{"id":1,"SageMakerOutput":{"p":3}}\n{"id":2,"SageMakerOutput":{"p":7}}\n',
    ),
    # [P] "If it does, the data in the input file might be overwritten."
    "an attribute SageMakerOutput of the input is overwritten": Case(
        given=b'{"SageMakerOutput":0}', answers={b'{"SageMakerOutput":0}': b"1"},
        source=WHOLE_JSON, output=TO_WHOLE_JSON, processing={"JoinSource": "Input"},
        expected=b'{"SageMakerOutput":1}',
    ),
    # [P] "$.id.*"
    "a wildcard selects all values": Case(
        given=b'{"id":{"a":1,"b":2}}\n', answers={b"[1,2]\n": b"3\n"}, source=LINE_JSON,
        output=TO_LINE_JSON, processing={"InputFilter": "$.id.*"}, expected=b"3\n",
    ),
    "non-ASCII text stays as it is": Case(
        given='{"name":"Zoë"}\n'.encode(), answers={'"Zoë"\n'.encode(): b"1\n"}, source=LINE_JSON,
        output=TO_LINE_JSON, processing={"InputFilter": "$.name", "JoinSource": "Input"},
        expected='{"name":"Zoë","SageMakerOutput":1}\n'.encode(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_output_is_what_the_documents_say(transform: Callable[..., Any], case: Case) -> None:
    """Each documented combination gives its bytes, and sends the container nothing else."""
    outcome = transform(
        case.given,
        lambda body: case.answers[body],
        source=case.source,
        output=case.output,
        DataProcessing=case.processing,
        BatchStrategy=case.strategy,
        MaxPayloadInMB=case.payload,
    )
    assert outcome.errors == []
    assert outcome.written == {"results/data.csv.out": case.expected}
    assert sorted(outcome.container.requests) == sorted(case.answers)
