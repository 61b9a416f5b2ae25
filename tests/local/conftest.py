"""One local AWS for all tests below this folder."""

from __future__ import annotations

import io
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

if TYPE_CHECKING:
    from aws_cdk import Stack

    from inference_constructs import ModelArtifact

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 120
ECHO = b"""
def model_fn(model_dir):
    return None

def input_fn(body, content_type):
    return body

def predict_fn(data, model):
    return data

def output_fn(prediction, accept):
    return prediction, "text/csv"
"""

VERSIONED = """
def model_fn(model_dir):
    {start}

def input_fn(body, content_type):
    return body

def predict_fn(data, model):
    return {version!r}

def output_fn(prediction, accept):
    return prediction, "text/csv"
"""
ASSETS = "published-assets"


@dataclass(frozen=True)
class RunningLocalAws:
    """A local AWS in a process of its own, and how to talk to it."""

    url: str
    state: Path
    process: subprocess.Popen[str]
    said: tuple[str, ...]

    @property
    def env(self) -> dict[str, str]:
        """The environment of a client: the CDK CLI, an SDK."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CDK_"))}
        return kept | {
            "PATH": f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DISABLE_VERSION_CHECK": "true",
        }

    def client(self, service: str, **credentials: str) -> Any:
        """A boto3 client of the root user, or of the given credentials, without retries."""
        return boto3.session.Session().client(
            service,
            region_name="us-east-1",
            endpoint_url=self.url,
            **{"aws_access_key_id": "local", "aws_secret_access_key": "local", **credentials},
            config=Config(
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"},
                ignore_configured_endpoint_urls=True,
            ),
        )


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_local_aws(
    state: Path, *options: str, speed: float = 60, port: int | None = None
) -> RunningLocalAws:
    """Start a local AWS, with further options of its command line; return when it is ready."""
    port = free_port() if port is None else port
    log = state.parent / f"{state.name}.log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "local_aws", "serve", "--port", str(port)),
                *("--state", str(state), "--speed", str(speed), *options),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line.rstrip())
        if line.startswith("local AWS ready"):
            return RunningLocalAws(
                url=f"http://localhost:{port}", state=state, process=process, said=tuple(said)
            )
    raise AssertionError(f"the local AWS did not start:\n{log.read_text()}")


def stop_local_aws(running: RunningLocalAws) -> int:
    """Stop it as a user would, with SIGTERM; its exit code."""
    running.process.send_signal(signal.SIGTERM)
    try:
        return running.process.wait(timeout=60)
    finally:
        running.process.kill()


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLocalAws]:
    """A local AWS at 60 times the speed of AWS's waits, shared by all tests of the session."""
    running = start_local_aws(tmp_path_factory.mktemp("local-aws") / "state")
    yield running
    stop_local_aws(running)


@pytest.fixture(scope="session")
def make_role(local_aws: RunningLocalAws) -> Callable[..., str]:
    """Makes roles: the service that may assume it, and the actions that it may do; the ARN."""
    iam = local_aws.client("iam")
    numbers = itertools.count()

    def role(service: str, *actions: str, resource: str = "*") -> str:
        name = f"{service.partition('.')[0]}-{next(numbers)}"
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
            ],
        }
        policy = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": resource}],
        }
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))[
            "Role"
        ]["Arn"]
        if actions:
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
        return arn

    return role


@pytest.fixture(scope="session")
def make_echo_model(
    local_aws: RunningLocalAws, make_role: Callable[..., str]
) -> Callable[[str], None]:
    """Makes models that answer what they get, cheap enough to have several instances of."""
    s3, archive = local_aws.client("s3"), io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, content in (("xgboost-model", b"none"), ("code/inference.py", ECHO)):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    s3.create_bucket(Bucket="echo-models")
    s3.put_object(Bucket="echo-models", Key="model.tar.gz", Body=archive.getvalue())
    role = make_role("sagemaker.amazonaws.com", "ecr:*", "logs:*", "s3:Get*", "s3:List*")

    def make(name: str) -> None:
        local_aws.client("sagemaker").create_model(
            ModelName=name,
            ExecutionRoleArn=role,
            PrimaryContainer={
                "Image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
                "ModelDataUrl": "s3://echo-models/model.tar.gz",
                "Environment": {
                    "SAGEMAKER_PROGRAM": "inference.py",
                    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                },
            },
        )

    return make


@pytest.fixture(scope="session")
def versioned_artifact(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., ModelArtifact]:
    """Makes artifacts that answer with their version, or whose containers do not start."""
    from inference_constructs import ModelArtifact

    model = tmp_path_factory.mktemp("model")
    (model / "xgboost-model").write_text('{"learner":{},"version":[3,2,0]}')

    def make(version: str, *, breaks: bool) -> ModelArtifact:
        code = tmp_path_factory.mktemp("code")
        start = 'raise RuntimeError("cannot start")' if breaks else "return None"
        (code / "inference.py").write_text(VERSIONED.format(version=version, start=start))
        return ModelArtifact.from_directory(model, code=code)

    return make


@pytest.fixture(scope="session")
def synthesize(
    local_aws: RunningLocalAws, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, Callable[[Stack], None]], str]:
    """Makes the template of a stack of this name, which a function fills, with its assets in S3."""
    from aws_cdk import App, DefaultStackSynthesizer, Environment, Stack

    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket=ASSETS)
    context = json.loads((ROOT / "cdk.json").read_text())["context"]

    def make(name: str, define: Callable[[Stack], None]) -> str:
        app = App(
            analytics_reporting=False,
            tree_metadata=False,
            outdir=str(tmp_path_factory.mktemp(name)),
            context=context,
        )
        stack = Stack(
            app,
            name,
            env=Environment(account="123456789012", region="us-east-1"),
            synthesizer=DefaultStackSynthesizer(
                file_assets_bucket_name=ASSETS, generate_bootstrap_version_rule=False
            ),
        )
        define(stack)
        assembly = Path(app.synth().directory)
        manifest = json.loads((assembly / f"{name}.assets.json").read_text())
        for asset in manifest["files"].values():
            path = assembly / asset["source"]["path"]
            (place,) = asset["destinations"].values()
            body = _zipped(path) if path.is_dir() else path.read_bytes()
            s3.put_object(Bucket=ASSETS, Key=place["objectKey"], Body=body)
        return (assembly / f"{name}.template.json").read_text()

    return make


def _zipped(directory: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(directory.rglob("*")):
            archive.write(path, path.relative_to(directory))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def own_local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLocalAws]:
    """A local AWS for one module, which may so expect to find it empty."""
    running = start_local_aws(tmp_path_factory.mktemp("own-local-aws") / "state")
    yield running
    stop_local_aws(running)


@pytest.fixture
def launch() -> Iterator[Callable[..., RunningLocalAws]]:
    """Starts local AWSs of a test's own, and ends what is left of them."""
    started: list[RunningLocalAws] = []

    def start(state: Path, *options: str, **settings: Any) -> RunningLocalAws:
        started.append(start_local_aws(state, *options, **settings))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            stop_local_aws(running)
