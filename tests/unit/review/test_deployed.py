"""A review of what is deployed, where it cannot be had; and reports that cannot be written.

What it says of stacks that are there stands in `tests/local/delivery`.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from inference_ops.review.sources import Sources
from inference_ops.templates import load_templates
from tests.unit.review.conftest import Command

TOPIC = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}


def assembly(directory: Path, **properties: str) -> Path:
    """A cloud assembly with one stack in us-east-1."""
    directory.mkdir()
    stack = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://unknown-account/us-east-1",
        "properties": {"templateFile": "a.template.json", **properties},
        "displayName": "pipeline/dev/churn",
    }
    manifest = {"version": "36.0.0", "artifacts": {"artifact": stack}}
    (directory / "manifest.json").write_text(json.dumps(manifest))
    (directory / "a.template.json").write_text(json.dumps(TOPIC))
    return directory


def test_a_single_template_does_not_say_which_stack_it_is(
    template: Callable[..., str], inference: Command
) -> None:
    """So there is nothing to look up."""
    result = inference("review", "deployed", template("a", "realtime"))
    assert result.exit_code == 2
    assert "does not say what its stack is called" in result.stderr
    assert "compare an assembly" in result.stderr


def test_without_aws_it_is_told_in_one_line(
    tmp_path: Path, inference: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the exit code for what is out of reach."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "a",
        "AWS_ENDPOINT_URL": "http://localhost:9",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    result = inference("review", "deployed", str(assembly(tmp_path / "a", stackName="churn")))
    assert result.exit_code == 3
    assert result.stderr.startswith("error: stack churn: Could not connect")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("properties", "name"), [({"stackName": "churn"}, "churn"), ({}, "artifact")]
)
def test_the_name_of_a_stack_is_what_the_assembly_says(
    tmp_path: Path, properties: dict[str, str], name: str
) -> None:
    """An artifact's id where it says nothing; never the path that is shown."""
    [found] = load_templates(assembly(tmp_path / "a", **properties))
    assert (found.name, found.stack_name) == ("pipeline/dev/churn", name)


def test_a_resource_is_called_by_its_path_within_the_stack(
    tmp_path: Path, inference: Command
) -> None:
    """However deep the stack itself lies: an assembly calls it by its own path."""
    before, after = assembly(tmp_path / "a"), assembly(tmp_path / "b")
    path = {"aws:cdk:path": "pipeline/dev/churn/Alarms/Topic/Resource"}
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "a"}, "Metadata": path}
    (after / "a.template.json").write_text(json.dumps({"Resources": {"Topic": topic}}))
    result = inference("review", str(before), str(after), "--format", "markdown")
    assert "<code>Alarms/Topic</code>" in result.stdout


def test_the_assembly_of_a_stage_has_the_report_of_its_app(tmp_path: Path) -> None:
    """What was acknowledged there is acknowledged for the stage, too."""
    outer = assembly(tmp_path / "outer")
    (outer / "validation-report.json").write_text('{"pluginReports": []}')
    with Sources() as sources:
        assert sources.read(str(assembly(outer / "inner"))).report == {"pluginReports": []}
        assert sources.read(str(assembly(tmp_path / "alone"))).report is None


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("s3://bucket", "--output must be a file or s3://BUCKET/KEY, not s3://bucket"),
        ("no/such/directory/review.md", "review.md: No such file or directory"),
    ],
)
def test_a_report_that_cannot_be_written_is_told(
    template: Callable[..., str], inference: Command, place: str, told: str
) -> None:
    """As wrong usage, in one line."""
    same = template("a", "realtime")
    result = inference("review", same, same, "--format", "markdown", "--output", place)
    assert result.exit_code == 2
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1
