"""An endpoint that answers anything, cheap enough to have several instances of."""

from __future__ import annotations

import functools
import io
import json
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

HANDLER = b"""
def model_fn(model_dir):
    return None

def predict_fn(data, model):
    return data

def input_fn(body, content_type):
    return body

def output_fn(prediction, accept):
    return prediction, "text/csv"
"""
ENVIRONMENT = {
    "SAGEMAKER_PROGRAM": "inference.py",
    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
}


@dataclass(frozen=True)
class Variant:
    """A variant of an endpoint in service."""

    local_aws: Any
    endpoint: str
    resource: dict[str, str]

    def counts(self) -> tuple[int, int]:
        """Current and desired instances."""
        found = self.local_aws.client("sagemaker").describe_endpoint(EndpointName=self.endpoint)
        assert found["EndpointStatus"] != "Failed", found["FailureReason"]
        if "ProductionVariants" not in found:
            return 0, 0
        (variant,) = found["ProductionVariants"]
        return variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]

    def wait_for(self, count: int, *, seconds: float = 60) -> None:
        """Wait until so many instances are in service."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.counts() == (count, count):
                return
            time.sleep(0.2)
        raise AssertionError(f"expected {count} instances, there are {self.counts()}")

    @functools.cached_property
    def _runtime(self) -> Any:
        return self.local_aws.client("sagemaker-runtime")

    def invoke(self) -> None:
        """Predict."""
        self._runtime.invoke_endpoint(EndpointName=self.endpoint, ContentType="text/csv", Body=b"1")

    def activities(self) -> list[dict[str, Any]]:
        """Scaling activities, the newest first."""
        found: list[dict[str, Any]] = self.local_aws.client(
            "application-autoscaling"
        ).describe_scaling_activities(**self.resource)["ScalingActivities"]
        return found


def _archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in (("xgboost-model", b"none"), ("code/inference.py", HANDLER)):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def make_variant(local_aws: Any) -> Iterator[Callable[..., Variant]]:
    """Makes endpoints of one variant, ``all``; removes them at the end."""
    s3, iam = local_aws.client("s3"), local_aws.client("iam")
    api = local_aws.client("sagemaker")
    s3.create_bucket(Bucket="scaling-models")
    s3.put_object(Bucket="scaling-models", Key="model.tar.gz", Body=_archive())
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    role = iam.create_role(
        RoleName="scaling-execution",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    for policy in (
        "AmazonEC2ContainerRegistryReadOnly",
        "AmazonS3ReadOnlyAccess",
        "CloudWatchLogsFullAccess",
    ):
        iam.attach_role_policy(
            RoleName="scaling-execution", PolicyArn=f"arn:aws:iam::aws:policy/{policy}"
        )
    names: list[str] = []

    def make(
        name: str,
        *,
        count: int = 1,
        kind: str = "ml.m5.large",
        serverless: dict[str, int] | None = None,
        dimension: str = "sagemaker:variant:DesiredInstanceCount",
    ) -> Variant:
        api.create_model(
            ModelName=name,
            ExecutionRoleArn=role,
            PrimaryContainer={
                "Image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
                "ModelDataUrl": "s3://scaling-models/model.tar.gz",
                "Environment": ENVIRONMENT,
            },
        )
        capacity: dict[str, Any] = {"InstanceType": kind, "InitialInstanceCount": count}
        if serverless is not None:
            capacity = {"ServerlessConfig": serverless}
        variant = {"VariantName": "all", "ModelName": name, **capacity}
        api.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        api.create_endpoint(EndpointName=name, EndpointConfigName=name)
        names.append(name)
        resource = {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{name}/variant/all",
            "ScalableDimension": dimension,
        }
        made = Variant(local_aws, name, resource)
        if serverless is None:
            made.wait_for(count)
        else:
            api.get_waiter("endpoint_in_service").wait(
                EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
            )
        return made

    yield make
    for name in names:
        api.delete_endpoint(EndpointName=name)
