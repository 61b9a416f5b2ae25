"""The picture in the README is drawn from the templates as they are."""

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def draw() -> Callable[[dict[str, Any], Path], None]:
    """What the script behind `make docs` draws with."""
    script = runpy.run_path(str(ROOT / "docs" / "draw_architecture.py"), run_name="drawing")
    return script["draw"]


def test_the_checked_in_picture_is_current(
    draw: Callable[[dict[str, Any], Path], None], assembly: Path, tmp_path: Path
) -> None:
    """`make docs` would change nothing; it must be run when the stacks change."""
    templates = {
        title: json.loads((assembly / f"inference-dev-{purpose}.template.json").read_text())
        for title, purpose in (("Realtime stack", "realtime"), ("Batch stack", "batch"))
    }
    draw(templates, tmp_path / "architecture.svg")
    checked_in = (ROOT / "docs" / "pictures" / "architecture.svg").read_text()
    assert (tmp_path / "architecture.svg").read_text() == checked_in


def test_a_resource_without_a_box_is_told(
    draw: Callable[[dict[str, Any], Path], None], tmp_path: Path
) -> None:
    """A new kind of resource cannot be left out of the picture unnoticed."""
    template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
    with pytest.raises(ValueError, match="no box of the picture takes AWS::SQS::Queue"):
        draw({"a": template, "b": template}, tmp_path / "picture.svg")
