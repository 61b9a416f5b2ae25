"""What `inference preflight` reads out of a template, and what its guide says of it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from inference_ops.preflight.demand import jobs_at_once
from inference_ops.preflight.finding import ACTIONS

ROOT = Path(__file__).resolve().parents[3]


def test_the_guide_lists_the_permissions_that_the_command_asks_for() -> None:
    """A statement to copy, with each of them and no other."""
    text = (ROOT / "docs/guides/preflight.md").read_text()
    (block,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert json.loads(block)["Action"] == sorted(ACTIONS)


def machine(**options: Any) -> dict[str, Any]:
    """A map of transform jobs."""
    job = {"Type": "Task", "Resource": "arn:aws:states:::sagemaker:createTransformJob.sync"}
    inner = {"StartAt": "Job", "States": {"Job": job}}
    return {"States": {"Each": {"Type": "Map", "ItemProcessor": inner, **options}}}


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (machine(MaxConcurrency=5), 5),
        # Zero is as many as there are items: the API says so of Map.
        (machine(MaxConcurrency=0), None),
        (machine(), None),
        (machine(MaxConcurrencyPath="$.plan.jobs"), None),
        (
            {"Comment": {"options": {"jobs": 4}}, **machine(MaxConcurrencyPath="$.plan.jobs")},
            4,
        ),
        ({"States": {"One": {"Type": "Task", "Resource": "createTransformJob"}}}, 1),
        (None, 1),
    ],
)
def test_a_map_starts_as_many_jobs_as_run_at_once(definition: Any, expected: int | None) -> None:
    """Without a limit, or with one that only the input has, nobody knows how many."""
    assert jobs_at_once(definition) == expected
