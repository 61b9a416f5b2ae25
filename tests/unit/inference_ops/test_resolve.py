"""`inference resolve`: what is pinned, and what is refused with nothing half-done."""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from inference_ops.errors import CommandError
from inference_ops.lookup import look_up
from model_artifacts.images import image_version
from model_artifacts.pins import Pin, verify_packed
from model_artifacts.sources import Source

Run = Callable[..., SimpleNamespace]
_IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
_ROLE = "arn:aws:iam::123456789012:role/r"


def _context(project: Path) -> dict[str, Any]:
    context: dict[str, Any] = json.loads((project / "cdk.context.json").read_text())
    return context


def _pin(project: Path, source: str) -> Pin:
    return Pin.from_context(Source.parse(source), _context(project)[f"inference:model:{source}"])


def _nothing_was_done(project: Path) -> bool:
    artifacts = project / "artifacts"
    return not (project / "cdk.context.json").exists() and not (
        artifacts.exists() and list(artifacts.iterdir())
    )


def _train(aws: SimpleNamespace, name: str = "churn") -> None:
    aws.sagemaker.create_training_job(
        TrainingJobName=name,
        RoleArn=_ROLE,
        AlgorithmSpecification={"TrainingImage": _IMAGE, "TrainingInputMode": "File"},
        OutputDataConfig={"S3OutputPath": f"s3://{aws.bucket}/jobs"},
        ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )


def _register(aws: SimpleNamespace, status: str, **container: Any) -> str:
    aws.sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    created = aws.sagemaker.create_model_package(
        ModelPackageGroupName="churn",
        InferenceSpecification={
            "Containers": [{"Image": _IMAGE, "ModelDataUrl": aws.uri} | container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        ModelApprovalStatus=status,
    )
    return str(created["ModelPackageArn"])


def test_a_training_job_is_pinned_and_packed_with_our_code(
    aws: SimpleNamespace, project: Path, run: Run, model: bytes
) -> None:
    """Artifact, ETag, version, image, ARN; the artifact lies beside, named by its content."""
    _train(aws)
    uri = aws.sagemaker.describe_training_job(TrainingJobName="churn")["ModelArtifacts"][
        "S3ModelArtifacts"
    ]
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    source = aws.s3.get_object(Bucket=aws.bucket, Key=aws.key)["Body"].read()
    put = aws.s3.put_object(Bucket=bucket, Key=key, Body=source)

    done = run("resolve", "training-job/churn")

    assert done.code == 0, done.err
    stored = _context(project)["inference:model:training-job/churn"]
    assert stored["jobArn"] == "arn:aws:sagemaker:us-east-1:123456789012:training-job/churn"
    assert stored["image"] == _IMAGE
    assert stored["model"] == {"format": "ubj", "version": "3.2.0"}
    assert stored["artifact"] == {
        "uri": uri,
        "etag": put["ETag"].strip('"'),
        "versionId": put["VersionId"],
    }
    packed = verify_packed(
        _pin(project, "training-job/churn"), project, code=project / "model_code" / "serving"
    )
    assert packed.path == project / "artifacts" / f"{packed.sha256}.tar.gz"
    with tarfile.open(packed.path) as archive:
        assert archive.getnames() == ["code/inference.py", "notes.txt", "xgboost-model"]
        content = archive.extractfile("xgboost-model")
        assert content is not None
        assert content.read() == model
    assert [path.name for path in (project / "artifacts").iterdir()] == [packed.path.name]


def test_an_object_in_s3_is_pinned_and_the_rest_of_the_context_stays(
    aws: SimpleNamespace, project: Path, run: Run
) -> None:
    """Twice the same command leaves the same bytes."""
    file = project / "cdk.context.json"
    file.write_text('{\n  "vpc-provider:x": {"id": "vpc-1"}\n}\n')

    assert run("resolve", aws.uri).code == 0
    first = file.read_bytes()
    assert run("resolve", aws.uri).code == 0

    assert first.startswith(b'{\n  "vpc-provider:x": {"id": "vpc-1"},\n')
    assert file.read_bytes() == first
    assert _pin(project, aws.uri).artifact is not None


def test_the_json_result_is_one_object_on_stdout(
    aws: SimpleNamespace, project: Path, run: Run
) -> None:
    """What a pipeline reads: the pin as it was stored. Of an error: code and message."""
    done = run("resolve", aws.uri, "--json")
    assert done.json == _context(project)[f"inference:model:{aws.uri}"]
    assert done.err == ""

    failed = run("resolve", "nonsense", "--json")
    assert failed.code == failed.json["error"]["code"] == 1
    assert "expected s3://BUCKET/KEY" in failed.json["error"]["message"]


def test_an_approved_package_is_pinned_with_its_arn_and_status(
    aws: SimpleNamespace, project: Path, run: Run
) -> None:
    """By version, and by ARN; its data are packed, or stay where they are."""
    arn = _register(aws, "Approved")

    assert run("resolve", "model-package/churn/1").code == 0
    assert run("resolve", arn, "--no-repack").code == 0

    pin = _pin(project, "model-package/churn/1")
    assert (pin.package_arn, pin.package_status, pin.image) == (arn, "Approved", _IMAGE)
    assert pin.packed is not None
    as_approved = _pin(project, arn)
    assert as_approved.packed is None
    assert as_approved.artifact == pin.artifact
    assert as_approved.model is not None


def test_code_that_a_package_fetches_from_s3_is_pinned_with_it(
    aws: SimpleNamespace, project: Path, run: Run
) -> None:
    """The SDK's `register` leaves a script there; the Model's role has to read it."""
    code = aws.s3.put_object(Bucket=aws.bucket, Key="code/sourcedir.tar.gz", Body=b"code")
    _register(
        aws,
        "Approved",
        Environment={"SAGEMAKER_SUBMIT_DIRECTORY": f"s3://{aws.bucket}/code/sourcedir.tar.gz"},
    )

    assert run("resolve", "model-package/churn/1", "--no-repack").code == 0

    stored = _context(project)["inference:model:model-package/churn/1"]
    assert stored["code"] == {
        "uri": f"s3://{aws.bucket}/code/sourcedir.tar.gz",
        "etag": code["ETag"].strip('"'),
        "versionId": code["VersionId"],
    }
    assert _pin(project, "model-package/churn/1").to_context() == stored


@pytest.mark.parametrize("status", ["PendingManualApproval", "Rejected"])
def test_a_package_that_is_not_approved_is_refused_unless_told(
    aws: SimpleNamespace, project: Path, run: Run, status: str
) -> None:
    """The pin says so then, and a synth has to be told as well."""
    _register(aws, status)

    refused = run("resolve", "model-package/churn/1")
    assert (refused.code, f"is {status}, not Approved" in refused.err) == (1, True)
    assert _nothing_was_done(project)

    assert run("resolve", "model-package/churn/1", "--allow-unapproved").code == 0
    assert _pin(project, "model-package/churn/1").package_status == status


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (_IMAGE.replace("3.2-0", "3.0-5"), "predict wrongly without an error"),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1", "is no XGBoost image"),
    ],
)
def test_a_package_whose_image_does_not_fit_its_model_is_refused(
    *, aws: SimpleNamespace, project: Path, run: Run, image: str, reason: str
) -> None:
    """A model of 3.2 in the image of 3.0 loads, and predicts something else."""
    _register(aws, "Approved", Image=image)

    refused = run("resolve", "model-package/churn/1")

    assert refused.code == 1
    assert reason in refused.err
    assert _nothing_was_done(project)


def test_a_package_of_a_foreign_image_may_go_out_as_approved(
    aws: SimpleNamespace, project: Path, run: Run
) -> None:
    """Nothing is known of what its image reads, and nothing is asked."""
    _register(aws, "Approved", Image="123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1")

    assert run("resolve", "model-package/churn/1", "--no-repack").code == 0
    assert _pin(project, "model-package/churn/1").model is None


def test_a_package_whose_data_were_overwritten_is_refused(
    aws: SimpleNamespace, project: Path, run: Run
) -> None:
    """What was approved is told by the ETag of then."""
    _register(aws, "Approved", ModelDataETag="0123")

    refused = run("resolve", "model-package/churn/1")

    assert refused.code == 1
    assert f"its ETag was 0123, and is {aws.etag}" in refused.err
    assert _nothing_was_done(project)


@pytest.mark.parametrize(
    ("source", "code", "reason"),
    [
        ("training-job/nowhere", 1, "training-job/nowhere does not exist"),
        ("tuning-job/nowhere", 1, "tuning-job/nowhere does not exist"),
        ("model-package/nowhere", 1, "does not exist"),
        ("model-package/churn/7", 1, "has no version 7"),
        ("s3://models/nowhere.tar.gz", 1, "s3://models/nowhere.tar.gz does not exist"),
        ("s3://no-such-bucket/model.tar.gz", 1, "does not exist"),
    ],
)
def test_what_does_not_exist_is_told_in_one_line(
    *, aws: SimpleNamespace, project: Path, run: Run, source: str, code: int, reason: str
) -> None:
    """No traceback, no half-written pin."""
    _register(aws, "Approved")

    refused = run("resolve", source)

    assert (refused.code, reason in refused.err) == (code, True), refused.err
    assert refused.err.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in refused.err
    assert _nothing_was_done(project)


def test_code_that_does_not_import_is_refused_before_aws_is_asked(
    aws: SimpleNamespace, project: Path, run: Run
) -> None:
    """The reason is that of the packer."""
    (project / "model_code" / "serving" / "inference.py").write_text(
        "import nothing_like_this\ndef model_fn(model_dir): ...\n"
    )

    refused = run("resolve", aws.uri)

    assert refused.code == 1
    assert "No module named 'nothing_like_this'" in refused.err
    assert "looking up" not in refused.err
    assert _nothing_was_done(project)


def test_a_legacy_model_is_refused_with_the_option_that_converts_it(
    aws: SimpleNamespace, project: Path, run: Run, archive: Callable[..., bytes]
) -> None:
    """What the seed's 1.5-1 jobs leave in S3."""
    legacy = Path(__file__).parents[1] / "model_artifacts" / "data" / "legacy-gbtree"
    aws.s3.put_object(
        Bucket=aws.bucket, Key="old.tar.gz", Body=archive({"xgboost-model": legacy.read_bytes()})
    )

    refused = run("resolve", "s3://models/old.tar.gz")

    assert refused.code == 1
    assert "run `inference resolve s3://models/old.tar.gz --convert`" in refused.err
    assert _nothing_was_done(project)


def test_the_image_decides_which_models_are_taken(
    aws: SimpleNamespace, project: Path, run: Run
) -> None:
    """By default that of the present image."""
    assert run("resolve", aws.uri, "--image-version", "1.7-1").code == 1
    assert _nothing_was_done(project)
    assert run("resolve", aws.uri, "--image-version", "3.2.0").code == 0


def test_without_a_region_the_command_says_where_one_can_be_given(
    aws: SimpleNamespace, project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong usage, by its exit code; the ARN of a job is enough."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    _register(aws, "Approved")

    refused = run("resolve", "training-job/x")
    assert (refused.code, "no region: give --region" in refused.err) == (2, True)
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1"
    assert run("resolve", arn).code == 0


def test_artifacts_lie_where_the_pins_are(
    aws: SimpleNamespace, project: Path, run: Run, tmp_path: Path
) -> None:
    """A pin's path would mean nothing on another machine."""
    refused = run("resolve", aws.uri, "--artifacts", str(tmp_path / "elsewhere"))

    assert refused.code == 2
    assert not (tmp_path / "elsewhere").exists()


# --- frozen --------------------------------------------------------------------------------------


def test_frozen_makes_the_pinned_artifact_again_from_the_pinned_version(
    aws: SimpleNamespace, project: Path, run: Run
) -> None:
    """On a machine that has the context file only, although the object was overwritten."""
    assert run("resolve", aws.uri).code == 0
    context = (project / "cdk.context.json").read_bytes()
    [artifact] = (project / "artifacts").iterdir()
    content = artifact.read_bytes()
    artifact.unlink()
    aws.s3.put_object(Bucket=aws.bucket, Key=aws.key, Body=b"other")

    done = run("resolve", aws.uri, "--frozen")

    assert done.code == 0, done.err
    assert artifact.read_bytes() == content
    assert (project / "cdk.context.json").read_bytes() == context


def test_frozen_refuses_what_would_not_be_the_pinned_artifact(
    aws: SimpleNamespace, project: Path, run: Run
) -> None:
    """No pin; other code; an object that was overwritten in a bucket without versions."""
    unpinned = run("resolve", aws.uri, "--frozen")
    assert (unpinned.code, "is not pinned" in unpinned.err) == (1, True)

    aws.s3.create_bucket(Bucket="plain")
    body = aws.s3.get_object(Bucket=aws.bucket, Key=aws.key)["Body"].read()
    aws.s3.put_object(Bucket="plain", Key="m.tar.gz", Body=body)
    assert run("resolve", "s3://plain/m.tar.gz").code == 0
    assert "versionId" not in _context(project)["inference:model:s3://plain/m.tar.gz"]["artifact"]
    aws.s3.put_object(Bucket="plain", Key="m.tar.gz", Body=body + b"x")
    changed = run("resolve", "s3://plain/m.tar.gz", "--frozen")
    assert (changed.code, "has changed in S3" in changed.err) == (1, True)

    (project / "model_code" / "serving" / "more.py").write_text("")
    code = run("resolve", "s3://plain/m.tar.gz", "--frozen")
    assert (code.code, "has changed since" in code.err) == (1, True)
    assert run("resolve", aws.uri, "--frozen", "--no-repack").code == 2


# --- SageMaker's answers that moto does not give -------------------------------------------------


def _look_up(source: str, *answers: tuple[str, dict[str, Any]], **options: bool) -> Any:
    client = boto3.client(
        "sagemaker", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as stub:
        for operation, answer in answers:
            stub.add_response(operation, answer)
        return look_up(Source.parse(source), client, **options)


def _job(**changes: Any) -> tuple[str, dict[str, Any]]:
    arn = "arn:aws:sagemaker:us-east-1:123456789012:training-job/best"
    job = {
        "TrainingJobName": "best",
        "TrainingJobArn": arn,
        "TrainingJobStatus": "Completed",
        "ModelArtifacts": {"S3ModelArtifacts": "s3://b/model.tar.gz"},
        "SecondaryStatus": "Completed",
        "AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage": _IMAGE},
        "ResourceConfig": {"VolumeSizeInGB": 1},
        "StoppingCondition": {},
        "CreationTime": 0,
    }
    return "describe_training_job", job | changes


def _tuning(**changes: Any) -> tuple[str, dict[str, Any]]:
    arn = "arn:aws:sagemaker:us-east-1:123456789012:hyper-parameter-tuning-job/t"
    tuning = {
        "HyperParameterTuningJobName": "t",
        "HyperParameterTuningJobArn": arn,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "ResourceLimits": {"MaxParallelTrainingJobs": 1},
        },
        "HyperParameterTuningJobStatus": "Completed",
        "CreationTime": 0,
        "TrainingJobStatusCounters": {},
        "ObjectiveStatusCounters": {},
        "BestTrainingJob": {
            "TrainingJobName": "best",
            "TrainingJobArn": "arn:aws:sagemaker:us-east-1:123456789012:training-job/best",
            "CreationTime": 0,
            "TrainingJobStatus": "Completed",
            "TunedHyperParameters": {},
        },
    }
    return "describe_hyper_parameter_tuning_job", tuning | changes


def test_the_best_job_of_a_tuning_job_is_taken() -> None:
    """With both ARNs, so that the lineage is whole."""
    found = _look_up("tuning-job/t", _tuning(), _job())

    assert found.artifact_uri == "s3://b/model.tar.gz"
    assert found.job_arn is not None
    assert found.job_arn.endswith("training-job/best")
    assert found.tuning_job_arn is not None
    assert found.tuning_job_arn.endswith("hyper-parameter-tuning-job/t")


@pytest.mark.parametrize(
    ("source", "answers", "reason"),
    [
        (
            "training-job/best",
            [_job(TrainingJobStatus="Failed", FailureReason="no data")],
            "is Failed, not Completed: no data",
        ),
        ("training-job/best", [_job(TrainingJobStatus="InProgress")], "is InProgress"),
        ("training-job/best", [_job(TrainingJobStatus="Stopped")], "is Stopped"),
        ("training-job/best", [_job(ModelArtifacts={"S3ModelArtifacts": ""})], "no model artifact"),
        (
            "training-job/best",
            [_job(OutputDataConfig={"S3OutputPath": "s3://b", "CompressionType": "NONE"})],
            "left its model uncompressed",
        ),
        ("tuning-job/t", [_tuning(HyperParameterTuningJobStatus="Failed")], "is Failed"),
        ("tuning-job/t", [_tuning(BestTrainingJob={})], "no best training job"),
    ],
)
def test_a_job_that_left_no_finished_model_is_refused(
    source: str, answers: list[tuple[str, dict[str, Any]]], reason: str
) -> None:
    """The status of the job, and its own reason where it has one."""
    if answers[0][1].get("BestTrainingJob") == {}:
        del answers[0][1]["BestTrainingJob"]
    with pytest.raises(CommandError, match=reason):
        _look_up(source, *answers)


def _package(**changes: Any) -> tuple[str, dict[str, Any]]:
    package = {
        "ModelPackageName": "p",
        "ModelPackageArn": "arn:aws:sagemaker:us-east-1:123456789012:model-package/p",
        "CreationTime": 0,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "ModelApprovalStatus": "Approved",
        "InferenceSpecification": {"Containers": [{"Image": _IMAGE}]},
    }
    return "describe_model_package", package | changes


def _data_source(compression: str) -> dict[str, Any]:
    source = {
        "S3Uri": "s3://b/m.tar.gz",
        "S3DataType": "S3Object",
        "CompressionType": compression,
    }
    return {"Containers": [{"Image": _IMAGE, "ModelDataSource": {"S3DataSource": source}}]}


def test_a_package_may_name_its_data_in_the_newer_form_or_not_at_all() -> None:
    """ModelDataSource instead of ModelDataUrl; an image that holds its model."""
    newer = _look_up("model-package/p", _package(InferenceSpecification=_data_source("Gzip")))
    assert newer.artifact_uri == "s3://b/m.tar.gz"
    assert _look_up("model-package/p", _package()).artifact_uri is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ModelPackageStatus": "Failed"}, "is Failed, not Completed"),
        ({"InferenceSpecification": {"Containers": [{}, {}]}}, "has 2 containers"),
        ({"InferenceSpecification": _data_source("None")}, "uncompressed model data"),
    ],
)
def test_a_package_that_is_no_finished_single_model_is_refused(
    changes: dict[str, Any], reason: str
) -> None:
    """Pipelines of several containers are not served here."""
    with pytest.raises(CommandError, match=reason):
        _look_up("model-package/p", _package(**changes))


def test_a_package_outside_of_a_group_was_approved_by_nobody() -> None:
    """It has no approval status."""
    operation, package = _package()
    del package["ModelApprovalStatus"]
    with pytest.raises(CommandError, match="is not subject to approval, not Approved"):
        _look_up("model-package/p", (operation, package))
    assert _look_up("model-package/p", (operation, package), allow_unapproved=True)


@pytest.mark.parametrize(
    ("image", "version"),
    [
        (_IMAGE, "3.2-0"),
        (_IMAGE.replace("3.2-0", "1.0-1-cpu-py3"), "1.0-1"),
        ("763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312", None),
        ("811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:1", None),
        (None, None),
    ],
)
def test_the_version_of_an_image_is_read_off_its_uri(
    image: str | None, version: str | None
) -> None:
    """Of XGBoost's framework images only."""
    assert image_version(image) == version
