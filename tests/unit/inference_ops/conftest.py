"""AWS in this process, a project directory, and artifacts as training jobs leave them."""

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import numpy as np
import pytest
import xgboost as xgb
from botocore.loaders import JSONFileLoader
from moto import mock_aws
from typer.testing import CliRunner

from inference_ops.cli import app

BUCKET = "models"
KEY = "jobs/churn/output/model.tar.gz"


@pytest.fixture(scope="session")
def model() -> bytes:
    """A trained model, as UBJ."""
    rows = np.random.default_rng(0).normal(size=(64, 3))
    data = xgb.DMatrix(rows, rows[:, 0] > 0, nthread=1)
    booster = xgb.train({"objective": "binary:logistic", "max_depth": 2, "nthread": 1}, data, 3)
    return bytes(booster.save_raw(raw_format="ubj"))


@pytest.fixture(scope="session", autouse=True)
def _service_models_are_read_once() -> Iterator[None]:
    """Each boto3 session would read them from disk again, which is most of the time of a test."""
    read = cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: read(path))
        yield


def make_archive(members: Mapping[str, bytes | tarfile.TarInfo]) -> bytes:
    """Make a tar.gz: of file contents, or of headers for members that are no files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def archive() -> Callable[[Mapping[str, bytes | tarfile.TarInfo]], bytes]:
    """Makes a tar.gz."""
    return make_archive


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, model: bytes) -> Iterator[SimpleNamespace]:
    """Clients of a mocked AWS, with a versioned bucket that holds a job's artifact."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        put = s3.put_object(
            Bucket=BUCKET, Key=KEY, Body=make_archive({"xgboost-model": model, "notes.txt": b"n"})
        )
        yield SimpleNamespace(
            s3=s3,
            sagemaker=boto3.client("sagemaker"),
            uri=f"s3://{BUCKET}/{KEY}",
            bucket=BUCKET,
            key=KEY,
            etag=put["ETag"].strip('"'),
            version=put["VersionId"],
        )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project directory with a handler, as the working directory."""
    root = tmp_path / "project"
    (root / "model_code" / "serving").mkdir(parents=True)
    (root / "model_code" / "serving" / "inference.py").write_text("def model_fn(model_dir): ...\n")
    monkeypatch.chdir(root)
    return root


Run = Callable[..., SimpleNamespace]


@pytest.fixture
def run() -> Run:
    """Runs the command in this process; gives exit code, output and, of --json, the object."""

    def run(*arguments: str) -> SimpleNamespace:
        done = CliRunner().invoke(app, list(arguments))
        parsed: Any = json.loads(done.stdout) if "--json" in arguments else None
        return SimpleNamespace(code=done.exit_code, out=done.stdout, err=done.stderr, json=parsed)

    return run
