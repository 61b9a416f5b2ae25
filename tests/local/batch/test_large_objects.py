"""An object of two gigabytes is verified in little memory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
ROW = b"0.123456,1.0,2.5,3.25," * 20 + b"1\n"
GIGABYTE = 1024**3
SCRIPT = """
import json
from pathlib import Path
from datetime import UTC, datetime
import boto3
from botocore.config import Config
from inference_constructs.functions.batch_checks.locations import Location
from inference_constructs.functions.batch_checks.records import Counting
from inference_constructs.functions.batch_steps.outputs import Outputs, Rules

s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
outputs = Outputs(s3, Location("large", "output/"), since=datetime(2000, 1, 1, tzinfo=UTC))
rules = Rules(inputs=Counting(quotes=True), outputs=Counting(quotes=True))
base = Location("large", "input/")
[found] = outputs.check(["a.csv"], source=base, base=base, rules=rules, read_bytes={"a.csv": 1})
# Not `ru_maxrss`, which begins with what the process had that started this one.
peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024
print(json.dumps({"fault": found.fault, "records": found.count.records, "peak": peak}))
"""


@pytest.mark.soak
def test_two_gigabytes_are_verified_under_256_megabytes(
    local_aws: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the report's own reader, in a process of its own whose memory is measured."""
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket="large")
    part = ROW * (64 * 1024**2 // len(ROW))
    parts = -(-2 * GIGABYTE // len(part))
    where = {"Bucket": "large", "Key": "input/a.csv"}
    upload = s3.create_multipart_upload(**where)["UploadId"]
    sent = [
        {
            "PartNumber": n,
            "ETag": s3.upload_part(**where, UploadId=upload, PartNumber=n, Body=part)["ETag"],
        }
        for n in range(1, parts + 1)
    ]
    s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": sent})
    records = parts * (len(part) // len(ROW))
    s3.put_object(Bucket="large", Key="output/a.csv.out", Body=b"0.5\n" * records)
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**local_aws.env, "PYTHONPATH": str(ROOT / "constructs")},
        capture_output=True,
        text=True,
        check=True,
        timeout=900,
    )
    seconds = time.monotonic() - began
    found = json.loads(ended.stdout)
    with capsys.disabled():
        print(
            f"\n{parts * len(part) / 1e6:.0f} MB, {records} records in {seconds:.0f} s: peak "
            f"{found['peak'] / 1e6:.0f} MB"
        )
    assert (found["fault"], found["records"]) == (None, records)
    assert parts * len(part) >= 2 * GIGABYTE
    assert found["peak"] < 256e6
