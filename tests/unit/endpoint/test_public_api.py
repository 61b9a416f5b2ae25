"""What others may import, and what the import costs."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import inference_constructs

ROOT = Path(__file__).resolve().parents[3]


def test_every_public_name_is_there_and_known_to_type_checkers() -> None:
    """What is imported when it is used equals what editors and mypy are shown, in sorted order."""
    tree = ast.parse(Path(str(inference_constructs.__file__)).read_text())
    [shown] = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for node in shown.body if isinstance(node, ast.ImportFrom)]
    names = [alias.asname for node in imports for alias in node.names]
    assert names == inference_constructs.__all__ == sorted(inference_constructs.__all__)
    for node in imports:
        [alias] = node.names
        assert alias.asname == alias.name
        found = getattr(inference_constructs, alias.name)
        assert found is getattr(import_module(str(node.module)), alias.name)
    assert set(names) <= set(dir(inference_constructs))


def test_a_name_that_is_not_there_is_told_as_of_any_module() -> None:
    """With the module's name, so that a typing error is found."""
    with pytest.raises(ImportError, match="cannot import name 'RealtimeEndpiont'"):
        exec("from inference_constructs import RealtimeEndpiont")


def test_the_import_takes_no_time_beside_the_cdk() -> None:
    """At most 0.15 s of processor time, and no further module of the CDK is loaded."""
    code = (
        "import sys, time, aws_cdk\n"
        "known, began = set(sys.modules), time.process_time()\n"
        "import inference_constructs\n"
        "print(time.process_time() - began)\n"
        "print([name for name in set(sys.modules) - known if name.startswith('aws_cdk')])"
    )
    seconds, loaded = _python(code).split(maxsplit=1)
    assert float(seconds) < 0.15
    assert loaded == "[]"


def test_a_model_without_a_vpc_loads_nothing_for_networks() -> None:
    """The CDK's module for EC2 takes longer than all that a model and its variant need."""
    code = (
        "import sys\n"
        "from inference_constructs import EndpointAlarms, InferenceModel, ModelArtifact\n"
        "from inference_constructs import ProductionVariant, Scaling\n"
        "print('aws_cdk.aws_ec2' in sys.modules)"
    )
    assert _python(code) == "False"


def test_the_folder_constructs_is_no_package() -> None:
    """An `__init__.py` there would hide PyPI's `constructs`, and jsii would not start."""
    assert not (ROOT / "constructs" / "__init__.py").exists()
    assert not (ROOT / "tests" / "constructs").exists()


def test_the_library_needs_nothing_but_the_cdk() -> None:
    """Neither AWS's SDKs nor the parts that stand behind it on the road."""
    code = (
        "import sys\n"
        "from inference_constructs import *\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'boto3', 'botocore', 'sagemaker', 'moto', 'pydantic', 'yaml',"
        " 'stacks', 'inference_ops', 'local_aws', 'xgboost', 'numpy'}))"
    )
    assert _python(code) == "[]"


def _python(code: str) -> str:
    """What a program in a process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
