"""`inference check` on a live endpoint of the local AWS."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from model_artifacts.packing import pack

ROOT = Path(__file__).resolve().parents[3]
COMMAND = Path(sys.executable).with_name("inference")
MODEL = ROOT / "build" / "model"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"


@pytest.fixture(scope="module")
def endpoint(
    local_aws: Any, make_role: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """An endpoint in service, with the example model and the project's handler."""
    packed = pack(
        tmp_path_factory.mktemp("packed") / "model.tar.gz",
        model_file=MODEL / "xgboost-model",
        code=ROOT / "model_code" / "serving",
    )
    s3, sagemaker = local_aws.client("s3"), local_aws.client("sagemaker")
    s3.create_bucket(Bucket="checked-models")
    s3.upload_file(str(packed.path), "checked-models", "model.tar.gz")
    sagemaker.create_model(
        ModelName="checked",
        ExecutionRoleArn=make_role(
            "sagemaker.amazonaws.com", "ecr:*", "logs:*", "s3:Get*", "s3:List*"
        ),
        PrimaryContainer={
            "Image": IMAGE,
            "ModelDataUrl": "s3://checked-models/model.tar.gz",
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            },
        },
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName="checked",
        ProductionVariants=[
            {
                "VariantName": "main",
                "ModelName": "checked",
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
            }
        ],
    )
    sagemaker.create_endpoint(EndpointName="checked", EndpointConfigName="checked")
    deadline = time.monotonic() + 120
    while (
        status := sagemaker.describe_endpoint(EndpointName="checked")["EndpointStatus"]
    ) != "InService":
        assert status == "Creating"
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return "checked"


@pytest.fixture
def check(local_aws: Any) -> Callable[..., SimpleNamespace]:
    """Runs the command as a pipeline would, with the endpoint URL in the environment."""

    def check(*arguments: str, **environment: str) -> SimpleNamespace:
        done = subprocess.run(
            [COMMAND, "check", *arguments, "--json"],
            env=local_aws.env | environment,
            capture_output=True,
            text=True,
        )
        return SimpleNamespace(code=done.returncode, found=json.loads(done.stdout))

    return check


def test_an_endpoint_answers_as_its_model_predicts(
    endpoint: str, check: Callable[..., SimpleNamespace]
) -> None:
    """With the model at hand, answers are compared with `Booster.predict` bit by bit."""
    done = check(str(MODEL), "--endpoint", endpoint, "--request", str(MODEL / "heldout.csv"))
    assert [each for each in done.found["requests"] if each["fault"]] == []
    assert done.code == 0
    assert done.found["compared"]
    named = {each["name"]: each["status"] for each in done.found["requests"]}
    assert named["CSV, 100 rows"] == 200
    assert named["a header"] == 400
    assert named["an unknown answer type"] == 406
    assert named["heldout.csv"] == 200


def test_without_a_model_only_the_contract_is_checked(
    endpoint: str, check: Callable[..., SimpleNamespace]
) -> None:
    """No request that needs to know the model."""
    done = check("--endpoint", endpoint, "--variant", "main")
    assert done.code == 0
    assert not done.found["compared"]
    assert {each["expected_status"] for each in done.found["requests"]} == {400, 415}


def test_an_endpoint_with_another_model_is_found_out(
    endpoint: str, check: Callable[..., SimpleNamespace], tmp_path: Path
) -> None:
    """Answers of the deployed model are not those of the one at hand."""
    import numpy as np
    import xgboost

    rows = np.random.default_rng(3).normal(size=(200, 30))
    data = xgboost.DMatrix(rows, rows[:, 0] > 0, nthread=1)
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, data, 3)
    (tmp_path / "xgboost-model").write_bytes(booster.save_raw(raw_format="ubj"))
    done = check(str(tmp_path), "--endpoint", endpoint)
    assert done.code == 1
    faults = {each["name"]: each["fault"] for each in done.found["requests"]}
    assert "of 100 rows differ" in faults["CSV, 100 rows"]
    assert faults["a header"] is None


@pytest.mark.parametrize(
    ("arguments", "environment", "error"),
    [
        (("nowhere",), {}, (1, "Endpoint nowhere of account")),
        (("checked", "--variant", "other"), {}, (1, "Variant other not found")),
        (("checked",), {"AWS_ENDPOINT_URL": "http://localhost:9"}, (3, "http://localhost:9/")),
    ],
)
def test_an_endpoint_that_cannot_be_asked_is_one_line(
    endpoint: str,
    check: Callable[..., SimpleNamespace],
    arguments: tuple[str, ...],
    environment: dict[str, str],
    error: tuple[int, str],
) -> None:
    """1 where there is none of that name, 3 where AWS is out of reach."""
    done = check("--endpoint", *arguments, **environment)
    code, told = error
    assert done.code == code
    assert told in done.found["error"]["message"]
    assert "\n" not in done.found["error"]["message"]
