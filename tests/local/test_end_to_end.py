"""The whole road with the real CDK CLI: deploy, predict, change, fail, run a batch, destroy.

The tests of this module build on each other, in their order, as the days of a deployment do.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
import yaml

ROOT = Path(__file__).resolve().parents[2]
EXECUTION_SECONDS = 300


@dataclass
class Project:
    """A checkout in a folder of its own, whose app is deployed to a local AWS."""

    path: Path
    aws: Any
    outputs: dict[str, str] = field(default_factory=dict)
    batch_model: str = ""

    def cdk(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the CDK CLI as a user would."""
        return subprocess.run(
            ["cdk", *arguments, "-c", "stage=dev", "--ci", "--no-notices", "--progress", "events"],
            cwd=self.path,
            env=self.aws.env,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def deploy(self) -> subprocess.CompletedProcess[str]:
        """Deploy both stacks and read their outputs."""
        file = self.path / "outputs.json"
        ended = self.cdk(
            *("deploy", "--all", "--require-approval", "never", "--outputs-file", str(file))
        )
        if ended.returncode == 0:
            stacks = json.loads(file.read_text())
            self.outputs = {k: v for outputs in stacks.values() for k, v in outputs.items()}
            # Each stack has a model of its own under this name, and the CLI writes the stacks in
            # the order in which they were done.
            self.batch_model = stacks["inference-dev-batch"]["ModelName"]
        return ended

    def predict(self, rows: np.ndarray) -> list[float]:
        """The endpoint's answers to the rows."""
        answer = self.aws.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=self.outputs["EndpointName"],
            ContentType="text/csv",
            Accept="text/csv",
            Body=_csv(rows),
        )
        return [float(line) for line in answer["Body"].read().decode().split()]

    def run_batch(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start an execution of the workflow and wait for its end."""
        states = self.aws.client("stepfunctions")
        execution = states.start_execution(
            stateMachineArn=self.outputs["StateMachineArn"], input=json.dumps(request)
        )["executionArn"]
        deadline = time.monotonic() + EXECUTION_SECONDS
        while time.monotonic() < deadline:
            found: dict[str, Any] = states.describe_execution(executionArn=execution)
            if found["status"] != "RUNNING":
                return found
            time.sleep(0.3)
        pytest.fail(f"the execution is still running after {EXECUTION_SECONDS} s")


def _csv(rows: np.ndarray) -> bytes:
    return "".join(",".join(map(repr, row)) + "\n" for row in rows.tolist()).encode()


def _booster(path: Path, rows: np.ndarray) -> list[float]:
    """What xgboost itself predicts."""
    booster = xgboost.Booster(model_file=path)
    return [float(p) for p in booster.inplace_predict(rows.astype(np.float32))]


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """The held-out rows."""
    return np.loadtxt(ROOT / "build" / "model" / "heldout.csv", delimiter=",")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, own_local_aws: Any) -> Project:
    """A copy of what a user edits, and an account of its own."""
    path = tmp_path_factory.mktemp("project")
    for name in ("app.py", "cdk.json"):
        shutil.copy(ROOT / name, path)
    for name in ("stacks", "config", "model_code"):
        shutil.copytree(ROOT / name, path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "build" / "model", path / "build" / "model")
    (path / ".venv").symlink_to(ROOT / ".venv")
    return Project(path=path, aws=own_local_aws)


@pytest.fixture
def traffic(project: Project, rows: np.ndarray) -> Iterator[list[str]]:
    """A client that asks all the while, without retries; the errors that it met."""
    errors: list[str] = []
    sent = 0
    stop = threading.Event()

    def ask() -> None:
        nonlocal sent
        while not stop.is_set():
            try:
                project.predict(rows[:1])
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}")
            sent += 1
            time.sleep(0.05)

    client = threading.Thread(target=ask)
    client.start()
    yield errors
    stop.set()
    client.join()
    assert sent > 20


def test_the_first_deployment_serves_the_model(project: Project, rows: np.ndarray) -> None:
    """`cdk bootstrap` and `cdk deploy`, then the held-out rows get xgboost's own predictions."""
    bootstrapped = project.cdk("bootstrap")
    assert bootstrapped.returncode == 0, bootstrapped.stdout + bootstrapped.stderr
    deployed = project.deploy()
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    expected = _booster(project.path / "build" / "model" / "xgboost-model", rows)
    np.testing.assert_allclose(project.predict(rows), expected, rtol=1e-6)


def test_a_second_deployment_without_a_change_does_nothing(project: Project) -> None:
    """`cdk diff --fail` finds no difference between what is deployed and the code."""
    ended = project.cdk("diff", "--fail")
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_answer_names_the_model_that_gave_it(project: Project, rows: np.ndarray) -> None:
    """The version in the response header is the one in the stack's outputs."""
    answer = project.aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=project.outputs["EndpointName"], ContentType="text/csv", Body=_csv(rows[:1])
    )
    assert answer["CustomAttributes"] == f"model-version={project.outputs['ModelVersion']}"


def test_a_changed_model_is_deployed_without_a_lost_request(
    project: Project, rows: np.ndarray, traffic: list[str]
) -> None:
    """The second deployment replaces Model and EndpointConfig and leaves none of the old ones."""
    sagemaker = project.aws.client("sagemaker")
    before = {model["ModelName"] for model in sagemaker.list_models()["Models"]}
    config = project.outputs["EndpointConfigName"]
    model_file = project.path / "build" / "model" / "xgboost-model"
    labels = (rows[:, 0] > np.median(rows[:, 0])).astype(int)
    changed = xgboost.train(
        {"objective": "binary:logistic", "seed": 7}, xgboost.DMatrix(rows, labels), 5
    )
    changed.save_model(model_file.with_suffix(".ubj"))
    model_file.with_suffix(".ubj").rename(model_file)
    deployed = project.deploy()
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    np.testing.assert_allclose(project.predict(rows), _booster(model_file, rows), rtol=1e-6)
    assert traffic == []
    assert project.outputs["EndpointConfigName"] != config
    after = {model["ModelName"] for model in sagemaker.list_models()["Models"]}
    assert len(after) == len(before)
    assert after.isdisjoint(before)


def test_a_batch_comes_back_whole_and_joined(project: Project, rows: np.ndarray) -> None:
    """The workflow joins each row of the input with the deployed model's prediction."""
    s3, bucket = project.aws.client("s3"), project.outputs["DataBucketName"]
    s3.put_object(Bucket=bucket, Key="input/first/rows.csv", Body=_csv(rows))
    ended = project.run_batch(
        {
            "input": f"s3://{bucket}/input/first/",
            "output": f"s3://{bucket}/output/first/",
            "join": "Input",
        }
    )
    assert ended["status"] == "SUCCEEDED", ended["cause"]
    body = s3.get_object(Bucket=bucket, Key="output/first/rows.csv.out")["Body"].read().decode()
    joined = np.array([line.split(",") for line in body.splitlines()], dtype=float)
    assert joined[:, :-1].tolist() == rows.tolist()
    expected = _booster(project.path / "build" / "model" / "xgboost-model", rows)
    np.testing.assert_allclose(joined[:, -1], expected, rtol=1e-6)


def test_a_batch_without_input_fails_and_says_why(project: Project) -> None:
    """An empty prefix is told before any instance is started."""
    bucket = project.outputs["DataBucketName"]
    jobs = len(project.aws.client("sagemaker").list_transform_jobs()["TransformJobSummaries"])
    ended = project.run_batch({"input": f"s3://{bucket}/input/nothing-here/"})
    assert ended["status"] == "FAILED"
    assert "nothing-here" in ended["cause"]
    after = project.aws.client("sagemaker").list_transform_jobs()["TransformJobSummaries"]
    assert len(after) == jobs


def test_a_model_that_does_not_load_rolls_back_and_the_old_one_serves_on(
    project: Project, rows: np.ndarray, traffic: list[str]
) -> None:
    """The deployment fails with SageMaker's reason; not one request is lost."""
    handler = project.path / "model_code" / "serving" / "inference.py"
    good = handler.read_text()
    expected = project.predict(rows)
    handler.write_text(good.replace("path = Path(model_dir) / MODEL_NAME", "raise RuntimeError(1)"))
    assert handler.read_text() != good
    config = project.outputs["EndpointConfigName"]
    failed = project.deploy()
    handler.write_text(good)
    assert failed.returncode != 0
    said = failed.stdout + failed.stderr
    assert "did not pass the ping health check" in said
    assert project.predict(rows) == expected
    assert traffic == []
    described = project.aws.client("sagemaker").describe_endpoint(
        EndpointName=project.outputs["EndpointName"]
    )
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointConfigName"] == config
    stacks = project.aws.client("cloudformation").describe_stacks()["Stacks"]
    status = {stack["StackName"]: stack["StackStatus"] for stack in stacks}
    assert status["inference-dev-realtime"] == "UPDATE_ROLLBACK_COMPLETE"


def test_the_way_on_after_a_failed_deployment_is_another_deployment(project: Project) -> None:
    """With the good handler back, `cdk deploy` succeeds from where the rollback ended."""
    settings = project.path / "config" / "dev.yaml"
    document = yaml.safe_load(settings.read_text())
    document["model"]["environment"] = {"INFERENCE_OUTPUT": "class"}
    settings.write_text(yaml.safe_dump(document))
    deployed = project.deploy()
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr


def test_the_configured_output_is_classes(project: Project, rows: np.ndarray) -> None:
    """INFERENCE_OUTPUT=class in the stage's settings turns probabilities into 0 and 1."""
    model = project.path / "build" / "model" / "xgboost-model"
    expected = [float(p > 0.5) for p in _booster(model, rows)]
    assert project.predict(rows) == expected


def test_sdk_v3_predicts_and_transforms(
    project: Project, rows: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The resources of sagemaker-core work on what was deployed."""
    for name, value in project.aws.env.items():
        monkeypatch.setenv(name, value)
    from sagemaker.core.resources import Endpoint, TransformJob
    from sagemaker.core.shapes import (
        TransformDataSource,
        TransformInput,
        TransformOutput,
        TransformResources,
        TransformS3DataSource,
    )

    endpoint = Endpoint.get(project.outputs["EndpointName"])
    answer = endpoint.invoke(body=_csv(rows), content_type="text/csv", accept="text/csv")
    got = answer.body.read() if hasattr(answer.body, "read") else answer.body
    text = got.decode() if isinstance(got, bytes) else got
    assert [float(line) for line in text.split()] == project.predict(rows)
    bucket = project.outputs["DataBucketName"]
    source = TransformS3DataSource(s3_data_type="S3Prefix", s3_uri=f"s3://{bucket}/input/first/")
    job = TransformJob.create(
        transform_job_name="sdk-v3",
        model_name=project.batch_model,
        transform_input=TransformInput(
            data_source=TransformDataSource(s3_data_source=source),
            content_type="text/csv",
            split_type="Line",
        ),
        transform_output=TransformOutput(
            s3_output_path=f"s3://{bucket}/output/sdk-v3/",
            accept="text/csv",
            assemble_with="Line",
        ),
        transform_resources=TransformResources(instance_type="ml.m5.large", instance_count=1),
    )
    job.wait(poll=1, timeout=180)
    s3 = project.aws.client("s3")
    output = s3.get_object(Bucket=bucket, Key="output/sdk-v3/rows.csv.out")["Body"].read()
    assert [float(line) for line in output.decode().split()] == project.predict(rows)


def test_destroy_leaves_nothing(project: Project) -> None:
    """Whatever could cost money or block the next deployment is gone."""
    destroyed = project.cdk("destroy", "--all", "--force")
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    aws = project.aws
    sagemaker, scaling = aws.client("sagemaker"), aws.client("application-autoscaling")
    logs = aws.client("logs").describe_log_groups()["logGroups"]
    left = {
        "endpoints": sagemaker.list_endpoints()["Endpoints"],
        "configs": sagemaker.list_endpoint_configs()["EndpointConfigs"],
        "models": sagemaker.list_models()["Models"],
        "targets": scaling.describe_scalable_targets(ServiceNamespace="sagemaker")[
            "ScalableTargets"
        ],
        "policies": scaling.describe_scaling_policies(ServiceNamespace="sagemaker")[
            "ScalingPolicies"
        ],
        "alarms": aws.client("cloudwatch").describe_alarms()["MetricAlarms"],
        "dashboards": aws.client("cloudwatch").list_dashboards()["DashboardEntries"],
        "state machines": aws.client("stepfunctions").list_state_machines()["stateMachines"],
        "functions": aws.client("lambda").list_functions()["Functions"],
        "topics": aws.client("sns").list_topics()["Topics"],
        "log groups": [
            g["logGroupName"] for g in logs if "Endpoints/inference" in g["logGroupName"]
        ],
        "stacks": [
            stack["StackName"]
            for stack in aws.client("cloudformation").describe_stacks()["Stacks"]
            if stack["StackName"] != "CDKToolkit"
        ],
    }
    assert {name: found for name, found in left.items() if found} == {}
