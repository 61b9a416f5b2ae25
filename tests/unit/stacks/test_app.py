"""The app as a program: run by itself, by the CDK CLI, and twice."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent

# What a synth reads.
INPUTS = (
    "app.py",
    "cdk.json",
    "config",
    "constructs",
    "stacks",
    "model_code/serving",
    "build/model",
)


def checkout(directory: Path) -> Path:
    """A copy of what a synth reads, elsewhere."""
    for name in INPUTS:
        source, target = ROOT / name, directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return directory


def synth(directory: Path, *, umask: int = 0o022, **environment: str) -> subprocess.Popen[str]:
    """Starts `python app.py` in a checkout."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CDK_")}
    return subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=directory,
        env={
            **inherited,
            "PYTHONPATH": f"{directory}:{directory / 'constructs'}",
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        },
        umask=umask,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def files(directory: Path) -> dict[str, bytes]:
    """The content of an assembly, by path."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def two_synths(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The assemblies of two checkouts on two unlike machines."""
    first = checkout(tmp_path_factory.mktemp("a"))
    second = checkout(tmp_path_factory.mktemp("second") / "deeper" / "down")
    runs = [
        synth(first, PYTHONHASHSEED="1", TZ="UTC", LC_ALL="C.UTF-8"),
        synth(second, umask=0o077, PYTHONHASHSEED="2", TZ="Pacific/Kiritimati", HOME="/nowhere"),
    ]
    for run in runs:
        _, errors = run.communicate(timeout=300)
        assert run.returncode == 0, errors
    return first / "cdk.out", second / "cdk.out"


def test_the_app_is_forty_lines_without_logic() -> None:
    """Settings in, stacks out."""
    text = (ROOT / "app.py").read_text()
    assert len(text.splitlines()) <= 40
    assert "boto3" not in text
    assert "if " not in text


def test_the_app_alone_writes_all_stages_and_the_report(two_synths: tuple[Path, Path]) -> None:
    """`make synth` is no more than this."""
    names = set(files(two_synths[0]))
    assert {
        f"inference-{stage}-{kind}.template.json"
        for stage in ("dev", "prod")
        for kind in ("realtime", "batch")
    } <= names
    assert {"manifest.json", "validation-report.json"} <= names


def test_two_synths_are_the_same_byte_for_byte(two_synths: tuple[Path, Path]) -> None:
    """Hash seed, time zone, locale, umask, home and path of the checkout are not in the output."""
    first, second = map(files, two_synths)
    assert set(first) == set(second)
    assert [name for name in first if first[name] != second[name]] == []


def test_the_output_names_no_path_of_the_machine(two_synths: tuple[Path, Path]) -> None:
    """Else another checkout would deploy something else."""
    for name, content in files(two_synths[0]).items():
        assert str(two_synths[0].parent).encode() not in content, name


def test_the_cdk_cli_synthesizes_the_same_template(
    two_synths: tuple[Path, Path], tmp_path: Path
) -> None:
    """What the tests look at is what is deployed. Without a stage the CLI takes `dev`."""
    done = subprocess.run(
        [str(BIN / "cdk"), "synth", "--quiet", "--output", str(tmp_path)],
        cwd=ROOT,
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith(("CDK_", "AWS_"))},
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    templates = {path.name for path in tmp_path.glob("*.template.json")}
    assert templates == {
        "inference-dev-realtime.template.json",
        "inference-dev-batch.template.json",
    }
    for name in templates:
        assert json.loads((tmp_path / name).read_text()) == json.loads(
            (two_synths[0] / name).read_text()
        )


def test_an_unknown_stage_ends_with_a_message_and_nothing_written(tmp_path: Path) -> None:
    """No traceback: whoever misspelt it did not write the app."""
    directory = checkout(tmp_path)
    run = synth(directory, CDK_CONTEXT_JSON='{"stage": "prd"}')
    _, errors = run.communicate(timeout=120)
    assert run.returncode == 1
    assert errors.strip() == (
        "error: unknown stage 'prd' (did you mean prod?): use one of dev, prod, "
        "or add config/prd.yaml"
    )
    assert list((directory / "cdk.out").glob("*.template.json")) == []


def test_a_missing_model_ends_with_the_command_that_makes_it(tmp_path: Path) -> None:
    """The first thing that a new checkout lacks."""
    directory = checkout(tmp_path)
    (directory / "build" / "model" / "xgboost-model").unlink()
    _, errors = (run := synth(directory)).communicate(timeout=120)
    assert run.returncode == 1
    assert errors.startswith("error: config/dev.yaml: model.directory: there is no build/model/")
    assert "`make model`" in errors
    assert "Traceback" not in errors
