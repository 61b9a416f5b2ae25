"""Every place that a model may come from: looked up, pinned, deployed with the real CDK CLI, asked.

All stages go out in one deployment; each has a model of its own, so that an answer tells which one
was served.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
import yaml

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "ml-artifacts"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
ARN = "arn:aws:sagemaker:us-east-1:123456789012"
URI = f"s3://{BUCKET}/models/churn.tar.gz"

# The settings of the model, by stage.
MODELS: dict[str, dict[str, Any]] = {
    "object": {"source": URI},
    "job": {"source": "training-job/churn"},
    "tuning": {"source": "tuning-job/churn-tuning"},
    "handler": {"source": "model-package/churn/1"},
    "approved": {"source": "model-package/churn/2", "code": None},
    "script": {"source": "model-package/churn/3", "code": None, "network_isolation": False},
    "sourcedir": {
        "source": "training-job/churn-plain",
        "repack": False,
        "network_isolation": False,
    },
    "bundled": {
        "directory": "build/model",
        "code": "bundled_code",
        "image": {"framework": "pytorch", "version": "2.6.0"},
    },
}
# What `inference resolve` is told beside the source.
OPTIONS = {stage: ["--no-repack"] for stage in ("approved", "script", "sourcedir")}
LINEAGE = {
    "job": f"{ARN}:training-job/churn",
    "tuning": f"{ARN}:training-job/churn-tuning-002-4e5f",
    "handler": f"{ARN}:model-package/churn/1",
    "approved": f"{ARN}:model-package/churn/2",
    "script": f"{ARN}:model-package/churn/3",
    "sourcedir": f"{ARN}:training-job/churn-plain",
}
# The others load code over a network when they start.
ISOLATED = ["object", "job", "tuning", "handler", "approved", "bundled"]
REPACKED = ["object", "job", "tuning", "handler"]

# Eight stages are deployed; without an AWS, tests/unit/inference_ops says what each lookup pins.
pytestmark = pytest.mark.long


def _archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _csv(rows: np.ndarray) -> bytes:
    return "".join(",".join(map(repr, row)) + "\n" for row in rows.tolist()).encode()


@dataclass
class Account:
    """An account with trained models in it, as jobs and people leave them."""

    aws: Any
    rows: np.ndarray
    models: dict[str, bytes] = field(default_factory=dict)

    def train(self, stage: str) -> bytes:
        """A model like no other, packed as a job leaves it."""
        column = len(self.models)
        labels = (self.rows[:, column] > np.median(self.rows[:, column])).astype(int)
        data = xgboost.DMatrix(self.rows, labels)
        model = xgboost.train({"objective": "binary:logistic", "max_depth": 2}, data, 4)
        self.models[stage] = bytes(model.save_raw("ubj"))
        return _archive({"xgboost-model": self.models[stage]})

    def put(self, key: str, body: bytes) -> str:
        """Store an object; its URI."""
        self.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def record_job(self, name: str, artifact: bytes, objective: float | None = None) -> None:
        """Record a finished training job, and what it left in S3."""
        sagemaker = self.aws.client("sagemaker")
        score = [] if objective is None else [("local-aws:objective", str(objective))]
        sagemaker.create_training_job(
            TrainingJobName=name,
            RoleArn="arn:aws:iam::123456789012:role/training",
            AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/jobs"},
            ResourceConfig={
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 5,
            },
            StoppingCondition={"MaxRuntimeInSeconds": 60},
            Tags=[{"Key": key, "Value": value} for key, value in score],
        )
        job = sagemaker.describe_training_job(TrainingJobName=name)
        self.put(
            job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{BUCKET}/"), artifact
        )

    def record_tuning_job(self, name: str) -> None:
        """Record a tuning job; the best of its jobs, by name and tag, is what it found."""
        self.aws.client("sagemaker").create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name,
            HyperParameterTuningJobConfig={
                "Strategy": "Bayesian",
                "HyperParameterTuningJobObjective": {
                    "Type": "Maximize",
                    "MetricName": "validation:auc",
                },
                "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 2},
            },
        )

    def register(self, artifact: bytes, *, status: str = "Approved", **container: Any) -> None:
        """Register the next version of the package group."""
        sagemaker = self.aws.client("sagemaker")
        groups = sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
        if not groups:
            sagemaker.create_model_package_group(ModelPackageGroupName="churn")
        uri = self.put(f"registry/{len(self.models)}/model.tar.gz", artifact)
        sagemaker.create_model_package(
            ModelPackageGroupName="churn",
            InferenceSpecification={
                "Containers": [{"Image": IMAGE, "ModelDataUrl": uri, **container}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            ModelApprovalStatus=status,
        )


@pytest.fixture(scope="module")
def account(own_local_aws: Any) -> Account:
    """A bucket, jobs and packages, made over boto3."""
    rows = np.loadtxt(ROOT / "build" / "model" / "heldout.csv", delimiter=",")
    account = Account(aws=own_local_aws, rows=rows)
    s3 = own_local_aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    account.put("models/churn.tar.gz", account.train("object"))
    account.record_job("churn", account.train("job"))
    account.record_job("churn-plain", account.train("sourcedir"))
    account.record_job("churn-tuning-001-0a1b", account.train("worse"), objective=0.91)
    account.record_job("churn-tuning-002-4e5f", account.train("tuning"), objective=0.97)
    account.record_tuning_job("churn-tuning")
    account.register(account.train("handler"))
    account.register(account.train("approved"))
    serving = ROOT / "model_code" / "serving"
    script = _archive({path.name: path.read_bytes() for path in serving.glob("*.py")})
    environment = {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": account.put("code/sourcedir.tar.gz", script),
        "SAGEMAKER_REGION": "us-east-1",
    }
    account.register(account.train("script"), Environment=environment)
    account.register(account.train("pending"), status="PendingManualApproval")
    account.models["bundled"] = (ROOT / "build" / "model" / "xgboost-model").read_bytes()
    return account


def _bundle(code: Path) -> None:
    """Add the installed XGBoost to a code directory, as a wheel of a version of its own."""
    installed = importlib.metadata.distribution("xgboost-cpu")
    version = f"{installed.version}+bundled"
    about, renamed = (f"xgboost_cpu-{v}.dist-info" for v in (installed.version, version))
    (tag,) = [
        line.removeprefix("Tag: ")
        for line in (installed.read_text("WHEEL") or "").splitlines()
        if line.startswith("Tag: ")
    ][:1]
    (code / "wheels").mkdir()
    with zipfile.ZipFile(code / "wheels" / f"xgboost_cpu-{version}-{tag}.whl", "w") as wheel:
        for file in installed.files or []:
            if "__pycache__" in file.parts or not file.locate().is_file():
                continue
            content = file.read_binary()
            if file.name == "METADATA":
                was, now = (f"\nVersion: {v}\n".encode() for v in (installed.version, version))
                content = content.replace(was, now, 1)
            wheel.writestr(str(file).replace(about, renamed), content)
    (code / "requirements.txt").write_text(
        f"--no-index\n--find-links wheels\nxgboost-cpu=={version}\n"
    )


@dataclass
class Project:
    """A checkout in a folder of its own."""

    path: Path
    aws: Any
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a user would."""
        return subprocess.run(
            command, cwd=self.path, env=self.aws.env, capture_output=True, text=True, timeout=300
        )

    def must(self, *command: str) -> None:
        """Run a command that has to succeed."""
        ended = self.run(*command)
        assert ended.returncode == 0, ended.stdout + ended.stderr

    def refused(self, stage: str, **model: Any) -> str:
        """Why the stage with this model is not synthesized."""
        self.configure(stage, **model)
        ended = self.run("cdk", "synth", "--quiet", "-c", f"stage={stage}", "--ci", "--no-notices")
        (self.path / "config" / f"{stage}.yaml").unlink()
        assert ended.returncode != 0
        assert "Traceback" not in ended.stderr
        return next(line for line in ended.stderr.splitlines() if line.startswith("error: "))

    def configure(self, stage: str, **model: Any) -> None:
        """Write the settings of a stage."""
        settings = {
            "region": "us-east-1",
            "model": model,
            "endpoint": {"variants": {"AllTraffic": {"instance_type": "ml.m5.large"}}},
        }
        (self.path / "config" / f"{stage}.yaml").write_text(yaml.safe_dump(settings))

    def pin(self, source: str) -> dict[str, Any]:
        """What is pinned of a source."""
        context = json.loads((self.path / "cdk.context.json").read_text())
        found: dict[str, Any] = context[f"inference:model:{source}"]
        return found

    def model(self, stage: str) -> dict[str, Any]:
        """The stage's Model, as AWS describes it."""
        found: dict[str, Any] = self.aws.client("sagemaker").describe_model(
            ModelName=self.outputs[stage]["ModelName"]
        )
        return found


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, account: Account) -> Project:
    """A copy of what a user edits, with a stage for each source; nothing is resolved yet."""
    path = tmp_path_factory.mktemp("project")
    for name in ("app.py", "cdk.json"):
        shutil.copy(ROOT / name, path)
    for name in ("stacks", "model_code", "build/model"):
        shutil.copytree(ROOT / name, path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (path / ".venv").symlink_to(ROOT / ".venv")
    (path / "config").mkdir()
    shutil.copytree(path / "model_code" / "serving", path / "bundled_code")
    _bundle(path / "bundled_code")
    return Project(path=path, aws=account.aws)


@pytest.fixture(scope="module")
def deployed(project: Project) -> Project:
    """Every source resolved, and every stage deployed."""
    for stage, model in MODELS.items():
        if "source" in model:
            project.must("inference", "resolve", model["source"], *OPTIONS.get(stage, []))
        project.configure(stage, **model)
    project.must(".venv/bin/python", "app.py")
    project.must("cdk", "bootstrap", "--app", "cdk.out", "--ci", "--no-notices")
    outputs = project.path / "outputs.json"
    project.must(
        *("cdk", "deploy", "--app", "cdk.out", "inference-*-realtime", "--concurrency", "4"),
        *("--require-approval", "never", "--ci", "--no-notices", "--outputs-file", str(outputs)),
    )
    for stack, values in json.loads(outputs.read_text()).items():
        project.outputs[stack.split("-")[1]] = values
    return project


@pytest.mark.parametrize("stage", MODELS)
def test_the_model_of_every_source_is_the_one_that_answers(
    deployed: Project, account: Account, stage: str
) -> None:
    """The endpoint's predictions are those of xgboost itself."""
    answer = deployed.aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=deployed.outputs[stage]["EndpointName"],
        ContentType="text/csv",
        Accept="text/csv",
        Body=_csv(account.rows).rstrip(),
    )
    predicted = [float(line) for line in answer["Body"].read().decode().split()]
    booster = xgboost.Booster(model_file=bytearray(account.models[stage]))
    expected = booster.inplace_predict(account.rows.astype(np.float32))
    np.testing.assert_allclose(predicted, expected, rtol=1e-6)


@pytest.mark.parametrize("stage", LINEAGE)
def test_model_and_endpoint_tell_the_job_or_package_that_they_come_from(
    deployed: Project, stage: str
) -> None:
    """As tags and as an output; a tuning job by the job that was its best."""
    sagemaker = deployed.aws.client("sagemaker")
    name = deployed.outputs[stage]["EndpointName"]
    endpoint = sagemaker.describe_endpoint(EndpointName=name)["EndpointArn"]
    tags = [
        {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
        for arn in (deployed.model(stage)["ModelArn"], endpoint)
    ]
    assert tags[0]["inference:model-source"] == LINEAGE[stage]
    assert tags[1]["inference:model-source/AllTraffic"] == LINEAGE[stage]
    assert deployed.outputs[stage]["ModelSource"] == LINEAGE[stage]


@pytest.mark.parametrize("stage", MODELS)
def test_containers_have_a_network_only_where_it_was_asked_for(
    deployed: Project, stage: str
) -> None:
    """Packed with our code, as approved, or with bundled wheels: none is needed."""
    assert deployed.model(stage)["EnableNetworkIsolation"] is (stage in ISOLATED)


@pytest.mark.parametrize("stage", REPACKED)
def test_what_was_packed_goes_out_and_is_what_the_pin_says(deployed: Project, stage: str) -> None:
    """The artifact in the assets' bucket is named by its content, the pinned one."""
    pin = deployed.pin(MODELS[stage]["source"])
    url = deployed.model(stage)["PrimaryContainer"]["ModelDataUrl"]
    assert url.endswith(f"/{pin['packed']['sha256']}.tar.gz")
    bucket, _, key = url.removeprefix("s3://").partition("/")
    sent = deployed.aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert sent == (deployed.path / pin["packed"]["path"]).read_bytes()
    assert deployed.outputs[stage]["ArtifactSha256"] == pin["packed"]["sha256"]


@pytest.mark.parametrize("stage", [stage for stage in MODELS if "source" in MODELS[stage]])
def test_the_pin_holds_the_state_of_the_object_that_was_looked_up(
    deployed: Project, stage: str
) -> None:
    """Its ETag and its version, as S3 tells them."""
    artifact = deployed.pin(MODELS[stage]["source"])["artifact"]
    head = deployed.aws.client("s3").head_object(
        Bucket=BUCKET, Key=artifact["uri"].removeprefix(f"s3://{BUCKET}/")
    )
    assert artifact["etag"] == head["ETag"].strip('"')
    assert artifact["versionId"] == head["VersionId"]


def test_a_package_as_approved_is_named_and_nothing_of_ours_is_added(deployed: Project) -> None:
    """Image, data and environment are the package's."""
    container = deployed.model("approved")["PrimaryContainer"]
    assert container == {"ModelPackageName": LINEAGE["approved"]}


def test_a_package_with_our_handler_runs_in_its_own_image(deployed: Project) -> None:
    """What was approved together stays together."""
    container = deployed.model("handler")["PrimaryContainer"]
    assert container["Image"] == IMAGE
    assert container["Environment"]["SAGEMAKER_PROGRAM"] == "inference.py"


def test_without_packing_model_and_code_come_from_where_they_lie(deployed: Project) -> None:
    """The job's own artifact, and the code in an archive beside it."""
    container = deployed.model("sourcedir")["PrimaryContainer"]
    pin = deployed.pin("training-job/churn-plain")
    assert container["ModelDataUrl"] == pin["artifact"]["uri"]
    submit = container["Environment"]["SAGEMAKER_SUBMIT_DIRECTORY"]
    assert submit.startswith("s3://cdk-")
    assert submit.endswith(".tar.gz")


def test_the_pytorch_image_installs_the_bundled_wheel_without_a_network(deployed: Project) -> None:
    """The image's URI is the one of AWS's table; the container's log shows what pip did."""
    container = deployed.model("bundled")["PrimaryContainer"]
    registry = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
    assert container["Image"] == f"{registry}/pytorch-inference:2.6.0-cpu-py312"
    assert container["Environment"]["SAGEMAKER_PROGRAM"] == "inference.py"
    assert container["Environment"]["SAGEMAKER_SUBMIT_DIRECTORY"] == "/opt/ml/model/code"
    group = f"/aws/sagemaker/Endpoints/{deployed.outputs['bundled']['EndpointName']}"
    events = deployed.aws.client("logs").filter_log_events(logGroupName=group)["events"]
    version = importlib.metadata.version("xgboost-cpu")
    assert any(
        f"Successfully installed xgboost-cpu-{version}+bundled" in event["message"]
        for event in events
    )


def test_a_synth_without_the_pin_fails_with_the_command_that_makes_it(project: Project) -> None:
    """Run as it is told, it looks up and packs the model."""
    source = "training-job/churn-tuning-001-0a1b"
    told = project.refused("unpinned", source=source)
    assert told == (
        f"error: the model {source} is not pinned in cdk.context.json: run "
        f"`inference resolve {source} --region us-east-1`"
    )
    project.must(*told.split("`")[1].split())
    assert (project.path / project.pin(source)["packed"]["path"]).is_file()


def test_a_package_that_is_not_approved_is_refused_by_the_lookup_and_by_the_synth(
    project: Project,
) -> None:
    """`--allow-unapproved` pins it with its status, and the settings have to allow it as well."""
    source = "model-package/churn/4"
    refused = project.run("inference", "resolve", source, "--no-repack")
    assert refused.returncode == 1
    assert "is PendingManualApproval, not Approved" in refused.stderr
    project.must("inference", "resolve", source, "--no-repack", "--allow-unapproved")
    assert project.pin(source)["packageStatus"] == "PendingManualApproval"
    told = project.refused("pending", source=source, code=None)
    assert "is PendingManualApproval, not Approved" in told


def test_code_in_s3_without_a_word_on_the_network_is_refused(project: Project) -> None:
    """`repack: false` needs `network_isolation: false`, and the synth says why."""
    source = "training-job/churn-plain"
    project.must("inference", "resolve", source, "--no-repack")
    told = project.refused("isolated", source=source, repack=False)
    assert "network isolation of" in told
    assert "the code is fetched from S3 when the container starts" in told
    assert "set network_isolation=False" in told


@pytest.fixture
def damaged(project: Project, tmp_path: Path) -> Callable[[str], Path]:
    """Puts a model file of another format into a directory of its own."""
    data = ROOT / "tests" / "unit" / "model_artifacts" / "data"

    def place(name: str) -> Path:
        shutil.copy(data / name, tmp_path / "xgboost-model")
        return tmp_path

    return place


@pytest.mark.parametrize(
    ("file", "fix"),
    [
        ("legacy-gbtree", "save it as UBJ with `inference convert {model}`"),
        ("booster-2.1.4.pickle", "or allow pickles if you trust every byte of it"),
    ],
)
def test_old_model_files_are_refused_with_the_fix(
    project: Project, damaged: Callable[[str], Path], file: str, fix: str
) -> None:
    """What XGBoost 3.1 cannot read, and what executes code when it is loaded."""
    directory = damaged(file)
    told = project.refused("old", directory=str(directory))
    assert told.endswith(fix.format(model=directory / "xgboost-model"))
