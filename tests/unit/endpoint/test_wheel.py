"""The library as others get it: a wheel, in an environment without this checkout."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

USER_CODE = """
import sys
from pathlib import Path

import inference_constructs
from aws_cdk import App, Environment, Stack
from inference_constructs import InferenceModel, ModelArtifact, ProductionVariant, RealtimeEndpoint

model, out = sys.argv[1:]
app = App(outdir=out, analytics_reporting=False, tree_metadata=False)
stack = Stack(app, "Theirs", env=Environment(region="eu-west-1"))
RealtimeEndpoint(
    stack,
    "Endpoint",
    variants=[
        ProductionVariant(
            model=InferenceModel(stack, "Model", artifact=ModelArtifact.from_directory(model)),
            instance_type="ml.m5.large",
        )
    ],
)
app.synth()
print(Path(inference_constructs.__file__).parent)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built and unpacked where nothing else is."""
    dist = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(dist)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = dist.glob("*.whl")
    target = tmp_path_factory.mktemp("site")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"),
            *("--disable-pip-version-check", "--target", str(target), str(wheel)),
        ],
        check=True,
    )
    return target


def test_the_wheel_brings_its_tables_and_its_types(installed: Path) -> None:
    """Data files are easily left out of a wheel."""
    for name in (
        "inference_constructs/instance_types.json",
        "inference_constructs/py.typed",
        "inference_ops/review/differ.cjs",
        "inference_ops/review/page.css",
        "inference_rules/py.typed",
        "model_artifacts/images.json",
    ):
        assert (installed / name).is_file()


def test_the_wheel_brings_nothing_of_the_stacks_or_the_local_aws(installed: Path) -> None:
    """They use the library; the library knows nothing of them."""
    assert {path.name for path in installed.iterdir() if not path.name.endswith("-info")} <= {
        "bin",
        "inference_constructs",
        "inference_ops",
        "inference_rules",
        "model_artifacts",
        "sagemaker_prices",
    }


def test_an_app_elsewhere_synthesizes_an_endpoint_from_the_wheel(
    installed: Path, tmp_path: Path, model_directory: Path
) -> None:
    """Dependencies come from here; `.pth` files, which lead to the checkout, are not read."""
    (tmp_path / "theirs.py").write_text(USER_CODE)
    done = subprocess.run(
        [sys.executable, "-S", "theirs.py", str(model_directory), str(tmp_path / "out")],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "JSII_NODE": str(Path(sys.executable).with_name("node")),
            "PYTHONPATH": f"{installed}:{sysconfig.get_path('purelib')}",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(installed / "inference_constructs")
    template = json.loads((tmp_path / "out" / "Theirs.template.json").read_text())
    types = {resource["Type"] for resource in template["Resources"].values()}
    assert {"AWS::SageMaker::Endpoint", "AWS::SageMaker::Model"} <= types
