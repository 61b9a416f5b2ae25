"""How fast a batch transform is, and how much memory it takes, on the local AWS.

Prints three tables: rows per second of a transform job with our handler, with the course
assignment's in the same runner, and of the bare prediction on an array that is ready, which is the
floor; the most memory that server and container had while jobs of growing input ran; and how long
many small files take. What is compared runs interleaved, round after round.

Usage: ``python benchmarks/batch.py [--rows N] [--rounds N] [--memory MB,MB] [--files N]``
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import boto3
import numpy as np
import psutil
import xgboost as xgb
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from demo.environment import free_port  # noqa: E402

MODEL = ROOT / "build" / "model"
HANDLERS = {
    "assignment": ROOT / "tests" / "local" / "clients" / "seed",
    "ours": ROOT / "model_code" / "serving",
}
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
BUCKET = "benchmark"
WORKERS = 2
MB = 1024 * 1024
_numbers = itertools.count(1)


class Aws:
    """A local AWS with a model for each handler.

    Attributes:
        pid: the server's process id.
        s3: its S3.
    """

    def __init__(self, url: str, pid: int) -> None:
        self._url = url
        self.pid = pid
        self.s3 = self._client("s3")
        self._sagemaker = self._client("sagemaker")
        self.s3.create_bucket(Bucket=BUCKET)
        self._role = self._make_role()
        for name, code in HANDLERS.items():
            self._make_model(name, code)

    def _client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=self._url,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(s3={"addressing_style": "path"}),
        )

    def _make_role(self) -> str:
        iam = self._client("iam")
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        allowed = {
            "Effect": "Allow",
            "Action": ["s3:*", "logs:*", "ecr:*", "cloudwatch:*"],
            "Resource": "*",
        }
        arn: str = iam.create_role(RoleName="job", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        iam.put_role_policy(
            RoleName="job",
            PolicyName="own",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
        )
        return arn

    def _make_model(self, name: str, code: Path) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            archive.add(MODEL / "xgboost-model", "xgboost-model")
            for path in sorted(code.glob("*.py")):
                archive.add(path, f"code/{path.name}")
        self.s3.put_object(Bucket=BUCKET, Key=f"models/{name}", Body=buffer.getvalue())
        self._sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=self._role,
            PrimaryContainer={
                "Image": IMAGE,
                "ModelDataUrl": f"s3://{BUCKET}/models/{name}",
                "Environment": {
                    "SAGEMAKER_PROGRAM": "inference.py",
                    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                    "SAGEMAKER_MODEL_SERVER_WORKERS": str(WORKERS),
                },
            },
        )

    def transform(self, model: str, prefix: str) -> float:
        """Run a job over a prefix; the seconds that the transform itself took."""
        name = f"job-{next(_numbers)}"
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{prefix}"}
        self._sagemaker.create_transform_job(
            TransformJobName=name,
            ModelName=model,
            MaxConcurrentTransforms=WORKERS,
            MaxPayloadInMB=6,
            BatchStrategy="MultiRecord",
            TransformInput={
                "DataSource": {"S3DataSource": source},
                "ContentType": "text/csv",
                "SplitType": "Line",
            },
            TransformOutput={
                "S3OutputPath": f"s3://{BUCKET}/out/{name}",
                "Accept": "text/csv",
                "AssembleWith": "Line",
            },
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )
        while True:
            found = self._sagemaker.describe_transform_job(TransformJobName=name)
            if found["TransformJobStatus"] in ("Failed", "Stopped"):
                raise SystemExit(f"{name}: {found.get('FailureReason')}")
            if found["TransformJobStatus"] == "Completed":
                taken = found["TransformEndTime"] - found["TransformStartTime"]
                seconds: float = taken.total_seconds()
                return seconds
            time.sleep(0.1)


@contextmanager
def local_aws() -> Iterator[Aws]:
    """A local AWS of this benchmark's own, ended afterwards."""
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "local_aws", "serve", "--port", str(port)]
        process = subprocess.Popen(
            [*command, "--state", f"{directory}/state"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout is not None
            if not any(line.startswith("local AWS ready") for line in process.stdout):
                raise SystemExit("the local AWS did not start")
            yield Aws(f"http://localhost:{port}", process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


class Usage:
    """Memory and processor time of the server, and of all its containers together, while it runs.

    Attributes:
        server: the server's most resident bytes.
        containers: its children's, summed.
        server_cpu: the server's processor seconds.
        container_cpu: its children's.
    """

    def __init__(self, pid: int) -> None:
        self._server = psutil.Process(pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.server = self.containers = 0
        self.server_cpu = 0.0
        self._cpu: dict[int, float] = {}

    @property
    def container_cpu(self) -> float:
        """Processor seconds of the server's children, their start included."""
        return sum(self._cpu.values())

    def __enter__(self) -> Usage:
        self._began = _cpu(self._server)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self.server_cpu = _cpu(self._server) - self._began

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            self.server = max(self.server, self._server.memory_info().rss)
            total = 0
            for child in self._server.children(recursive=True):
                try:
                    total += child.memory_info().rss
                    self._cpu[child.pid] = _cpu(child)
                except psutil.Error:
                    continue
            self.containers = max(self.containers, total)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _lines() -> list[str]:
    return (MODEL / "heldout.csv").read_text().splitlines()


def _upload(aws: Aws, key: str, rows: int) -> None:
    """An object of so many held-out rows, repeated."""
    lines = _lines()
    block = "\n".join(lines) + "\n"
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(rows // len(lines)):
            file.write(block.encode())
        file.write("".join(f"{line}\n" for line in lines[: rows % len(lines)]).encode())
        file.flush()
        aws.s3.upload_file(file.name, BUCKET, key, Config=TransferConfig(max_concurrency=2))


def _floor(rows: int) -> tuple[float, float]:
    """Seconds, by the clock and of processors, of the bare prediction on an array that is ready."""
    values = np.array([line.split(",") for line in _lines()], dtype=np.float32)
    ready = np.tile(values, (rows // len(values) + 1, 1))[:rows]
    booster = xgb.Booster(model_file=MODEL / "xgboost-model")
    booster.set_param({"nthread": WORKERS})
    start, cpu = time.perf_counter(), time.process_time()
    booster.inplace_predict(ready)
    return time.perf_counter() - start, time.process_time() - cpu


def speed(aws: Aws, rows: int, rounds: int) -> Table:
    """Rows per second: two handlers in one runner, and the floor."""
    _upload(aws, "speed/rows.csv", rows)
    names = ("floor", *HANDLERS)
    taken: dict[str, list[float]] = {name: [] for name in names}
    busy: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in HANDLERS:
            with Usage(aws.pid) as used:
                taken[name].append(aws.transform(name, "speed/"))
            busy[name].append((used.server_cpu, used.container_cpu))
        seconds, cpu = _floor(rows)
        taken["floor"].append(seconds)
        busy["floor"].append((0.0, cpu))
    table = Table(
        *("", "seconds", "rows/s", "times ours", "CPU s runner", "CPU s model", "CPU times ours"),
        title=f"{rows:,} x 30 CSV rows, medians of {rounds}",
    )
    medians = {name: statistics.median(times) for name, times in taken.items()}
    runner = {name: statistics.median(a for a, _ in used) for name, used in busy.items()}
    model = {name: statistics.median(b for _, b in used) for name, used in busy.items()}
    for name, seconds in medians.items():
        both = (runner[name] + model[name]) / (runner["ours"] + model["ours"])
        table.add_row(
            *(name, f"{seconds:.2f}", f"{rows / seconds:,.0f}"),
            *(f"{seconds / medians['ours']:.2f}", f"{runner[name]:.2f}", f"{model[name]:.2f}"),
            f"{both:.2f}",
        )
    return table


def memory(aws: Aws, sizes: list[int]) -> Table:
    """The most memory while one object of each size is transformed."""
    table = Table("input, MB", "server, MB", "containers, MB", "seconds", title="Resident memory")
    idle = psutil.Process(aws.pid).memory_info().rss
    table.add_row("0", f"{idle / MB:.0f}", "0", "")
    per_row = len("\n".join(_lines())) / len(_lines())
    for size in sizes:
        _upload(aws, f"memory/{size}/rows.csv", int(size * MB / per_row))
        with Usage(aws.pid) as seen:
            seconds = aws.transform("ours", f"memory/{size}/")
        table.add_row(
            f"{size:,}",
            f"{seen.server / MB:.0f}",
            f"{seen.containers / MB:.0f}",
            f"{seconds:.1f}",
        )
    return table


def many(aws: Aws, files: int) -> Table:
    """One job over so many files of ten rows, whose containers stay warm from file to file."""
    body = "".join(f"{line}\n" for line in _lines()[:10]).encode()
    for number in range(files):
        aws.s3.put_object(Bucket=BUCKET, Key=f"many/{number:05}.csv", Body=body)
    seconds = aws.transform("ours", "many/")
    table = Table("files", "seconds", "files/s", title="Files of ten rows, one job")
    table.add_row(f"{files:,}", f"{seconds:.1f}", f"{files / seconds:.0f}")
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--memory", default="64,256,1024", help="MB; default: %(default)s")
    parser.add_argument("--files", type=int, default=1000, help="default: %(default)s")
    arguments = parser.parse_args()
    console = Console()
    with local_aws() as aws:
        if arguments.files:
            console.print(many(aws, arguments.files))
        if arguments.rows:
            console.print(speed(aws, arguments.rows, arguments.rounds))
        if arguments.memory:
            console.print(memory(aws, [int(size) for size in arguments.memory.split(",")]))


if __name__ == "__main__":
    main()
