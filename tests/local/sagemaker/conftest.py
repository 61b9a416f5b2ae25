"""A tiny model with a handler of its own, and the calls that host it."""

from __future__ import annotations

import io
import json
import socket
import tarfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xgboost
from typer.testing import CliRunner

# Answers CSV with the prediction of each row, tagged with the version that the artifact carries.
HANDLER = """
import json, os, time
from pathlib import Path
from flask import request
from werkzeug.wrappers import Response

def model_fn(model_dir):
    return Path(model_dir) / "xgboost-model"

def input_fn(body, content_type):
    if content_type == "application/x-command":
        return json.loads(body)
    return [[float(v) for v in row.split(",")] for row in body.strip().split("\\n")]

def predict_fn(data, model):
    if not isinstance(data, dict):
        # Only here: importing XGBoost takes most of a second, and most tests predict nothing.
        import numpy, xgboost
        return xgboost.Booster(model_file=model).predict(xgboost.DMatrix(numpy.array(data)))
    time.sleep(data.get("sleep", 0))
    if data["do"] == "exit":
        os._exit(3)
    if data["do"] == "raise":
        raise ValueError("the secret reason")
    if data["do"] == "refuse":
        return Response("no such row", status=400, mimetype="text/plain")
    if data["do"] == "pid":
        return Response(str(os.getppid()), mimetype="text/plain")
    if data["do"] == "environ":
        return Response(json.dumps(dict(os.environ)), mimetype="application/json")
    if data["do"] == "attributes":
        name = "X-Amzn-SageMaker-Custom-Attributes"
        return Response("", headers={name: request.headers[name] + "; version=" + VERSION})
    return Response(VERSION, mimetype="text/plain")

def output_fn(prediction, accept):
    if isinstance(prediction, Response):
        return prediction
    return "\\n".join(str(value) for value in prediction) + "\\n", "text/csv"
"""

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
ENVIRONMENT = {
    "SAGEMAKER_PROGRAM": "inference.py",
    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}

LOGS = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": "*",
}


# What an instance does with the role beside reading its model and writing its log.
INSTANCE = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetAuthorizationToken",
    "ecr:GetDownloadUrlForLayer",
    "cloudwatch:PutMetricData",
)


def read_models(bucket: str) -> dict[str, Any]:
    """The statement that lets a role read artifacts."""
    return {
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    }


@pytest.fixture(scope="session")
def unused_port() -> Callable[[], int]:
    """Gives TCP ports on loopback that nobody listens on."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            return port

    return find


@dataclass(frozen=True)
class TinyModel:
    """A trained booster, some rows, and what XGBoost itself predicts for them."""

    file: bytes
    rows: np.ndarray
    expected: np.ndarray

    @property
    def csv(self) -> bytes:
        """The rows without a header."""
        return "\n".join(",".join(repr(float(v)) for v in row) for row in self.rows).encode()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    """Five trees on 200 random rows of four features."""
    generator = np.random.default_rng(7)
    rows = generator.normal(size=(200, 4))
    labels = (rows[:, 0] + rows[:, 1] * rows[:, 2] > 0).astype(int)
    booster = xgboost.train(
        {"objective": "binary:logistic", "max_depth": 3},
        xgboost.DMatrix(rows, label=labels),
        num_boost_round=5,
    )
    path = tmp_path_factory.mktemp("tiny-model") / "model.ubj"
    booster.save_model(path)
    few = rows[:7]
    return TinyModel(path.read_bytes(), few, booster.predict(xgboost.DMatrix(few)))


def archive(members: dict[str, bytes]) -> bytes:
    """A ``tar.gz`` archive with these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@dataclass
class Hosting:
    """Makes models, configs and endpoints with short names, and removes them again."""

    _connect: Callable[..., Any]
    model: TinyModel
    prefix: str
    bucket: str
    role: str = ""
    _endpoints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connect = cache(self._connect)
        self.api = self.connect("sagemaker")
        self.runtime = self.connect("sagemaker-runtime")
        self.s3 = self.connect("s3")

    def connect_as(self, credentials: dict[str, str], service: str) -> Any:
        """A client with other credentials."""
        return self._connect(service, **credentials)

    def create_role(
        self, name: str, *statements: dict[str, Any], instance: Sequence[str] = INSTANCE
    ) -> str:
        """Create a role that SageMaker may assume, with two managed policies; its ARN.

        Args:
            name: without this module's prefix; the first policy's as well.
            statements: of the first policy.
            instance: the actions of the second one, which instances need.
        """
        iam = self.connect("iam")
        full = f"{self.prefix}-{name}"
        role: str = iam.create_role(RoleName=full, AssumeRolePolicyDocument=json.dumps(TRUST))[
            "Role"
        ]["Arn"]
        own = {"Effect": "Allow", "Action": list(instance), "Resource": "*"}
        for policy, found in ((full, statements), (f"{full}-instance", (own,))):
            document = {"Version": "2012-10-17", "Statement": found}
            made = iam.create_policy(PolicyName=policy, PolicyDocument=json.dumps(document))
            iam.attach_role_policy(RoleName=full, PolicyArn=made["Policy"]["Arn"])
        return role

    def handler(self, version: str, source: str = HANDLER) -> bytes:
        """A handler that knows its version."""
        return f"VERSION = {version!r}\n{source}".encode()

    def code(self, version: str) -> str:
        """Put a handler into S3 by itself, packed; its key."""
        key = f"{self.prefix}/{version}/sourcedir.tar.gz"
        packed = archive({"inference.py": self.handler(version)})
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=packed)
        return key

    def artifact(self, version: str, handler: str = HANDLER) -> str:
        """Put an artifact into S3; its URI."""
        members = {
            "xgboost-model": self.model.file,
            "code/inference.py": self.handler(version, handler),
        }
        key = f"{self.prefix}/{version}/model.tar.gz"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=archive(members))
        return f"s3://{self.bucket}/{key}"

    def create_model(self, name: str, url: str | None = None, **options: Any) -> str:
        """Create a model; its full name."""
        full = f"{self.prefix}-{name}"
        environment = {**ENVIRONMENT, **options.pop("environment", {})}
        self.api.create_model(
            **{
                "ModelName": full,
                "ExecutionRoleArn": self.role,
                "PrimaryContainer": {
                    "Image": IMAGE,
                    "ModelDataUrl": url or self.artifact(name),
                    "Environment": {k: v for k, v in environment.items() if v is not None},
                },
                **options,
            }
        )
        return full

    def create_config(self, name: str, *variants: dict[str, Any], **options: Any) -> str:
        """Create an endpoint config of one instance of each variant; its full name.

        What is None in a variant is left out of it.
        """
        full = f"{self.prefix}-{name}"
        defaults = {
            "VariantName": "AllTraffic",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
            "InitialVariantWeight": 1.0,
        }
        self.api.create_endpoint_config(
            EndpointConfigName=full,
            ProductionVariants=[
                {name: value for name, value in (defaults | variant).items() if value is not None}
                for variant in variants
            ],
            **options,
        )
        return full

    def create_endpoint(self, name: str, config: str, *, wait: str | None = "InService") -> str:
        """Create an endpoint and wait for a status; its full name."""
        full = f"{self.prefix}-{name}"
        self.api.create_endpoint(EndpointName=full, EndpointConfigName=config)
        self._endpoints.append(full)
        if wait is not None:
            self.wait(full, wait)
        return full

    def serve(self, name: str, **variant: Any) -> str:
        """An endpoint in service with one variant; its full name."""
        model = self.create_model(name)
        return self.create_endpoint(name, self.create_config(name, {"ModelName": model, **variant}))

    def wait(self, endpoint: str, status: str, *, seconds: float = 120) -> dict[str, Any]:
        """Wait until an endpoint is at rest, which has to be in ``status``."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found: dict[str, Any] = self.api.describe_endpoint(EndpointName=endpoint)
            if not found["EndpointStatus"].endswith(("ing", "Back")):
                assert found["EndpointStatus"] == status, found.get("FailureReason")
                return found
            time.sleep(0.05)
        raise AssertionError(f"{endpoint} is still {found['EndpointStatus']}")

    def command(self, endpoint: str, do: str, **options: Any) -> Any:
        """Have the handler do something."""
        sleep = options.pop("sleep", 0)
        return self.runtime.invoke_endpoint(
            EndpointName=endpoint,
            ContentType="application/x-command",
            Body=json.dumps({"do": do, "sleep": sleep}),
            **options,
        )

    def version(self, endpoint: str, **options: Any) -> str:
        """The version of the artifact that answers."""
        answer: bytes = self.command(endpoint, "version", **options)["Body"].read()
        return answer.decode()

    def remove(self, endpoint: str, *, seconds: float = 90) -> None:
        """Delete an endpoint and wait until it is gone."""
        self.api.delete_endpoint(EndpointName=endpoint)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            listed = self.api.list_endpoints(NameContains=endpoint)["Endpoints"]
            if endpoint not in {found["EndpointName"] for found in listed}:
                return
            time.sleep(0.05)
        raise AssertionError(f"{endpoint} is still there")

    def clean(self) -> None:
        """Delete all endpoints that are left."""
        listed = {found["EndpointName"] for found in self.api.list_endpoints()["Endpoints"]}
        for endpoint in listed & set(self._endpoints):
            self.remove(endpoint)


@pytest.fixture(scope="session")
def hosting_on(tiny_model: TinyModel) -> Callable[[Callable[..., Any], str], Hosting]:
    """Makes a bucket, a role that may read it and write logs, and the calls of `Hosting`."""

    def make(connect: Callable[..., Any], prefix: str) -> Hosting:
        made = Hosting(connect, tiny_model, prefix, f"{prefix}-models")
        made.s3.create_bucket(Bucket=made.bucket)
        made.role = made.create_role("execution", LOGS, read_models(made.bucket))
        return made

    return make


@pytest.fixture(scope="module")
def hosting(
    local_aws: Any,
    hosting_on: Callable[[Callable[..., Any], str], Hosting],
    request: pytest.FixtureRequest,
) -> Iterator[Hosting]:
    """`Hosting` on the session's local AWS, with names that begin as the test module's."""
    prefix = Path(request.module.__file__).stem.removeprefix("test_").replace("_", "-")
    made = hosting_on(local_aws.client, prefix)
    yield made
    made.clean()


class Traffic:
    """What clients that never pause got."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []


@pytest.fixture
def traffic(hosting: Hosting) -> Callable[..., AbstractContextManager[Traffic]]:
    """Sends requests to an endpoint all the while, without retries."""

    @contextmanager
    def send(endpoint: str, *, clients: int = 2) -> Iterator[Traffic]:
        got = Traffic()
        stop = threading.Event()

        def ask() -> None:
            while not stop.is_set():
                try:
                    got.answers[hosting.version(endpoint)] += 1
                except Exception as error:
                    got.failures.append(repr(error))
                time.sleep(0.01)

        threads = [threading.Thread(target=ask) for _ in range(clients)]
        for thread in threads:
            thread.start()
        try:
            yield got
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    return send


@pytest.fixture
def limit_capacity(local_aws: Any) -> Iterator[Callable[[str, int | None], None]]:
    """Says how many instances of a type there are to be had; None is as many as one likes."""
    limited: set[str] = set()

    def limit(instance_type: str, count: int | None) -> None:
        limited.add(instance_type)
        request = urllib.request.Request(
            f"{local_aws.url}/_local-aws/capacity/{instance_type}",
            method="DELETE" if count is None else "PUT",
            data=None if count is None else json.dumps({"Instances": count}).encode(),
        )
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200

    yield limit
    for instance_type in limited:
        limit(instance_type, None)


@pytest.fixture
def set_quota(local_aws: Any) -> Iterator[Callable[[str, float | None], None]]:
    """Sets a quota by its name; None gives it its default again, as the end of the test does."""
    changed: set[str] = set()

    def put(name: str, value: float | None) -> None:
        request = urllib.request.Request(
            f"{local_aws.url}/_local-aws/quotas",
            method="PUT",
            data=json.dumps({"QuotaName": name, "Value": value}).encode(),
        )
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
        changed.add(name)

    yield put
    for name in changed:
        put(name, None)


@pytest.fixture
def run_on(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Callable[..., SimpleNamespace]]:
    """Makes what runs the command in this process against a local AWS."""
    from inference_ops.cli import app

    def make(aws: Any) -> Callable[..., SimpleNamespace]:
        for name, value in aws.env.items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)

        def run(*arguments: str, stdin: bytes | None = None) -> SimpleNamespace:
            done = CliRunner().invoke(app, list(arguments), input=stdin)
            parsed: Any = json.loads(done.stdout) if "--json" in arguments else None
            return SimpleNamespace(
                code=done.exit_code, out=done.stdout, err=done.stderr, json=parsed
            )

        return run

    return make


@pytest.fixture
def run(
    run_on: Callable[[Any], Callable[..., SimpleNamespace]], local_aws: Any
) -> Callable[..., SimpleNamespace]:
    """Runs the command against the session's local AWS."""
    return run_on(local_aws)
