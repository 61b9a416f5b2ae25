"""Models on this machine: packing, the asset, the environment, and what is refused."""

import hashlib
import json
import re
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, DefaultStackSynthesizer, Environment, Stack, Stage
from aws_cdk.assertions import Match, Template

from inference_constructs import ArtifactError, InferenceModel, ModelArtifact, find_image

Resources = Callable[[str], dict[str, Any]]
MODEL = "AWS::SageMaker::Model"


def manifest(stack: Stack) -> dict[str, Any]:
    """The files that are uploaded with a synthesized stack."""
    Template.from_stack(stack)
    stage = Stage.of(stack)
    assert stage is not None
    path = Path(stage.asset_outdir) / f"{stack.artifact_id}.assets.json"
    files: dict[str, Any] = json.loads(path.read_text())["files"]
    return files


def archive(stack: Stack) -> tuple[Path, str]:
    """The packed artifact of a stack, and the key that it is uploaded under."""
    (asset,) = [a for a in manifest(stack).values() if a["displayName"] == "model.tar.gz"]
    (destination,) = asset["destinations"].values()
    stage = Stage.of(stack)
    assert stage is not None
    return Path(stage.asset_outdir) / asset["source"]["path"], destination["objectKey"]


def test_the_key_is_the_digest_of_the_bytes_and_ends_in_tar_gz(
    stack: Stack, model: InferenceModel
) -> None:
    """The CDK's own asset would keep `.gz` only; the folder is the stack's."""
    path, key = archive(stack)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert key == f"inference-models/{stack.stack_name}/{digest}.tar.gz"
    with tarfile.open(path) as packed:
        assert packed.getnames() == ["code/inference.py", "xgboost-model"]


def test_two_synths_give_the_same_key(
    new_stack: Callable[..., Stack], artifact: ModelArtifact
) -> None:
    """The same model and code are the same artifact, in every stack."""
    keys = set()
    for _ in range(2):
        stack = new_stack()
        InferenceModel(stack, "Model", artifact=artifact)
        keys.add(archive(stack)[1])
    assert len(keys) == 1


def test_two_models_of_one_stack_share_one_upload(stack: Stack, artifact: ModelArtifact) -> None:
    """The asset is named by its content."""
    for name in ("A", "B"):
        InferenceModel(stack, name, artifact=artifact)
    assert archive(stack)[1].endswith(".tar.gz")


def test_a_stack_with_a_synthesizer_of_its_own_gets_the_artifact_as_well(
    context: dict[str, Any], tmp_path: Path, artifact: ModelArtifact
) -> None:
    """Here jsii hands out a synthesizer that knows no stack, so the CDK's own asset is used."""
    app = App(analytics_reporting=False, outdir=str(tmp_path), context=context)
    stack = Stack(
        app,
        "S",
        env=Environment(region="us-east-1"),
        synthesizer=DefaultStackSynthesizer(qualifier="shop"),
    )
    InferenceModel(stack, "Model", artifact=artifact)
    path, key = archive(stack)
    assert tarfile.is_tarfile(path)
    template = Template.from_stack(stack)
    bucket = "cdk-shop-assets-${AWS::AccountId}-us-east-1"
    template.has_resource_properties(
        MODEL, {"PrimaryContainer": {"ModelDataUrl": {"Fn::Sub": f"s3://{bucket}/{key}"}}}
    )
    (policy,) = template.find_resources("AWS::IAM::ManagedPolicy").values()
    assert f"/{key}" in json.dumps(policy)


def test_the_role_reads_what_this_stack_uploads_and_nothing_else(
    whole: Template, resources: Resources
) -> None:
    """An old fleet starts instances while the new one comes; other stacks' models stay closed."""
    (policy,) = resources("AWS::IAM::ManagedPolicy").values()
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    (reading,) = [s for s in statements if "s3:" in json.dumps(s["Action"])]
    assert reading["Action"] == "s3:GetObject"
    resource = reading["Resource"]["Fn::Join"][1]
    assert resource[0] == "arn:aws:s3:::"
    (stack_name,) = re.findall(r"/inference-models/([^/*]+)/\*$", resource[-1])
    assert stack_name


def test_the_container_is_told_what_it_needs_to_find_the_handler(whole: Template) -> None:
    """Each of these was missing once: the image then fails at its start, or asks PyPI."""
    whole.has_resource_properties(
        MODEL,
        {
            "PrimaryContainer": {
                "Environment": {
                    "SAGEMAKER_PROGRAM": "inference.py",
                    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                    "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
                    "SAGEMAKER_REGION": "us-east-1",
                    "PIP_NO_BUILD_ISOLATION": "0",
                    "INFERENCE_MODEL_VERSION": Match.string_like_regexp("^[0-9a-f]{12}$"),
                }
            }
        },
    )


def test_without_code_the_images_own_handler_serves(stack: Stack, model_directory: Path) -> None:
    """Then there is no program to name."""
    InferenceModel(stack, "Model", artifact=ModelArtifact.from_directory(model_directory))
    Template.from_stack(stack).has_resource_properties(
        MODEL,
        {"PrimaryContainer": {"Environment": {"SAGEMAKER_PROGRAM": Match.absent()}}},
    )


def test_the_image_is_the_newest_xgboost_image_of_the_region(whole: Template) -> None:
    """From SageMaker's own table: the registry's account differs by region."""
    whole.has_resource_properties(
        MODEL,
        {
            "PrimaryContainer": {
                "Image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
            }
        },
    )


def test_a_stack_without_a_region_finds_the_image_when_it_is_deployed(
    new_stack: Callable[..., Stack], artifact: ModelArtifact
) -> None:
    """A mapping holds the registries of all regions."""
    stack = new_stack(region=None)
    InferenceModel(stack, "Model", artifact=artifact)
    template = Template.from_stack(stack)
    (mapping,) = template.find_mappings("*").values()
    assert mapping["us-east-1"] == {"account": "683313688378", "domain": "amazonaws.com"}
    assert mapping["cn-north-1"] == {"account": "450853457545", "domain": "amazonaws.com.cn"}
    (model,) = template.find_resources(MODEL).values()
    image = json.dumps(model["Properties"]["PrimaryContainer"]["Image"])
    assert "Fn::FindInMap" in image
    assert "sagemaker-xgboost:3.2-0" in image


def test_a_missing_model_file_is_refused(
    stack: Stack, tmp_path: Path, code_directory: Path
) -> None:
    """The message names the file."""
    artifact = ModelArtifact.from_directory(tmp_path, code=code_directory)
    with pytest.raises(ArtifactError, match=r"xgboost-model does not exist"):
        InferenceModel(stack, "Model", artifact=artifact)


def test_a_missing_entry_point_is_refused(
    stack: Stack, model_directory: Path, code_directory: Path
) -> None:
    """The container would start and fail."""
    artifact = ModelArtifact.from_directory(
        model_directory, code=code_directory, entry_point="serve.py"
    )
    with pytest.raises(ArtifactError, match=r"the entry point serve\.py is missing"):
        InferenceModel(stack, "Model", artifact=artifact)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("x = 1\n", "model_fn is missing"),
        ("import does_not_exist\ndef model_fn(d): ...\n", "does not import"),
        ("def model_fn(d)\n", "is not valid Python"),
    ],
)
def test_a_handler_that_would_not_run_is_refused(
    stack: Stack, model_directory: Path, tmp_path: Path, source: str, fault: str
) -> None:
    """It is imported before it is packed."""
    (tmp_path / "inference.py").write_text(source)
    artifact = ModelArtifact.from_directory(model_directory, code=tmp_path)
    with pytest.raises(ArtifactError, match=fault):
        InferenceModel(stack, "Model", artifact=artifact)


def test_a_model_of_a_newer_xgboost_than_the_images_is_refused(
    stack: Stack, model_directory: Path, code_directory: Path
) -> None:
    """Older versions read its base score as 0.5, and predict wrongly without an error."""
    artifact = ModelArtifact.from_directory(
        model_directory, code=code_directory, image=find_image("xgboost", "1.7-1")
    )
    with pytest.raises(ArtifactError, match=r"saved by XGBoost 3\.2\.0.*reads up to 1\.7"):
        InferenceModel(stack, "Model", artifact=artifact)


def test_a_pickle_is_refused_unless_it_is_allowed(
    new_stack: Callable[..., Stack], tmp_path: Path, code_directory: Path
) -> None:
    """A pickle executes code when it is loaded."""
    (tmp_path / "xgboost-model").write_bytes(b"\x80\x04K\x01.")
    for allow_pickle in (True, False):
        artifact = ModelArtifact.from_directory(
            tmp_path, code=code_directory, allow_pickle=allow_pickle
        )
        if allow_pickle:
            InferenceModel(new_stack(), "Model", artifact=artifact)
        else:
            with pytest.raises(ArtifactError, match="is a pickle, which executes code"):
                InferenceModel(new_stack(), "Model", artifact=artifact)


def pytorch_code(directory: Path, *, requirements: str, wheels: list[str]) -> Path:
    """A code directory for the PyTorch image."""
    (directory / "inference.py").write_text("def model_fn(model_dir):\n    return model_dir\n")
    (directory / "requirements.txt").write_text(requirements)
    (directory / "wheels").mkdir()
    for wheel in wheels:
        (directory / "wheels" / wheel).write_bytes(b"wheel")
    return directory


XGBOOST_WHEEL = "xgboost_cpu-3.2.0-py3-none-manylinux_2_28_x86_64.whl"


def test_the_pytorch_image_serves_xgboost_from_bundled_wheels(
    stack: Stack, model_directory: Path, tmp_path: Path
) -> None:
    """Nothing is fetched at the start, so the network stays off."""
    code = pytorch_code(
        tmp_path,
        requirements="--no-index\n--find-links wheels/\nxgboost-cpu==3.2.0  # the model's\n",
        wheels=[XGBOOST_WHEEL],
    )
    artifact = ModelArtifact.from_directory(
        model_directory, code=code, image=find_image("pytorch", "2.6.0")
    )
    InferenceModel(stack, "Model", artifact=artifact)
    Template.from_stack(stack).has_resource_properties(
        MODEL,
        {
            "EnableNetworkIsolation": True,
            "PrimaryContainer": {
                "Image": Match.string_like_regexp(r"/pytorch-inference:2\.6\.0-cpu-py312$"),
                "Environment": Match.object_like({"SAGEMAKER_PROGRAM": "inference.py"}),
            },
        },
    )


def test_the_pytorch_image_without_a_wheel_of_xgboost_is_refused(
    stack: Stack, model_directory: Path, code_directory: Path
) -> None:
    """It holds none itself."""
    artifact = ModelArtifact.from_directory(
        model_directory, code=code_directory, image=find_image("pytorch", "2.6.0")
    )
    with pytest.raises(ArtifactError, match="holds no XGBoost: put its wheel beside"):
        InferenceModel(stack, "Model", artifact=artifact)


def test_a_model_newer_than_the_bundled_wheel_is_refused(
    stack: Stack, model_directory: Path, tmp_path: Path
) -> None:
    """What loads the model is the wheel, not the image."""
    code = pytorch_code(
        tmp_path,
        requirements="--no-index\n--find-links wheels\nxgboost-cpu\n",
        wheels=["xgboost_cpu-2.1.1-py3-none-manylinux_2_28_x86_64.whl"],
    )
    artifact = ModelArtifact.from_directory(
        model_directory, code=code, image=find_image("pytorch", "2.6.0")
    )
    with pytest.raises(ArtifactError, match=r"reads up to 2\.1"):
        InferenceModel(stack, "Model", artifact=artifact)


@pytest.mark.parametrize(
    "case",
    [
        ("numba\n", [], "asks for numba, for which no wheel is bundled"),
        ("--find-links=wheels\nnumba>=0.60\n", ["numba-0.65.1-cp312-x.whl"], "lacks --no-index"),
        ("--no-index\n-f wheels\nNum_Ba\nlz4\n", ["num_ba-1-py3-none-any.whl"], "asks for lz4"),
        ("--no-index\n--find-links dist\nnumba\n", ["numba-1-py3-none-any.whl"], "asks for numba"),
    ],
)
def test_network_isolation_with_requirements_from_elsewhere_is_refused_with_the_reason(
    stack: Stack, model_directory: Path, tmp_path: Path, case: tuple[str, list[str], str]
) -> None:
    """`pip` would have to ask PyPI at each start."""
    requirements, wheels, reason = case
    artifact = ModelArtifact.from_directory(
        model_directory,
        code=pytorch_code(tmp_path, requirements=requirements, wheels=wheels),
    )
    with pytest.raises(ValueError, match=f"network isolation of .* must be off: .*{reason}"):
        InferenceModel(stack, "Model", artifact=artifact, network_isolation=True)


@pytest.mark.parametrize("requirements", ["", "# nothing\n", "--no-index\n-f wheels\nnumba\n"])
def test_network_isolation_with_all_wheels_bundled_is_taken(
    stack: Stack, model_directory: Path, tmp_path: Path, requirements: str
) -> None:
    """Nothing is fetched."""
    code = pytorch_code(tmp_path, requirements=requirements, wheels=["numba-1-py3-none-any.whl"])
    model = InferenceModel(
        stack,
        "Model",
        artifact=ModelArtifact.from_directory(model_directory, code=code),
        network_isolation=True,
    )
    assert model.network_isolation


def test_isolation_is_on_by_default_and_only_ever_switched_off_by_an_explicit_false(
    new_stack: Callable[..., Stack], artifact: ModelArtifact, model_directory: Path, tmp_path: Path
) -> None:
    """An artifact that needs a network does not get one in silence."""
    code = pytorch_code(tmp_path, requirements="numba\n", wheels=[])
    needy = ModelArtifact.from_directory(model_directory, code=code)
    assert InferenceModel(new_stack(), "Model", artifact=artifact).network_isolation
    with pytest.raises(ValueError, match=r"asks for numba.*set network_isolation=False"):
        InferenceModel(new_stack(), "Model", artifact=needy)
    told = InferenceModel(new_stack(), "Model", artifact=needy, network_isolation=False)
    assert not told.network_isolation


def test_the_models_of_an_ensemble_go_out_together(
    stack: Stack, model_directory: Path, code_directory: Path, tmp_path: Path
) -> None:
    """And not with the image's own handler, which would serve one of them."""
    for name in ("xgboost-model", "second.ubj"):
        (tmp_path / name).write_bytes((model_directory / "xgboost-model").read_bytes())
    models = [{"file": "xgboost-model"}, {"file": "second.ubj"}]
    (tmp_path / "ensemble.json").write_text(json.dumps({"method": "mean", "models": models}))
    artifact = ModelArtifact.from_directory(tmp_path, code=code_directory)
    InferenceModel(stack, "Model", artifact=artifact)

    with tarfile.open(archive(stack)[0]) as packed:
        names = packed.getnames()
    assert names == ["code/inference.py", "ensemble.json", "second.ubj", "xgboost-model"]
    with pytest.raises(ArtifactError, match="holds an ensemble, of which the image's own handler"):
        InferenceModel(stack, "Alone", artifact=ModelArtifact.from_directory(tmp_path))
