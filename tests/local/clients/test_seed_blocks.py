"""The course assignment's client code, block by block, over the SageMaker SDK v2."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from sagemaker.core.image_uris import retrieve

from model_artifacts.packing import pack

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
SDK_PYTHON = ROOT / ".venv-sdk2" / "bin" / "python"
BUCKET = "course-data"
ENVIRONMENT = {
    "SAGEMAKER_PROGRAM": "inference.py",
    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
    "SAGEMAKER_REGION": "us-east-1",
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
ALLOWED = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:*", "ecr:*", "logs:*", "cloudwatch:*"], "Resource": "*"}
    ],
}


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """The first 20 held-out rows."""
    return np.loadtxt(ROOT / "build" / "model" / "heldout.csv", delimiter=",")[:20]


def _second_model(path: Path, rows: np.ndarray) -> None:
    """Another model of the same shape, so that an update can be seen in the answers."""
    labels = np.arange(len(rows)) % 2
    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(rows, labels), 3)
    booster.save_model(path)


def _record_training_job(
    sagemaker: Any, name: str, role: str, image: str, *, objective: float = 0
) -> None:
    sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
        RoleArn=role,
        HyperParameters={"objective": '"binary:logistic"'},
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/training", "KmsKeyId": ""},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
        Tags=[{"Key": "local-aws:objective", "Value": str(objective)}],
    )


def _record_tuning_job(sagemaker: Any, name: str, role: str, image: str) -> None:
    sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name,
        HyperParameterTuningJobConfig={
            "Strategy": "Bayesian",
            "TrainingJobEarlyStoppingType": "Off",
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
            "HyperParameterTuningJobObjective": {
                "Type": "Maximize",
                "MetricName": "validation:auc",
            },
            # The SDK reads all three lists, as the service returns them.
            "ParameterRanges": {
                "CategoricalParameterRanges": [],
                "ContinuousParameterRanges": [],
                "IntegerParameterRanges": [
                    {"Name": "max_depth", "MinValue": "2", "MaxValue": "6", "ScalingType": "Auto"}
                ],
            },
        },
        TrainingJobDefinition={
            "StaticHyperParameters": {
                "objective": "binary:logistic",
                "_tuning_objective_metric": "validation:auc",
            },
            "AlgorithmSpecification": {
                "TrainingImage": image,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "validation:auc", "Regex": "auc:(.*)"}],
            },
            "RoleArn": role,
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/training"},
            "ResourceConfig": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 10,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        },
    )


@pytest.fixture(scope="module")
def results(local_aws: Any, rows: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What every block of the assignment returned."""
    folder = tmp_path_factory.mktemp("course")
    s3, iam = local_aws.client("s3"), local_aws.client("iam")
    sagemaker = local_aws.client("sagemaker")
    s3.create_bucket(Bucket=BUCKET)
    role = iam.create_role(RoleName="course", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    iam.put_role_policy(RoleName="course", PolicyName="course", PolicyDocument=json.dumps(ALLOWED))
    image = retrieve("xgboost", "us-east-1", version="3.2-0")
    tuned = "course-tuning-001-0a1b2c3d"
    for name in ("course-training", "course-training-v2", tuned):
        model_file = ROOT / "build" / "model" / "xgboost-model"
        if name.endswith("v2"):
            model_file = folder / "second.ubj"
            _second_model(model_file, rows)
        packed = pack(
            folder / f"{name}.tar.gz",
            model_file=model_file,
            code=ROOT / "model_code" / "serving",
        )
        s3.upload_file(str(packed.path), BUCKET, f"training/{name}/output/model.tar.gz")
        _record_training_job(sagemaker, name, role["Arn"], image)
    # Another job of the tuning, which reached less.
    _record_training_job(
        sagemaker, "course-tuning-002-4e5f6a7b", role["Arn"], image, objective=-0.5
    )
    _record_tuning_job(sagemaker, "course-tuning", role["Arn"], image)
    s3.put_object(
        Bucket=BUCKET,
        Key="test-data/rows.csv",
        Body="".join(",".join(map(repr, row)) + "\n" for row in rows.tolist()).encode(),
    )
    context = folder / "context.json"
    context.write_text(
        json.dumps(
            {
                "role": role["Arn"],
                "bucket": BUCKET,
                "region": "us-east-1",
                "model_data": f"s3://{BUCKET}/training/course-training/output/model.tar.gz",
                "image_uri": image,
                "training_job": "course-training",
                "second_training_job": "course-training-v2",
                "tuning_job": "course-tuning",
                "rows": rows.tolist(),
                "source_dir": str(HERE / "seed"),
                "environment": ENVIRONMENT,
            }
        )
    )
    told = folder / "results.json"
    run = subprocess.run(
        [SDK_PYTHON, HERE / "seed_blocks.py", context, told],
        env=local_aws.env | {"SAGEMAKER_SUPPRESS_V2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return json.loads(told.read_text())


@pytest.fixture(scope="module")
def expected(rows: np.ndarray) -> np.ndarray:
    """The rows' probabilities as xgboost itself predicts them."""
    booster = xgboost.Booster(model_file=ROOT / "build" / "model" / "xgboost-model")
    return booster.inplace_predict(rows.astype(np.float32))


def _got(results: Any, block: str) -> Any:
    found = results[block]
    if isinstance(found, dict) and "failed" in found:
        pytest.fail(found["failed"])
    return found


def test_a_model_comes_from_an_attached_estimator(results: Any) -> None:
    """Part 1, option A: the training job's artifact and image are the model's."""
    model = _got(results, "1A create_model from an estimator")
    assert model["model_data"] == f"s3://{BUCKET}/training/course-training/output/model.tar.gz"
    assert model["image"].endswith("/sagemaker-xgboost:3.2-0")


def test_a_model_comes_from_the_best_job_of_a_tuner(results: Any) -> None:
    """Part 1, option A: a tuner has no create_model; its best estimator has."""
    model = _got(results, "1A create_model from a tuner")
    assert "has no attribute 'create_model'" in model["seed"]
    assert model["best_training_job"] == "course-tuning-001-0a1b2c3d"
    assert model["corrected"].endswith("/course-tuning-001-0a1b2c3d/output/model.tar.gz")


def test_a_model_is_made_from_an_artifact_in_s3(results: Any) -> None:
    """Part 1, option B, with the image that reads the model instead of 1.5-1."""
    model = _got(results, "1B model from S3 artifacts")
    assert model["seed_image"].endswith("sagemaker-xgboost:1.5-1")
    assert "Unsupported xgboost version: 3.2-0" in model["newest_in_sdk_v2"]
    assert model["image"].endswith("sagemaker-xgboost:3.2-0")
    assert model["model_data"].endswith("/course-training/output/model.tar.gz")


def test_the_assignments_own_handler_serves_from_the_pytorch_image(
    results: Any, expected: np.ndarray
) -> None:
    """Part 1, option C, and Part 4: classes by the threshold of 0.5, as its script says."""
    served = _got(results, "1C and 4 PyTorchModel with the custom script")
    assert "pytorch-inference" in served["image"]
    assert served["classes"] == (expected > 0.5).astype(int).tolist()


def test_a_basic_batch_joins_each_row_with_its_prediction(
    results: Any, rows: np.ndarray, expected: np.ndarray
) -> None:
    """Part 2: a join needs AssembleWith=Line, which the assignment leaves out."""
    batch = _got(results, "2 basic batch transform")
    assert "ValidationException" in batch["seed"]
    lines = [line.split(",") for line in batch["output"].splitlines()]
    assert [len(line) for line in lines] == [31] * len(rows)
    assert np.array([line[:-1] for line in lines], float).tolist() == rows.tolist()
    np.testing.assert_allclose([float(line[-1]) for line in lines], expected, rtol=1e-6)


def test_an_advanced_batch_stays_within_the_services_limits(
    results: Any, rows: np.ndarray, expected: np.ndarray
) -> None:
    """Part 2: 100 MB x 20 requests is refused, `$[1:]` drops a column and not a header."""
    batch = _got(results, "2 advanced batch transform")
    assert "ValidationException" in batch["seed"]
    assert "Failed" in batch["input_filter"]
    lines = [line.split(",") for line in batch["output"].splitlines()]
    assert [float(line[0]) for line in lines] == rows[:, 0].tolist()
    np.testing.assert_allclose([float(line[1]) for line in lines], expected, rtol=1e-6)


def test_an_estimator_deploys_and_predicts(results: Any, expected: np.ndarray) -> None:
    """Part 3: a numpy array needs a serializer."""
    deployed = _got(results, "3 deploy from an estimator")
    assert deployed["seed"] != "accepted"
    assert deployed["prediction"] == pytest.approx(float(expected[0]), rel=1e-6)


def test_a_model_object_deploys_and_predicts(results: Any, expected: np.ndarray) -> None:
    """Part 3: four features are refused by a model of thirty, with the caller's error."""
    deployed = _got(results, "3 deploy from a model")
    assert "ModelError" in deployed["four_features"]
    assert "(400)" in deployed["four_features"]
    np.testing.assert_allclose(np.ravel(deployed["prediction"]), expected, rtol=1e-6)


def test_the_endpoint_is_monitored(results: Any) -> None:
    """Part 5: status, creation time and the invocations that were really made."""
    seen = _got(results, "5 monitoring")
    assert "has no attribute 'describe'" in seen["seed"]
    assert seen["status"] == "InService"
    assert seen["invocations"] == 2


def test_an_update_changes_the_model_behind_the_endpoint(
    results: Any, rows: np.ndarray, expected: np.ndarray
) -> None:
    """Part 5: create_model makes no Model yet, and a model's name alone is not enough."""
    updated = _got(results, "5 update endpoint")
    assert updated["model_name_alone"].startswith("ValueError")
    assert updated["name_before_create"] is None
    np.testing.assert_allclose(np.ravel(updated["before"]), expected, rtol=1e-6)
    assert not np.allclose(np.ravel(updated["after"]), expected)


def test_a_target_tracking_policy_is_registered(results: Any) -> None:
    """Part 5: the scalable target and its policy over boto3."""
    assert _got(results, "5 autoscaling") == "target-tracking-policy"


def test_clean_up_leaves_no_endpoint_and_no_scalable_target(results: Any) -> None:
    """Part 5: the endpoint cannot be described any more."""
    left = _got(results, "5 clean up")
    assert "Could not find endpoint" in left["describe"]
    assert left["targets"] == 0
