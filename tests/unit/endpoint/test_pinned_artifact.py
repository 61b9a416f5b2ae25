"""Models of jobs, of the registry and in S3, as the pins in the context describe them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk.assertions import Match, Template

from inference_constructs import ArtifactError, InferenceModel, ModelArtifact, find_image
from model_artifacts.model_format import ModelFile
from model_artifacts.packing import code_digest, pack
from model_artifacts.pins import PackedPin, Pin, PinnedObject, pin_key
from model_artifacts.sources import Source

MODEL = "AWS::SageMaker::Model"
JOB = "training-job/churn-2026"
JOB_ARN = "arn:aws:sagemaker:us-east-1:123456789012:training-job/churn-2026"
PACKAGE = "model-package/churn/3"
PACKAGE_ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/3"
XGBOOST_IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"

NewStack = Callable[..., Stack]


@pytest.fixture
def job() -> Pin:
    """A training job that was resolved without packing."""
    return Pin(
        source=Source.parse(JOB),
        region="us-east-1",
        artifact=PinnedObject(uri="s3://training/out/churn-2026/model.tar.gz", etag="9b2c"),
        job_arn=JOB_ARN,
        model=ModelFile(format="ubj", version=(3, 0, 5)),
    )


@pytest.fixture
def package() -> Pin:
    """An approved package of the registry."""
    return Pin(
        source=Source.parse(PACKAGE),
        region="us-east-1",
        artifact=PinnedObject(uri="s3://registry/churn/3/model.tar.gz", etag="77aa"),
        image=XGBOOST_IMAGE,
        package_arn=PACKAGE_ARN,
        package_status="Approved",
    )


@pytest.fixture
def repack(tmp_path: Path, model_directory: Path, code_directory: Path) -> Callable[[Pin], Pin]:
    """Packs the model with the code, as `inference resolve` does, and pins the result."""

    def make(pin: Pin) -> Pin:
        packed = pack(
            tmp_path / "packed.tar.gz",
            model_file=model_directory / "xgboost-model",
            code=code_directory,
        )
        return replace(
            pin,
            packed=PackedPin(
                path="packed.tar.gz",
                sha256=packed.sha256,
                size=packed.size,
                code_sha256=code_digest(code_directory),
            ),
        )

    return make


def pinned(new_stack: NewStack, *pins: Pin) -> Stack:
    """A stack whose context holds pins."""
    return new_stack(extra={pin_key(pin.source): pin.to_context() for pin in pins})


@pytest.mark.parametrize(
    "source", [JOB, "tuning-job/search", PACKAGE, "s3://bucket/model.tar.gz", JOB_ARN]
)
def test_a_synth_without_the_pin_fails_with_the_command_to_run(
    new_stack: NewStack, source: str
) -> None:
    """A synth never calls AWS."""
    with pytest.raises(ArtifactError, match=f"inference resolve {source}"):
        InferenceModel(new_stack(), "Model", artifact=ModelArtifact.from_source(source))


@pytest.mark.parametrize(
    ("choices", "command"),
    [
        ({}, f"inference resolve {JOB} --no-repack --region us-east-1"),
        ({"repack": False, "code": "code"}, f"{JOB} --no-repack --region us-east-1"),
        ({"code": "code"}, f"{JOB} --code code --region us-east-1"),
        ({"code": "model_code/serving"}, f"{JOB} --region us-east-1"),
        (
            {"code": "model_code/serving", "entry_point": "serve.py", "allow_pickle": True},
            f"{JOB} --entry-point serve.py --allow-pickle --region us-east-1",
        ),
        (
            {"code": "code", "image": find_image("xgboost", "1.7-1"), "allow_unapproved": True},
            f"{JOB} --code code --image-version 1.7-1 --allow-unapproved --region us-east-1",
        ),
    ],
)
def test_the_command_to_run_has_the_options_that_the_artifact_needs(
    new_stack: NewStack, tmp_path: Path, choices: dict[str, Any], command: str
) -> None:
    """Run as it is told, it makes the pin that the next synth takes."""
    if "code" in choices:
        choices = choices | {"code": tmp_path / choices["code"]}
    artifact = ModelArtifact.from_source(JOB, context_directory=tmp_path, **choices)
    with pytest.raises(ArtifactError) as refused:
        InferenceModel(new_stack(), "Model", artifact=artifact)
    assert str(refused.value).endswith(f"{command}`")


def test_an_unknown_kind_of_source_is_refused_at_once() -> None:
    """Before anything is synthesized."""
    with pytest.raises(ArtifactError, match="unknown source of a model 'trainingjob/x'"):
        ModelArtifact.from_source("trainingjob/x")


def test_a_jobs_model_is_packed_with_our_code_and_stays_isolated(
    new_stack: NewStack,
    job: Pin,
    repack: Callable[[Pin], Pin],
    code_directory: Path,
    tmp_path: Path,
) -> None:
    """The asset is named by its content: nobody can overwrite it behind our back."""
    pin = repack(job)
    assert pin.packed is not None
    stack = pinned(new_stack, pin)
    InferenceModel(
        stack,
        "Model",
        artifact=ModelArtifact.from_source(JOB, code=code_directory, context_directory=tmp_path),
    )
    template = Template.from_stack(stack)
    (model,) = template.find_resources(MODEL).values()
    properties = model["Properties"]
    assert properties["EnableNetworkIsolation"] is True
    url = json.dumps(properties["PrimaryContainer"]["ModelDataUrl"])
    assert f"/{pin.packed.sha256}.tar.gz" in url
    tags = {tag["Key"]: tag["Value"] for tag in properties["Tags"]}
    assert tags["inference:model-source"] == JOB_ARN
    assert tags["inference:artifact-sha256"] == pin.packed.sha256
    assert properties["PrimaryContainer"]["Image"].endswith("sagemaker-xgboost:3.2-0")


def test_code_that_changed_since_the_packing_is_refused(
    new_stack: NewStack,
    job: Pin,
    repack: Callable[[Pin], Pin],
    tmp_path: Path,
) -> None:
    """What goes out must be what is in the code directory."""
    changed = tmp_path / "code"
    changed.mkdir()
    (changed / "inference.py").write_text("def model_fn(model_dir):\n    return None\n")
    artifact = ModelArtifact.from_source(JOB, code=changed, context_directory=tmp_path)
    with pytest.raises(ArtifactError, match=f"has changed since .*inference resolve {JOB}"):
        InferenceModel(pinned(new_stack, repack(job)), "Model", artifact=artifact)


def test_an_artifact_of_another_region_is_refused(
    new_stack: NewStack, job: Pin, code_directory: Path
) -> None:
    """A Model reads its data in its own region."""
    stack = pinned(new_stack, replace(job, region="eu-west-1"))
    artifact = ModelArtifact.from_source(JOB, code=code_directory)
    with pytest.raises(ArtifactError, match="pinned in eu-west-1, and the stack is in us-east-1"):
        InferenceModel(stack, "Model", artifact=artifact)


def test_code_in_s3_is_the_way_out_that_needs_a_network(
    new_stack: NewStack, job: Pin, code_directory: Path
) -> None:
    """The container fetches it when it starts."""
    stack = pinned(new_stack, job)
    artifact = ModelArtifact.from_source(JOB, code=code_directory, repack=False)
    InferenceModel(stack, "Model", artifact=artifact, network_isolation=False)
    template = Template.from_stack(stack)
    template.has_resource_properties(
        MODEL,
        {
            "EnableNetworkIsolation": False,
            "PrimaryContainer": {"ModelDataUrl": "s3://training/out/churn-2026/model.tar.gz"},
        },
    )
    (model,) = template.find_resources(MODEL).values()
    environment = model["Properties"]["PrimaryContainer"]["Environment"]
    submit = json.dumps(environment["SAGEMAKER_SUBMIT_DIRECTORY"])
    assert '"s3://"' in submit
    (policy,) = template.find_resources("AWS::IAM::ManagedPolicy").values()
    reading = json.dumps(policy["Properties"]["PolicyDocument"]["Statement"][0])
    assert "arn:aws:s3:::training/out/churn-2026/model.tar.gz" in reading
    assert submit.rpartition("/")[2].rstrip('"]}') in reading


@pytest.mark.parametrize("isolation", [None, True])
def test_code_in_s3_needs_an_explicit_false_for_network_isolation(
    new_stack: NewStack, job: Pin, code_directory: Path, isolation: bool | None
) -> None:
    """The start would hang and fail."""
    artifact = ModelArtifact.from_source(JOB, code=code_directory, repack=False)
    with pytest.raises(ValueError, match=r"must be off: the code is fetched from S3.*=False"):
        InferenceModel(
            pinned(new_stack, job), "Model", artifact=artifact, network_isolation=isolation
        )


def test_a_model_that_the_image_cannot_read_is_refused(
    new_stack: NewStack, job: Pin, code_directory: Path
) -> None:
    """The pin holds the version of XGBoost that saved the model."""
    stack = pinned(new_stack, replace(job, model=ModelFile(format="legacy-binary", version=None)))
    artifact = ModelArtifact.from_source(JOB, code=code_directory, repack=False)
    with pytest.raises(ArtifactError, match="inference convert"):
        InferenceModel(stack, "Model", artifact=artifact)


def test_a_job_without_code_is_served_by_the_images_handler(new_stack: NewStack, job: Pin) -> None:
    """The artifact stays where it is; its ETag is the version."""
    stack = pinned(new_stack, job)
    InferenceModel(stack, "Model", artifact=ModelArtifact.from_source(JOB))
    Template.from_stack(stack).has_resource_properties(
        MODEL,
        {
            "EnableNetworkIsolation": True,
            "PrimaryContainer": {
                "ModelDataUrl": "s3://training/out/churn-2026/model.tar.gz",
                "Environment": {"INFERENCE_MODEL_VERSION": "9b2c"},
            },
        },
    )


def test_a_package_goes_out_as_approved(new_stack: NewStack, package: Pin) -> None:
    """Image, data and environment come from the package, so none of ours is added."""
    stack = pinned(new_stack, package)
    InferenceModel(stack, "Model", artifact=ModelArtifact.from_source(PACKAGE))
    template = Template.from_stack(stack)
    (model,) = template.find_resources(MODEL).values()
    assert model["Properties"]["PrimaryContainer"] == {"ModelPackageName": PACKAGE_ARN}
    assert {"Key": "inference:model-source", "Value": PACKAGE_ARN} in model["Properties"]["Tags"]
    template.has_resource_properties(
        "AWS::IAM::ManagedPolicy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {"Resource": "arn:aws:s3:::registry/churn/3/model.tar.gz"}
                        ),
                        Match.object_like(
                            {
                                "Resource": "arn:aws:ecr:us-east-1:683313688378:repository/"
                                "sagemaker-xgboost"
                            }
                        ),
                    ]
                )
            }
        },
    )


def test_a_package_as_approved_that_fetches_its_code_needs_a_network_and_may_read_it(
    new_stack: NewStack, package: Pin
) -> None:
    """So the SDK registers a model whose script it did not repack."""
    code = PinnedObject(uri="s3://registry/code/sourcedir.tar.gz", etag="aa")
    stack = pinned(new_stack, replace(package, code=code))
    artifact = ModelArtifact.from_source(PACKAGE)
    with pytest.raises(ValueError, match=r"is fetched from s3://registry/code/sourcedir\.tar\.gz"):
        InferenceModel(stack, "Isolated", artifact=artifact)
    stack = pinned(new_stack, replace(package, code=code))
    InferenceModel(stack, "Model", artifact=artifact, network_isolation=False)
    (policy,) = Template.from_stack(stack).find_resources("AWS::IAM::ManagedPolicy").values()
    reading = policy["Properties"]["PolicyDocument"]["Statement"][0]
    assert reading["Action"] == "s3:GetObject"
    assert "arn:aws:s3:::registry/code/sourcedir.tar.gz" in reading["Resource"]


def test_a_package_as_approved_whose_image_cannot_read_its_model_is_refused(
    new_stack: NewStack, package: Pin
) -> None:
    """3.0-5 would predict wrongly, without an error."""
    newer = replace(package, model=ModelFile(format="ubj", version=(3, 2, 0)))
    artifact = ModelArtifact.from_source(PACKAGE)
    with pytest.raises(ArtifactError, match=r"saved by XGBoost 3\.2\.0, and the image 3\.0-5"):
        InferenceModel(pinned(new_stack, newer), "Model", artifact=artifact)


def test_a_package_with_our_handler_keeps_its_own_image(
    new_stack: NewStack,
    package: Pin,
    repack: Callable[[Pin], Pin],
    code_directory: Path,
    tmp_path: Path,
) -> None:
    """Image and model are what was approved together."""
    stack = pinned(new_stack, repack(package))
    InferenceModel(
        stack,
        "Model",
        artifact=ModelArtifact.from_source(
            PACKAGE, code=code_directory, context_directory=tmp_path
        ),
    )
    Template.from_stack(stack).has_resource_properties(
        MODEL,
        {
            "PrimaryContainer": {
                "Image": XGBOOST_IMAGE,
                "ModelPackageName": Match.absent(),
                "Environment": Match.object_like({"SAGEMAKER_PROGRAM": "inference.py"}),
            },
            "Tags": Match.array_with([{"Key": "inference:model-source", "Value": PACKAGE_ARN}]),
        },
    )


def test_a_package_whose_image_runs_no_handler_is_refused_with_code(
    new_stack: NewStack, package: Pin, code_directory: Path
) -> None:
    """The handler would be ignored without a word."""
    custom = "123456789012.dkr.ecr.us-east-1.amazonaws.com/churn:1"
    stack = pinned(new_stack, replace(package, image=custom))
    artifact = ModelArtifact.from_source(PACKAGE, code=code_directory)
    with pytest.raises(ArtifactError, match="would not run a handler of ours"):
        InferenceModel(stack, "Model", artifact=artifact)


@pytest.mark.parametrize("status", ["PendingManualApproval", "Rejected"])
@pytest.mark.parametrize("with_code", [False, True])
def test_a_package_that_is_not_approved_is_refused_in_both_modes(
    new_stack: NewStack, package: Pin, code_directory: Path, status: str, with_code: bool
) -> None:
    """The registry's approval is the gate."""
    stack = pinned(new_stack, replace(package, package_status=status))
    artifact = ModelArtifact.from_source(PACKAGE, code=code_directory if with_code else None)
    with pytest.raises(ArtifactError, match=f"is {status}, not Approved"):
        InferenceModel(stack, "Model", artifact=artifact)


def test_a_package_that_is_not_approved_goes_out_if_told(new_stack: NewStack, package: Pin) -> None:
    """A stage for trying out may want it."""
    stack = pinned(new_stack, replace(package, package_status="PendingManualApproval"))
    artifact = ModelArtifact.from_source(PACKAGE, allow_unapproved=True)
    assert InferenceModel(stack, "Model", artifact=artifact).artifact.source_arn == PACKAGE_ARN


@pytest.mark.parametrize(
    ("choice", "fault"),
    [("image", "goes out as approved, with its own image"), ("environment", "must be empty")],
)
def test_nothing_of_ours_can_be_added_to_a_package_as_approved(
    new_stack: NewStack, package: Pin, choice: str, fault: str
) -> None:
    """With `ModelPackageName` the container comes from the package."""
    stack = pinned(new_stack, package)
    image = find_image("xgboost", "3.2-0") if choice == "image" else None
    environment = {"INFERENCE_OUTPUT": "class"} if choice == "environment" else None
    artifact = ModelArtifact.from_source(PACKAGE, image=image)
    with pytest.raises(ValueError, match=fault):
        InferenceModel(stack, "Model", artifact=artifact, environment=environment)


def test_the_version_of_a_packed_model_is_the_start_of_its_digest(
    new_stack: NewStack,
    job: Pin,
    repack: Callable[[Pin], Pin],
    code_directory: Path,
    tmp_path: Path,
) -> None:
    """An answer's header leads to the artifact."""
    stack = pinned(new_stack, repack(job))
    artifact = ModelArtifact.from_source(JOB, code=code_directory, context_directory=tmp_path)
    model = InferenceModel(stack, "Model", artifact=artifact)
    digest = hashlib.sha256((tmp_path / "packed.tar.gz").read_bytes()).hexdigest()
    assert model.artifact.version == digest[:12]


def test_the_context_is_where_cdk_keeps_it(new_stack: NewStack, job: Pin) -> None:
    """Pins are plain context: `cdk.context.json` is reviewed like any other code."""
    stored: dict[str, Any] = job.to_context()
    assert json.loads(json.dumps(stored)) == stored
