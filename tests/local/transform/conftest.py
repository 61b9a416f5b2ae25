"""Transform jobs: their pure part with a function as the container, and whole ones over the API."""

from __future__ import annotations

import io
import itertools
import json
import queue
import tarfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local_aws.transform.runner import Failures, Target, Worker
from local_aws.transform.settings import settings
from local_aws.transform.source import Source

Handler = Callable[[bytes], bytes]


@dataclass
class Container:
    """A container whose answer is computed by ``handler``; remembers what it was sent."""

    handler: Callable[[bytes], Any]
    alive: bool = True
    requests: list[bytes] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    def invoke(self, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Any:
        """Answer one request; a handler may return an answer or just its body."""
        del timeout
        self.requests.append(body)
        self.headers.append(headers)
        answer = self.handler(body)
        return answer if isinstance(answer, Reply) else Reply(body=answer)


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    body: bytes
    status: int = 200


class MemoryS3:
    """Objects in memory, behind the two S3 calls that a runner makes."""

    def __init__(self, objects: Mapping[str, bytes]) -> None:
        self.objects = dict(objects)
        self.written: dict[str, bytes] = {}
        self.arguments: dict[str, Any] = {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        """The object's body."""
        del Bucket
        return {"Body": io.BytesIO(self.objects[Key])}

    def upload_fileobj(
        self, file: Any, bucket: str, key: str, *, ExtraArgs: Any, Config: Any
    ) -> None:
        """Keep what is written."""
        del bucket, Config
        self.written[key] = file.read()
        self.arguments[key] = ExtraArgs


@dataclass
class Outcome:
    """What a run left behind."""

    container: Container
    s3: MemoryS3
    failures: Failures

    @property
    def written(self) -> dict[str, bytes]:
        """Output objects by key."""
        return self.s3.written

    @property
    def errors(self) -> list[str]:
        """The messages of the files that failed."""
        return [str(error) for _, error in self.failures.found]


@pytest.fixture
def transform(tmp_path: Path) -> Callable[..., Outcome]:
    """Transform objects with a job's settings, against a function."""

    def run(
        objects: Mapping[str, bytes] | bytes,
        handler: Callable[[bytes], Any],
        execution_parameters: Mapping[str, Any] | None = None,
        **request: Any,
    ) -> Outcome:
        given = {"data.csv": objects} if isinstance(objects, bytes) else dict(objects)
        s3 = MemoryS3(given)
        container = Container(handler)
        chosen = settings(
            {
                "TransformInput": request.pop("source", {}),
                "TransformOutput": request.pop("output", {}),
                **request,
            },
            execution_parameters,
        )
        target = Target(s3=s3, bucket="out", prefix="results", encryption={})
        worker = Worker(container, chosen, target, tmp_path)
        files: queue.SimpleQueue[Source] = queue.SimpleQueue()
        for key in given:
            files.put(Source(bucket="in", key=key, relative=key))
        failures = Failures()
        worker.run(files, failures)
        return Outcome(container, s3, failures)

    return run


@pytest.fixture
def reply() -> type[Reply]:
    """An answer with a status of its own."""
    return Reply


HANDLER = """
import time
from pathlib import Path
from werkzeug.wrappers import Response

def model_fn(directory):
    return "sum"

def input_fn(body, content_type):
    return body if isinstance(body, str) else bytes(body).decode()

def predict_fn(text, model):
    rows = text.splitlines()
    if "refuse" in rows:
        return Response("no such row", status=400, mimetype="text/plain")
    if "raise" in rows:
        raise ValueError("a secret")
    if "sleep" in rows:
        print("sleeping", flush=True)
        time.sleep(60)
    return [sum(float(field) for field in row.split(",")) for row in rows]

def output_fn(sums, accept):
    if isinstance(sums, Response):
        return sums
    return "".join(f"{value}\\n" for value in sums), "text/csv"
"""
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
CONTAINER = {
    "SAGEMAKER_PROGRAM": "inference.py",
    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
}
LOG_GROUP = "/aws/sagemaker/TransformJobs"
SECONDS = 60
_numbers = itertools.count(1)


class Lab:
    """One test's bucket folder, model and job.

    The model adds up each row; the rows ``refuse``, ``raise`` and ``sleep`` do what they say.
    """

    def __init__(self, local_aws: Any, make_role: Any, bucket: str) -> None:
        self._make_role = make_role
        self._local_aws = local_aws
        self.prefix = f"test-{next(_numbers)}"
        self.job = self.prefix
        self.bucket = bucket
        self.s3, self.sagemaker = local_aws.client("s3"), local_aws.client("sagemaker")
        self.logs = local_aws.client("logs")
        self.model = self.model_of()

    def put(self, key: str, body: bytes) -> None:
        """Put an object into this test's folder."""
        self.s3.put_object(Bucket=self.bucket, Key=self._key(key), Body=body)

    def model_of(
        self, handler: str = HANDLER, actions: tuple[str, ...] = ("s3:*", "logs:*", "ecr:*")
    ) -> str:
        """A model with a handler and a role of its own; its name."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for name, content in (("xgboost-model", b""), ("code/inference.py", handler.encode())):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        name = f"{self.prefix}-{next(_numbers)}"
        key = f"models/{name}.tar.gz"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=buffer.getvalue())
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=self._make_role("sagemaker.amazonaws.com", *actions),
            PrimaryContainer={
                "Image": IMAGE,
                "ModelDataUrl": f"s3://{self.bucket}/{key}",
                "Environment": CONTAINER,
            },
        )
        return name

    def change_role(self, model: str, service: str, actions: tuple[str, ...]) -> None:
        """Let the role of a model be assumed by ``service`` and do ``actions`` only."""
        arn = self.sagemaker.describe_model(ModelName=model)["ExecutionRoleArn"]
        name = arn.rpartition("/")[2]
        iam = self._local_aws.client("iam")
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        iam.put_role_policy(
            RoleName=name,
            PolicyName="own",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )
        iam.update_assume_role_policy(
            RoleName=name,
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )

    def request(self, prefix: str, kind: str = "S3Prefix", **changes: Any) -> dict[str, Any]:
        """CreateTransformJob's parameters for a CSV job of this test."""
        uri = f"s3://{self.bucket}/{self._key(prefix)}"
        compression = changes.pop("CompressionType", "None")
        return {
            "TransformJobName": self.job,
            "ModelName": self.model,
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": kind, "S3Uri": uri}},
                "ContentType": "text/csv",
                "SplitType": "Line",
                "CompressionType": compression,
            },
            "TransformOutput": {
                "S3OutputPath": f"s3://{self.bucket}/{self._key('out')}",
                "Accept": "text/csv",
                "AssembleWith": "Line",
            },
            "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
            **changes,
        }

    def create(self, prefix: str, **changes: Any) -> str:
        """Start the job; its ARN."""
        made = self.sagemaker.create_transform_job(**self.request(prefix, **changes))
        arn: str = made["TransformJobArn"]
        return arn

    def run(self, prefix: str, **changes: Any) -> dict[str, Any]:
        """Start the job and wait for its end; its description."""
        self.create(prefix, **changes)
        return self.wait()

    def describe(self) -> dict[str, Any]:
        """The job's description."""
        described: dict[str, Any] = self.sagemaker.describe_transform_job(TransformJobName=self.job)
        return described

    def wait(self) -> dict[str, Any]:
        """Wait until the job has ended."""
        ended = ("Completed", "Failed", "Stopped")
        return eventually(self.describe, lambda found: found["TransformJobStatus"] in ended)

    def wait_for_request(self) -> None:
        """Wait until the container says that it is asleep over a row."""
        eventually(self._all_logs, lambda text: "sleeping" in text)

    def outputs(self) -> dict[str, bytes]:
        """Output objects by their key below the output path."""
        below = self._key("out/")
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=below).get("Contents", [])
        return {
            found["Key"].removeprefix(below): self.s3.get_object(
                Bucket=self.bucket, Key=found["Key"]
            )["Body"].read()
            for found in listed
        }

    def log_streams(self) -> list[str]:
        """The names of the job's log streams."""
        try:
            found = self.logs.describe_log_streams(
                logGroupName=LOG_GROUP, logStreamNamePrefix=f"{self.job}/"
            )
        except self.logs.exceptions.ResourceNotFoundException:
            return []
        return [stream["logStreamName"] for stream in found["logStreams"]]

    def data_log(self) -> str:
        """What happened to the files."""
        return self._text(name for name in self.log_streams() if name.endswith("/data-log"))

    def events(self, detail_type: str) -> Callable[[int], list[dict[str, Any]]]:
        """Listen to events about this test's job; gives a function that waits for so many."""
        sqs, rules = self._local_aws.client("sqs"), self._local_aws.client("events")
        url = sqs.create_queue(QueueName=self.prefix)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        pattern = {"detail-type": [detail_type], "detail": {"TransformJobName": [self.job]}}
        rules.put_rule(Name=self.prefix, EventPattern=json.dumps(pattern))
        rules.put_targets(Rule=self.prefix, Targets=[{"Id": "queue", "Arn": arn}])
        received: list[dict[str, Any]] = []

        def wait_for(count: int) -> list[dict[str, Any]]:
            def receive() -> int:
                answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
                received.extend(json.loads(m["Body"]) for m in answer.get("Messages", []))
                return len(received)

            eventually(receive, lambda number: number >= count)
            return received

        return wait_for

    def task(self, prefix: str, **fields: Any) -> dict[str, Any]:
        """A state that runs the job and waits for it."""
        return {
            "Type": "Task",
            "Resource": "arn:aws:states:::sagemaker:createTransformJob.sync",
            "Parameters": self.request(prefix),
            **fields,
        }

    def _key(self, key: str) -> str:
        return f"{self.prefix}/{key}"

    def _all_logs(self) -> str:
        return self._text(self.log_streams())

    def _text(self, streams: Iterable[str]) -> str:
        lines = [
            event["message"]
            for name in streams
            for event in self.logs.get_log_events(logGroupName=LOG_GROUP, logStreamName=name)[
                "events"
            ]
        ]
        return "\n".join(lines)


def eventually(look: Callable[[], Any], enough: Callable[[Any], bool]) -> Any:
    """Look until it is enough."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = look()
        if enough(found):
            return found
        time.sleep(0.1)
    raise AssertionError(f"still {look()!r} after {SECONDS} s")


@pytest.fixture(scope="session")
def transform_bucket(local_aws: Any) -> str:
    """A bucket for inputs, outputs and artifacts."""
    local_aws.client("s3").create_bucket(Bucket="transform-jobs")
    return "transform-jobs"


@pytest.fixture
def lab(local_aws: Any, make_role: Any, transform_bucket: str) -> Lab:
    """What a test of a transform job needs."""
    return Lab(local_aws, make_role, transform_bucket)


@dataclass
class Run:
    """An execution."""

    states: Any
    arn: str

    def wait(self) -> None:
        """Wait for its end."""
        eventually(self._describe, lambda found: found["status"] != "RUNNING")

    def _describe(self) -> dict[str, Any]:
        described: dict[str, Any] = self.states.describe_execution(executionArn=self.arn)
        return described

    def __getattr__(self, name: str) -> Any:
        return self._describe().get(name)

    @property
    def output(self) -> Any:
        """What it gave, parsed."""
        return json.loads(self._describe()["output"])

    def history(self) -> list[str]:
        """The types of its events."""
        events = self.states.get_execution_history(executionArn=self.arn)["events"]
        return [event["type"] for event in events]


@pytest.fixture
def machine(local_aws: Any, make_role: Any) -> Callable[..., Run]:
    """Runs a state machine of one task."""
    states = local_aws.client("stepfunctions")
    role = make_role("states.amazonaws.com", "sagemaker:*", "events:*")

    def run(task: dict[str, Any], *, catch: str | None = None, wait: bool = True) -> Run:
        state = {**task, "End": True}
        if catch is not None:
            state["Catch"] = [{"ErrorEquals": [catch], "Next": "Caught"}]
        made = states.create_state_machine(
            name=f"one-task-{next(_numbers)}",
            roleArn=role,
            definition=json.dumps(
                {"StartAt": "Job", "States": {"Job": state, "Caught": {"Type": "Succeed"}}}
            ),
        )
        begun = states.start_execution(stateMachineArn=made["stateMachineArn"])
        found = Run(states, begun["executionArn"])
        if wait:
            found.wait()
        return found

    return run
