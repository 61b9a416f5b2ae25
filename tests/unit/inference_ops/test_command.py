"""The command itself: help, exit codes; `benchmarks/review.py` says how long it takes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_COMMAND = Path(sys.executable).with_name("inference")


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [_COMMAND, *arguments], capture_output=True, text=True, env=os.environ | environment
    )


def test_help_imports_neither_boto3_nor_xgboost() -> None:
    """What takes time is imported by the commands that need it."""
    script = (
        "import sys; import inference_ops.cli; "
        "print([m for m in ('boto3', 'botocore', 'xgboost', 'numpy', 'rich') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "command",
    ["resolve", "convert", "check", "rollback", "deployments list", "deployments prune"],
)
def test_each_command_shows_examples_and_exit_codes(command: str) -> None:
    """Every example is a line of its own, as it is typed."""
    done = _run(*command.split(), "--help", COLUMNS="200", NO_COLOR="1")

    assert done.returncode == 0
    examples = [
        line.strip() for line in done.stdout.splitlines() if line.startswith("   inference ")
    ]
    assert len(examples) >= 2
    assert all(example.startswith(f"inference {command} ") for example in examples)
    assert "Exit codes: 0 done, 1 refused" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["resolve"], 2), (["convert", "--bogus"], 2), (["nonsense"], 2), (["convert", "nowhere"], 1)],
)
def test_a_wrong_command_line_has_another_exit_code_than_a_refusal(
    arguments: list[str], code: int
) -> None:
    """2 for usage, 1 for a model that is refused; never a traceback."""
    done = _run(*arguments)

    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_aws_out_of_reach_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    """Nobody listens on port 9; the error is one line."""
    code = tmp_path / "serving"
    code.mkdir()
    (code / "inference.py").write_text("def model_fn(d): ...\n")
    done = subprocess.run(
        [_COMMAND, "resolve", "training-job/x", "--region", "us-east-1", "--code", code],
        cwd=tmp_path,
        env=os.environ
        | {
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_MAX_ATTEMPTS": "1",
        },
        capture_output=True,
        text=True,
    )

    assert done.returncode == 3
    assert "Could not connect" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_reader_that_has_seen_enough_is_no_error(as_json: list[str]) -> None:
    """As with `| head`: nothing is said, and the exit code is that of a broken pipe."""
    with subprocess.Popen(
        [_COMMAND, "rules", *as_json], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.close()
        assert command.stderr.read() == b""
        assert command.wait() == 141


def test_an_unknown_profile_is_told() -> None:
    """In AWS's own words."""
    done = _run("resolve", "s3://bucket/key", "--profile", "no-such-profile", "--no-repack")

    assert done.returncode == 3
    assert "no-such-profile" in done.stderr
