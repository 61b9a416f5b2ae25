"""Templates as files, and the command."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from inference_ops.cli import app
from tests.unit.review.edits import Edit, edited, healthy

Command = Callable[..., Result]


@pytest.fixture
def template(tmp_path: Path) -> Callable[..., str]:
    """Writes a template with edits, and gives its path."""

    def write(name: str, healthy_name: str, *edits: Edit) -> str:
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(edited(healthy(healthy_name), edits), indent=2))
        return str(path)

    return write


@pytest.fixture
def inference() -> Command:
    """Runs the command in this process."""

    def run(*arguments: str) -> Result:
        # As wide as a line may be: what is asserted stands in one.
        return CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "200"})

    return run
