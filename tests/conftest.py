"""The order in which files of tests begin."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
# Each file stays in one process: what takes longest begins first, so that all end together.
LONGEST_FIRST = (
    "local/test_end_to_end.py",
    "local/statements/test_every_statement.py",
    "local/office_hours/test_closing.py",
    "local/changes/test_rollouts.py",
    "local/clients/test_seed_blocks.py",
    "unit/stacks/test_app.py",
    "local/test_serve.py",
    "local/sagemaker/test_models.py",
    "local/functions/test_running.py",
    "local/transform/test_jobs.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files at the beginning; within a file the order stays."""
    rank = {TESTS / name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))
