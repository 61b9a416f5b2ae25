"""The pictures of the batch guide are drawn from the definition and the prices as they are."""

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
PICTURES = ROOT / "docs" / "pictures"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    """The script behind `make docs`."""
    return runpy.run_path(str(ROOT / "docs" / "draw_batch.py"), run_name="drawing")


def test_the_picture_of_the_workflow_is_current(
    script: dict[str, Any], assembly: Path, tmp_path: Path
) -> None:
    """`make docs` would change nothing; it must be run when the states change."""
    definition = script["read_definition"](assembly / "inference-dev-batch.template.json")
    script["draw_machine"](definition, tmp_path / "machine.svg")
    drawn = (tmp_path / "machine.svg").read_text()
    assert drawn == (PICTURES / "batch-workflow.svg").read_text()
    for name in definition["States"]:
        assert name.split()[0] in drawn


def test_the_picture_of_the_break_even_is_current(script: dict[str, Any], tmp_path: Path) -> None:
    """It changes with the snapshot of prices."""
    script["draw_break_even"](tmp_path / "even.svg")
    drawn = (tmp_path / "even.svg").read_text()
    assert drawn == (PICTURES / "batch-or-endpoint.svg").read_text()


def test_a_state_stands_behind_all_that_lead_to_it(script: dict[str, Any]) -> None:
    """But for the way back of a repetition."""
    states = {
        "A": {"Next": "B", "Catch": [{"Next": "D"}]},
        "B": {"Choices": [{"Next": "C"}], "Default": "D"},
        "C": {"Next": "A"},
        "D": {},
    }
    assert script["places"](states, "A") == {"A": (0, 0), "B": (1, 0), "C": (2, 0), "D": (2, 1)}
