"""What others may import, and what the import costs."""

import subprocess
import sys
from pathlib import Path

import inference_constructs

ROOT = Path(__file__).resolve().parents[3]

PUBLIC = {
    "ArtifactError",
    "AssembleType",
    "BatchAlarms",
    "BatchStrategy",
    "BatchTransformWorkflow",
    "DataBucket",
    "EncryptionKey",
    "EndpointAlarms",
    "EndpointDashboard",
    "Image",
    "InferenceModel",
    "JoinSource",
    "ModelArtifact",
    "Network",
    "Notifications",
    "ProductionVariant",
    "RealtimeEndpoint",
    "S3Prefix",
    "Scaling",
    "ServiceRole",
    "SplitType",
    "TargetTracking",
    "TransformOptions",
    "VariantMetrics",
    "find_image",
}


def test_the_public_names_are_these() -> None:
    """A name that comes or goes is a decision, not an accident."""
    assert set(inference_constructs.__all__) == PUBLIC
    assert sorted(inference_constructs.__all__) == inference_constructs.__all__
    for name in inference_constructs.__all__:
        assert hasattr(inference_constructs, name)


def test_the_folder_constructs_is_no_package() -> None:
    """An `__init__.py` there would hide PyPI's `constructs`, and jsii would not start."""
    assert not (ROOT / "constructs" / "__init__.py").exists()
    assert not (ROOT / "tests" / "constructs").exists()


def test_the_library_needs_nothing_but_the_cdk() -> None:
    """Neither AWS's SDKs nor the parts that stand behind it on the road."""
    code = (
        "import sys, inference_constructs\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'boto3', 'botocore', 'sagemaker', 'moto', 'pydantic', 'yaml',"
        " 'stacks', 'inference_ops', 'local_aws', 'xgboost', 'numpy'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
