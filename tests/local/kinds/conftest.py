"""Endpoints of every kind: the real model, and one that does what a request tells it to."""

from __future__ import annotations

import functools
import io
import itertools
import json
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from botocore.exceptions import ClientError
from numpy.typing import NDArray

from model_artifacts.packing import pack

ROOT = Path(__file__).resolve().parents[3]
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
ENVIRONMENT = {
    "SAGEMAKER_PROGRAM": "inference.py",
    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
}
BUCKET = "kinds"
# What every execution role may do; tests give theirs more.
EXECUTION = (
    "s3:GetObject",
    "s3:ListBucket",
    "ecr:*",
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "cloudwatch:PutMetricData",
)
# A request is JSON: seconds to sleep, an error or a size to answer with; else the process answers.
HANDLER = """
import json, os, time
from werkzeug.wrappers import Response

VERSION = {version!r}

def model_fn(model_dir):
    return None

def input_fn(body, content_type):
    return json.loads(body)

def predict_fn(data, model):
    time.sleep(data.get("sleep", 0))
    if "fail" in data:
        return Response(data["fail"], status=data.get("status", 400), mimetype="text/plain")
    if "size" in data:
        return Response(b"x" * data["size"], mimetype="text/plain")
    return Response(json.dumps({{"pid": os.getppid(), "version": VERSION}}))

def output_fn(prediction, accept):
    return prediction
"""
QUIET_SECONDS = 60


def command_archive(version: str) -> bytes:
    """An artifact whose handler does as it is told."""
    buffer = io.BytesIO()
    source = HANDLER.format(version=version).encode()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in (("xgboost-model", b"none"), ("code/inference.py", source)):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@dataclass(frozen=True)
class RealModel:
    """The project's model, some rows, and what XGBoost itself predicts for them."""

    name: str
    csv: bytes
    expected: NDArray[np.float32]


@dataclass
class Kinds:
    """Makes endpoints of any kind, talks to them and removes them."""

    local_aws: Any
    role: str
    prefix: str
    _endpoints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.api = self.local_aws.client("sagemaker")
        self.runtime = self.local_aws.client("sagemaker-runtime")
        self.s3 = self.local_aws.client("s3")
        self.cloudwatch = self.local_aws.client("cloudwatch")
        self._numbers = itertools.count()

    def name(self, stem: str) -> str:
        """A name that nothing else has."""
        return f"{self.prefix}-{stem}-{next(self._numbers)}"

    def command_model(self, version: str = "one", **options: Any) -> str:
        """A model that does as it is told; its name."""
        name = self.name("model")
        key = f"{name}/model.tar.gz"
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=command_archive(version))
        self.api.create_model(
            **{
                "ModelName": name,
                "ExecutionRoleArn": self.role,
                "PrimaryContainer": {
                    "Image": IMAGE,
                    "ModelDataUrl": f"s3://{BUCKET}/{key}",
                    "Environment": ENVIRONMENT,
                },
                **options,
            }
        )
        return name

    def config(self, *variants: dict[str, Any], **options: Any) -> str:
        """An endpoint config; its name."""
        name = self.name("config")
        self.api.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[{"VariantName": "main", **variant} for variant in variants],
            **options,
        )
        return name

    def endpoint(self, config: str, *, wait: str = "InService") -> str:
        """An endpoint that has come to rest; its name."""
        name = self.name("endpoint")
        self.api.create_endpoint(EndpointName=name, EndpointConfigName=config)
        self._endpoints.append(name)
        self.wait(name, wait)
        return name

    def wait(self, endpoint: str, status: str = "InService") -> dict[str, Any]:
        """Wait until an endpoint rests; it must be in this status then."""
        deadline = time.monotonic() + QUIET_SECONDS
        while time.monotonic() < deadline:
            found: dict[str, Any] = self.api.describe_endpoint(EndpointName=endpoint)
            if not found["EndpointStatus"].endswith(("ing", "Back")):
                assert found["EndpointStatus"] == status, found.get("FailureReason")
                return found
            time.sleep(0.05)
        raise AssertionError(f"{endpoint} is still {found['EndpointStatus']}")

    def command(self, endpoint: str, *, component: str | None = None, **data: Any) -> Any:
        """Have the handler do something; its answer."""
        target = {} if component is None else {"InferenceComponentName": component}
        answer = self.runtime.invoke_endpoint(
            EndpointName=endpoint,
            ContentType="application/json",
            Body=json.dumps(data).encode(),
            **target,
        )
        return json.loads(answer["Body"].read())

    def statistic(
        self, metric: str, dimensions: dict[str, str], *, statistic: str = "Sum"
    ) -> float | None:
        """A statistic of a metric over the last hours; None if it was never published."""
        found = self.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=metric,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=time.time() - 7200,
            EndTime=time.time() + 60,
            Period=86400,
            Statistics=[statistic],
        )["Datapoints"]
        return max((float(point[statistic]) for point in found), default=None)

    @staticmethod
    def until(true: Callable[[], Any], *, seconds: float = 90) -> Any:
        """Wait for something to become true; what it is then."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := true():
                return found
            time.sleep(0.1)
        raise AssertionError(f"not so after {seconds} s")

    @staticmethod
    def refused(call: Callable[..., Any], **parameters: Any) -> dict[str, Any]:
        """The error, with its HTTP status, that a call is refused with."""
        with pytest.raises(ClientError) as raised:
            call(**parameters)
        error: dict[str, Any] = dict(raised.value.response["Error"])
        error["Status"] = raised.value.response["ResponseMetadata"]["HTTPStatusCode"]
        return error

    def components(self, endpoint: str) -> list[str]:
        """The names of an endpoint's inference components."""
        listed = self.api.list_inference_components(EndpointNameEquals=endpoint)
        return [found["InferenceComponentName"] for found in listed["InferenceComponents"]]

    def clean(self) -> None:
        """Delete what is left."""
        for endpoint in self._endpoints:
            for component in self.components(endpoint):
                self.api.delete_inference_component(InferenceComponentName=component)
        for endpoint in self._endpoints:
            self.until(functools.partial(self._is_empty, endpoint))
            self.api.delete_endpoint(EndpointName=endpoint)

    def _is_empty(self, endpoint: str) -> bool:
        return not self.components(endpoint)


@pytest.fixture(scope="session")
def kinds_bucket(local_aws: Any) -> str:
    """The bucket of all models, inputs and outputs of these tests."""
    local_aws.client("s3").create_bucket(Bucket=BUCKET)
    return BUCKET


@pytest.fixture(scope="module")
def kinds(
    local_aws: Any, kinds_bucket: str, make_role: Callable[..., str], request: Any
) -> Iterator[Kinds]:
    """`Kinds` with a role of the module's own: `ALLOWED` in the module adds to its rights."""
    allowed = getattr(request.module, "ALLOWED", ())
    prefix = Path(request.module.__file__).stem.removeprefix("test_").replace("_", "-")
    role = make_role("sagemaker.amazonaws.com", *EXECUTION, *allowed)
    made = Kinds(local_aws, role, prefix)
    yield made
    made.clean()


@pytest.fixture(scope="session")
def real_artifact(
    local_aws: Any, kinds_bucket: str, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Where the project's own artifact lies."""
    packed = pack(
        tmp_path_factory.mktemp("kinds") / "model.tar.gz",
        model_file=ROOT / "build" / "model" / "xgboost-model",
        code=ROOT / "model_code" / "serving",
    )
    local_aws.client("s3").upload_file(str(packed.path), kinds_bucket, "real/model.tar.gz")
    return f"s3://{kinds_bucket}/real/model.tar.gz"


@pytest.fixture(scope="module")
def real_model(kinds: Kinds, real_artifact: str) -> RealModel:
    """The project's model as a SageMaker model."""
    name = kinds.command_model(
        PrimaryContainer={
            "Image": IMAGE,
            "ModelDataUrl": real_artifact,
            "Environment": ENVIRONMENT,
        }
    )
    file = ROOT / "build" / "model"
    rows = np.loadtxt(file / "heldout.csv", delimiter=",")[:5]
    booster = xgboost.Booster(model_file=file / "xgboost-model")
    csv = "".join(",".join(map(repr, row)) + "\n" for row in rows.tolist()).encode()
    return RealModel(name, csv, booster.inplace_predict(rows.astype(np.float32)))
